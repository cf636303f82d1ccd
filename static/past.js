// The page of history: goes from one time to another without loading the page anew.

import { localInput, replaceMain } from './swap.js';

const root = document.documentElement;
const past = () => /** @type {HTMLElement} */ (document.getElementById('past'));
/** @type {typeof import('./board.js') | null} */
let board = null;
/** The move under way: a later one ends it. */
let move = new AbortController();

/**
 * Shows an address of this page.
 * @param {string} url
 * @param {boolean} [back]  it is in the browser's history already
 */
async function go(url, back = false) {
  move.abort();
  const { signal } = (move = new AbortController());
  past().setAttribute('aria-busy', 'true');
  board?.expect();
  try {
    const response = await fetch(url, { headers: { Accept: 'text/html' }, signal });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (signal.aborted) return;
    const stream = page.documentElement.dataset.stream;
    // What goes on with the present has a stream, which belongs to a page.
    if (!response.ok || !page.getElementById('past') || (stream && stream !== root.dataset.stream)) {
      location.assign(url);
      return;
    }
    if (!back) history.pushState(null, '', url);
    const focused = document.activeElement?.getAttribute('data-key');
    replaceMain(page);
    localise();
    board?.catchUp();
    if (focused) past().querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  } catch {
    if (!signal.aborted) location.assign(url);
  }
}

/** Reads the same time again, because the stream could not go on where it was. A server that is not there yet is no reason to leave. */
export async function refill() {
  try {
    const response = await fetch(location.href, { method: 'HEAD' });
    if (response.ok || response.status === 405) await go(location.href, true);
  } catch {
    // The stream comes back, and says so again.
  }
}

/** Fields have the reader's zone; the address has none. */
function localise() {
  for (const [name, moment] of [['from', past().dataset.from], ['to', past().dataset.to]]) {
    const field = past().querySelector(`input[name="${name}"]`);
    const date = new Date(moment ?? '');
    if (!(field instanceof HTMLInputElement) || Number.isNaN(date.getTime())) continue;
    field.value = localInput(date.getTime());
    field.dataset.was = field.value;
  }
}

/**
 * @param {number} from  unix milliseconds
 * @param {number} to
 */
function stretch(from, to) {
  const url = new URL(location.href);
  url.searchParams.set('from', new Date(from).toISOString());
  url.searchParams.set('to', new Date(to).toISOString());
  go(url.href);
}

/** @param {HTMLFormElement} form */
function choose(form) {
  const url = new URL('/history', location.href);
  const now = new URL(location.href).searchParams;
  const data = new FormData(form);
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  const times = ['from', 'to'].filter((name) => field(name).value !== field(name).dataset.was);
  for (const [name, value] of data) if (value && name !== 'from' && name !== 'to') url.searchParams.set(name, String(value));
  for (const name of ['from', 'to']) {
    // Times that nobody touched stay what they were, as far back from the present as they were.
    const date = new Date(field(name).value);
    const typed = Number.isNaN(date.getTime()) ? '' : date.toISOString();
    const value = times.length > 0 ? typed : now.get(name);
    if (value) url.searchParams.set(name, value);
  }
  go(url.href);
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('#past .picker nav a') : null;
  if (!(link instanceof HTMLAnchorElement) || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (link.pathname !== '/history') return;
  event.preventDefault();
  go(link.href);
});
document.addEventListener('submit', (event) => {
  if (!(event.target instanceof HTMLFormElement) || !event.target.matches('#past form')) return;
  event.preventDefault();
  choose(event.target);
});
// Picked with the pointer it is meant; with the keys one passes by others, and submits when there.
let keyed = false;
document.addEventListener('keydown', () => (keyed = true));
document.addEventListener('pointerdown', () => (keyed = false));
document.addEventListener('change', (event) => {
  const form = event.target instanceof HTMLSelectElement ? event.target.form : null;
  if (!keyed && form?.matches('#past form')) choose(form);
});
document.addEventListener('stretch', (event) => {
  const { from, to } = /** @type {CustomEvent} */ (event).detail;
  stretch(from, to);
});
addEventListener('popstate', () => go(location.href, true));

localise();
board = await import('./board.js');

// The page of history: goes from one time to another without loading the page anew.

import { replaceMain } from './swap.js';

const root = document.documentElement;
const past = () => /** @type {HTMLElement} */ (document.getElementById('past'));
/** @type {typeof import('./board.js') | null} */
let board = null;
let turn = 0;

/**
 * Shows an address of this page.
 * @param {string} url
 * @param {boolean} [back]  it is in the browser's history already
 */
async function go(url, back = false) {
  turn += 1;
  const mine = turn;
  past().setAttribute('aria-busy', 'true');
  try {
    const response = await fetch(url, { headers: { Accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (mine !== turn) return;
    const stream = page.documentElement.dataset.stream;
    // What goes on with the present has a stream, which belongs to a page.
    if (!response.ok || !page.getElementById('past') || (stream && stream !== root.dataset.stream)) {
      location.assign(url);
      return;
    }
    if (!back) history.pushState(null, '', url);
    replaceMain(page);
    localise();
    board?.scan();
  } catch {
    location.assign(url);
  }
}

/** Fields have the reader's zone; the address has none. */
function localise() {
  for (const [name, moment] of [['from', past().dataset.from], ['to', past().dataset.to]]) {
    const field = past().querySelector(`input[name="${name}"]`);
    const date = new Date(moment ?? '');
    if (!(field instanceof HTMLInputElement) || Number.isNaN(date.getTime())) continue;
    field.value = new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
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
    const value = times.length > 0 ? new Date(field(name).value).toISOString() : now.get(name);
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
document.addEventListener('change', (event) => {
  if (event.target instanceof HTMLSelectElement && event.target.form?.matches('#past form')) choose(event.target.form);
});
document.addEventListener('stretch', (event) => {
  const { from, to } = /** @type {CustomEvent} */ (event).detail;
  stretch(from, to);
});
addEventListener('popstate', () => go(location.href, true));

/** The stream could not go on where it was. */
export const refill = () => go(location.href, true);

localise();
board = await import('./board.js');

// A page of the past: seeks, steps, and plays it at a pace. Seeking fetches the page as it was; playing joins its stream
// there, which sends what the stream of the present would have sent.

import { Stream } from './stream.js';
import { localInput, replaceMain, reshape, show, timeOfDay } from './swap.js';

/** @typedef {import('./stream.js').Message} Message */
/** @typedef {typeof import('./board.js')} Board */

/** Where the past is so young, the page goes to the present. */
const PRESENT_MS = 5_000;
/** To either side of the moment, on the scale. */
const REACH_MS = 3_600_000;
const PACES = 'tickwire-pace';

const root = document.documentElement;
/** @param {string} selector */
const find = (selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

/** @type {Board | null} */
let board = null;
/** @type {Stream | null} */
let stream = null;
let at = 0;
/** What the server's clock is ahead of ours. */
let ahead = 0;
let pace = 1;
/** What the reader wants; the stream is there when the page is. */
let playing = false;
/** The seek under way: a later one ends it. */
let seeking = new AbortController();
/** Where the piece that was played last began. */
let begun = 0;
/** When the address was changed last: browsers allow that so often only. */
let placed = 0;

try {
  pace = Number(sessionStorage.getItem(PACES)) || 1;
} catch {
  // Nothing can be kept here: the pace is one.
}

const bar = () => find('#playback');
const now = () => Date.now() + ahead;

/** @param {string} words */
const tell = (words) => (find('#playback-state').textContent = words);

/** Puts the moment into the address, the scale and the field. */
function place() {
  if (Date.now() - placed > 1_000 || !stream) {
    placed = Date.now();
    history.replaceState(null, '', address());
  }
  const scrub = /** @type {HTMLInputElement} */ (find('[data-scrub]'));
  scrub.setAttribute('aria-valuetext', timeOfDay(new Date(at)));
  if (!dragged) scrub.value = String(at);
  if (at > Number(scrub.max) || at < Number(scrub.min)) scale();
  const field = /** @type {HTMLInputElement} */ (find('#goto-at'));
  if (document.activeElement !== field) field.value = localInput(at);
}

/** The page at the moment. */
const address = () => `${bar().dataset.path}?at=${new Date(at).toISOString()}`;

/** The scale is being dragged. */
let dragged = false;

/** Lays the scale around the moment. */
function scale() {
  const scrub = /** @type {HTMLInputElement} */ (find('[data-scrub]'));
  scrub.min = String(Math.max(Number(bar().dataset.first), at - REACH_MS));
  scrub.max = String(Math.max(at, Math.min(now() - PRESENT_MS, at + REACH_MS)));
  scrub.value = String(at);
}

/**
 * Shows the page as it was at a moment; goes on playing if it played.
 * @param {number} moment  unix milliseconds
 */
async function seek(moment) {
  if (Number.isNaN(moment)) return;
  if (moment > now() - PRESENT_MS) return location.assign(bar().dataset.path ?? '/');
  halt();
  at = moment;
  place();
  seeking.abort();
  const { signal } = (seeking = new AbortController());
  tell('…');
  try {
    const response = await fetch(address(), { headers: { Accept: 'text/html' }, signal });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (signal.aborted) return;
    if (!response.ok) return tell(page.querySelector('main p:not(.code)')?.textContent ?? `status ${response.status}`);
    replaceMain(page, ['#moment', '#badge']);
    tell('');
    board?.scan();
    scale();
    seeking = new AbortController();
    if (playing) join();
  } catch {
    if (!signal.aborted) tell('The server could not be reached.');
  }
}

/** Takes up hosts and cards that came at this moment. */
async function follow() {
  if (await reshape(address())) board?.scan();
}

/** @param {Message} message */
function receive({ event, data }) {
  if (event === '') {
    show(data);
    board?.scan();
    const moment = /** @type {HTMLTimeElement} */ (find('#moment'));
    at = Date.parse(moment.dateTime) || at;
    place();
    follow();
  } else if (event === 'metrics') {
    board?.add(JSON.parse(data));
  } else if (event === 'gap') {
    const { from, to } = JSON.parse(data);
    tell(`nothing recorded from ${timeOfDay(new Date(from))} to ${timeOfDay(new Date(to))}`);
  } else if (event === 'reset') {
    tell('something is missing here');
  } else if (event === 'end') {
    // It ends where the present was when it began: what came meanwhile is the next piece.
    halt();
    const young = now() - at < PRESENT_MS * Math.max(1, pace);
    // Where nothing came, nothing is to come but the present.
    if (young || at === begun) location.assign(bar().dataset.path ?? '/');
    else join();
  }
}

/** Joins the stream of the past at the moment. */
function join() {
  halt();
  begun = at;
  // From the moment that was reached, also after a break.
  const url = () => `${root.dataset.playback}&at=${new Date(at).toISOString()}&speed=${pace}`;
  stream = new Stream(url, '', {
    message: receive,
    phase: (phase, seconds) => tell(phase === 'waiting' ? `reconnecting in ${seconds} s` : ''),
  });
  stream.retry();
}

function halt() {
  stream?.close();
  stream = null;
}

/** @param {boolean} on */
function play(on) {
  playing = on;
  find('[data-action="play"]').setAttribute('aria-pressed', String(on));
  find('[data-play-word]').textContent = on ? 'Pause' : 'Play';
  const fetching = find('#playback-state').textContent === '…';
  if (!on) {
    halt();
    place();
  } else if (!fetching) join();
}

/** @param {string | undefined} by  seconds */
const step = (by) => seek(at + Number(by) * 1_000);

at = Number(bar().dataset.at);
ahead = Number(bar().dataset.now) - Date.now();
/** @type {HTMLSelectElement} */ (find('[data-pace]')).value = String(pace);
const wanted = location.hash === '#play';
scale();
place();

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target.closest('#playback [data-by], [data-action="play"]') : null;
  if (!(target instanceof HTMLElement)) return;
  event.preventDefault();
  if (target.dataset.by) step(target.dataset.by);
  else play(!playing);
});
document.addEventListener('change', (event) => {
  const target = event.target;
  if (target instanceof HTMLSelectElement && target.matches('[data-pace]')) {
    pace = Number(target.value);
    try {
      sessionStorage.setItem(PACES, target.value);
    } catch {
      // It holds for this page.
    }
    if (stream) join();
  } else if (target instanceof HTMLInputElement && target.matches('[data-scrub]')) {
    dragged = false;
    seek(Number(target.value));
  }
});
document.addEventListener('input', (event) => {
  const target = event.target;
  if (!(target instanceof HTMLInputElement) || !target.matches('[data-scrub]')) return;
  dragged = true;
  tell(`to ${timeOfDay(new Date(Number(target.value)))}`);
});
document.addEventListener('submit', (event) => {
  if (!(event.target instanceof HTMLFormElement) || !event.target.matches('[data-goto]')) return;
  event.preventDefault();
  // Without a zone it is the reader's.
  seek(Date.parse(/** @type {HTMLInputElement} */ (find('#goto-at')).value));
});
document.addEventListener('moment', (event) => seek(/** @type {CustomEvent} */ (event).detail.at));
board = await import('./board.js');
if (wanted) play(true);

// A page of the past: seeks, steps, and plays it at a pace. Seeking fetches the page as it was; playing joins its stream
// there, which sends what the stream of the present would have sent.

import { Stream } from './stream.js';
import { replaceMain, show, timeOfDay } from './swap.js';

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
let pace = Number(sessionStorage.getItem(PACES)) || 1;
let seeking = 0;

const bar = () => find('#playback');
const now = () => Date.now() + ahead;

/** @param {string} words */
const tell = (words) => (find('#playback-state').textContent = words);

/** Puts the moment into the address, the scale and the field. */
function place() {
  history.replaceState(null, '', `${bar().dataset.path}?at=${new Date(at).toISOString()}`);
  const scrub = /** @type {HTMLInputElement} */ (find('[data-scrub]'));
  if (document.activeElement !== scrub) scrub.value = String(at);
  const field = /** @type {HTMLInputElement} */ (find('#goto-at'));
  if (document.activeElement !== field) field.value = localInput(at);
}

/** Lays the scale around the moment. */
function scale() {
  const scrub = /** @type {HTMLInputElement} */ (find('[data-scrub]'));
  scrub.min = String(Math.max(Number(bar().dataset.first), at - REACH_MS));
  scrub.max = String(Math.min(now() - PRESENT_MS, at + REACH_MS));
  place();
}

/** @param {number} millis  a moment as a `datetime-local` field has it, in the reader's zone */
function localInput(millis) {
  const zone = new Date(millis).getTimezoneOffset() * 60_000;
  return new Date(millis - zone).toISOString().slice(0, 19);
}

/**
 * Shows the page as it was at a moment; goes on playing if it played.
 * @param {number} moment  unix milliseconds
 */
async function seek(moment) {
  if (moment > now() - PRESENT_MS) return location.assign(bar().dataset.path ?? '/');
  const played = stream !== null;
  stop();
  at = moment;
  place();
  seeking += 1;
  const turn = seeking;
  tell('…');
  try {
    const response = await fetch(location.href, { headers: { Accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    if (turn !== seeking) return;
    if (!response.ok) return tell(page.querySelector('main p:not(.code)')?.textContent ?? `status ${response.status}`);
    replaceMain(page, ['#moment', '#badge']);
    tell('');
    board?.scan();
    scale();
    if (played) play();
  } catch {
    if (turn === seeking) tell('The server could not be reached.');
  }
}

/** @param {Message} message */
function receive({ event, data }) {
  if (event === '') {
    show(data);
    board?.scan();
    const moment = /** @type {HTMLTimeElement} */ (find('#moment'));
    at = Date.parse(moment.dateTime) || at;
    place();
  } else if (event === 'metrics') {
    board?.add(JSON.parse(data));
  } else if (event === 'gap') {
    const { from, to } = JSON.parse(data);
    tell(`nothing recorded from ${timeOfDay(new Date(from))} to ${timeOfDay(new Date(to))}`);
  } else if (event === 'reset') {
    tell('something is missing here');
  } else if (event === 'end') {
    // It ends where the present was when it began: what came meanwhile is the next piece.
    stop();
    if (now() - at < PRESENT_MS * Math.max(1, pace)) location.assign(bar().dataset.path ?? '/');
    else play();
  }
}

function play() {
  stop();
  // From the moment that was reached, also after a break.
  const url = () => `${root.dataset.playback}&at=${new Date(at).toISOString()}&speed=${pace}`;
  stream = new Stream(url, '', {
    message: receive,
    phase: (phase, seconds) => tell(phase === 'waiting' ? `reconnecting in ${seconds} s` : ''),
  });
  stream.retry();
  button(true);
}

function stop() {
  stream?.close();
  stream = null;
  button(false);
}

/** @param {boolean} playing */
function button(playing) {
  const play = find('[data-action="play"]');
  play.setAttribute('aria-pressed', String(playing));
  find('[data-play-word]').textContent = playing ? 'Pause' : 'Play';
}

/** @param {string | undefined} by  seconds */
const step = (by) => seek(at + Number(by) * 1_000);

at = Number(bar().dataset.at);
ahead = Number(bar().dataset.now) - Date.now();
/** @type {HTMLSelectElement} */ (find('[data-pace]')).value = String(pace);
const wanted = location.hash === '#play';
scale();

document.addEventListener('click', (event) => {
  const target = event.target instanceof Element ? event.target.closest('#playback [data-by], [data-action="play"]') : null;
  if (!(target instanceof HTMLElement)) return;
  event.preventDefault();
  if (target.dataset.by) step(target.dataset.by);
  else if (stream) stop();
  else play();
});
document.addEventListener('change', (event) => {
  const target = event.target;
  if (target instanceof HTMLSelectElement && target.matches('[data-pace]')) {
    pace = Number(target.value);
    sessionStorage.setItem(PACES, target.value);
    if (stream) play();
  } else if (target instanceof HTMLInputElement && target.matches('[data-scrub]')) {
    seek(Number(target.value));
  }
});
document.addEventListener('input', (event) => {
  const target = event.target;
  if (!(target instanceof HTMLInputElement) || !target.matches('[data-scrub]')) return;
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
if (wanted) play();

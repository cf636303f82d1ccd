// The page's script: joins its stream, shows what comes, and says how the connection stands.

import './keys.js';
import { count, notify } from './attention.js';
import { Stream } from './stream.js';
import { hold, release, reshape, show, timeOfDay } from './swap.js';

/** @typedef {import('./stream.js').Phase} Phase */
/** @typedef {import('./stream.js').Message} Message */

const root = document.documentElement;
/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** No sample for so long: what the page shows is greyed. The server knows the rhythm of its sources. */
const STALE_MS = Number(root.dataset.patience) || 5_000;

/** @type {typeof import('./board.js') | null} */
let board = null;
/** @type {typeof import('./past.js') | null} on the page of history */
let past = null;
let paused = false;
let lastUpdate = Date.now();
/** @type {{phase: Phase, seconds: number}} */
let connection = { phase: 'connecting', seconds: 0 };

/** @param {Message} message */
function receive({ event, data }) {
  if (event === '') {
    show(data);
    count();
    lastUpdate = Date.now();
    if (!paused && !document.hidden) follow();
    if (!paused && !document.hidden) board?.scan();
    tell();
  } else if (event === 'metrics') {
    board?.add(JSON.parse(data));
  } else if (event === 'alert') {
    const alert = JSON.parse(data);
    const { level, transition, message, host } = alert;
    byId('announce').textContent = `${level} ${transition}: ${message} (${host})`;
    notify(alert);
  } else if (event === 'reset') {
    if (past) past.refill();
    else board?.refill();
  }
}

/** Takes up hosts and cards that came, and lets go of those that left. */
async function follow() {
  if (await reshape(location.href)) board?.scan();
}

/** Says how the connection stands; touches the page only where that has changed. */
function tell() {
  const stale = Date.now() - lastUpdate > STALE_MS;
  const { phase, seconds } = connection;
  let state = phase === 'waiting' ? 'reconnecting' : phase;
  let words = phase === 'waiting' ? `reconnecting in ${seconds} s` : phase;
  if (phase === 'live' && stale) [state, words] = ['stale', 'no data since'];
  if (phase !== 'live' && stale) state += ' stale';
  if (paused) [state, words] = ['paused', phase === 'live' ? 'paused' : `paused, ${words}`];
  if (root.dataset.connection !== state) root.dataset.connection = state;
  const connectionText = byId('connection');
  if (connectionText.textContent !== words) connectionText.textContent = words;
  const updated = /** @type {HTMLTimeElement} */ (byId('updated'));
  if (!paused && !document.hidden) {
    const time = timeOfDay(new Date(lastUpdate));
    if (updated.textContent !== time) {
      updated.textContent = time;
      updated.dateTime = updated.title = new Date(lastUpdate).toISOString();
    }
  }
  const retry = document.querySelector('[data-action="retry"]');
  const idle = phase !== 'waiting';
  if (retry instanceof HTMLElement && retry.hidden !== idle) retry.hidden = idle;
}

/** Fragments are held back while the view is paused or nobody sees it. */
function settle() {
  if (paused || document.hidden) hold();
  else {
    release();
    board?.scan();
  }
  board?.pause(paused);
  tell();
}

/** @param {HTMLElement} button */
function togglePause(button) {
  paused = !paused;
  button.setAttribute('aria-pressed', String(paused));
  settle();
}

/** @param {string} url */
function live(url) {
  const stream = new Stream(url, root.dataset.position ?? '', {
    message: receive,
    phase: (phase, seconds) => {
      connection = { phase, seconds };
      tell();
      if (phase === 'live') draw();
    },
  });
  stream.retry();
  document.addEventListener('visibilitychange', settle);
  setInterval(tell, 1_000);
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element && event.target.closest('[data-action]');
    if (!(button instanceof HTMLElement)) return;
    if (button.dataset.action === 'pause') togglePause(button);
    if (button.dataset.action === 'retry') stream.retry();
  });
}

let late = false;

/** Fetches what draws the charts. When that fails, it is tried again once the connection is back. */
async function draw() {
  if (board || !document.querySelector('[data-chart], #hosts')) return;
  try {
    board = await import('./board.js');
    board.pause(paused);
    // What came meanwhile nobody took.
    if (late) board.refill();
  } catch {
    // The connection is lost; the server's own lines stand in.
    late = true;
  }
}

document.addEventListener('stretch', (event) => {
  const { from, to } = /** @type {CustomEvent} */ (event).detail;
  const figure = event.target instanceof Element ? event.target : null;
  const host = figure?.getAttribute('data-host');
  if (document.getElementById('past') || !host) return;
  const range = { host, from: new Date(from).toISOString(), to: new Date(to).toISOString() };
  location.assign(`/history?${new URLSearchParams(range)}`);
});
document.addEventListener('moment', (event) => {
  if (root.dataset.playback) return;
  const host = event.target instanceof Element ? event.target.getAttribute('data-host') : null;
  const at = new Date(/** @type {CustomEvent} */ (event).detail.at).toISOString();
  if (host) location.assign(`/hosts/${encodeURIComponent(host)}?at=${at}`);
});

// The first paint has the server's numbers and lines already: it comes first, then the stream, then the charts.
requestAnimationFrame(() =>
  setTimeout(async () => {
    if (document.querySelector('[data-echo]')) await import('./echo.js');
    if (document.getElementById('past')) past = await import('./past.js');
    if (root.dataset.playback) await import('./playback.js');
    if (document.getElementById('rule-form')) await import('./editor.js');
    if (root.dataset.stream) live(root.dataset.stream);
    await draw();
  }),
);

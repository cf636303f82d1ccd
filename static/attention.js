// What reaches the reader who looks elsewhere: counts in the tab's title and icon, and notifications of the system, for who
// wants them.

import { peek } from './swap.js';

const TITLE = document.title.slice(peek('badge')?.dataset.prefix?.length ?? 0);
const KEY = 'tickwire-notify';
const root = document.documentElement;
/** What a stream brings later than this, after a sleep, is on the page and no news. */
const NEWS_MS = 600_000;
const TOLD = new Set(['fired', 'escalated', 'resolved', 'no_data', 'reminder']);

/** @typedef {{id: string, transition: string, level: string, message: string, host: string, notify: boolean, silenced: boolean, timestamp: string}} Alert */

const icon = /** @type {HTMLLinkElement} */ (document.querySelector('link[rel="icon"]'));

/** Title and icon are those of the badge, also while nothing else is shown because nobody sees it. */
export function count() {
  const { prefix = '', icon: url } = peek('badge')?.dataset ?? {};
  if (document.title !== prefix + TITLE) document.title = prefix + TITLE;
  if (url && icon.getAttribute('href') !== url) icon.href = url;
}

let can = 'Notification' in window && isSecureContext;

/** Of the tabs whose streams tell them of alerts one notifies, so that nobody is told twice. */
let leads = false;
if (can && root.dataset.stream) {
  const lead = () => {
    leads = true;
    // Held for as long as the page is there.
    return new Promise(() => {});
  };
  if (navigator.locks) navigator.locks.request('tickwire-notify', lead);
  else lead();
}

function chosen() {
  try {
    return localStorage.getItem(KEY) === '1';
  } catch {
    return false;
  }
}

/** @param {boolean} on */
function choose(on) {
  try {
    localStorage.setItem(KEY, on ? '1' : '0');
  } catch {
    // Storage is refused, and with it a choice that lasts.
  }
}

const wanted = () => can && Notification.permission === 'granted' && chosen();

/**
 * Tells of what people are told of. What is told of an alert later takes the place of what was told before, and is told anew.
 * @param {Alert} alert
 */
export function notify(alert) {
  if (!wanted() || !leads || !alert.notify || alert.silenced || !TOLD.has(alert.transition)) return;
  if (Date.now() - Date.parse(alert.timestamp) > NEWS_MS) return;
  const over = alert.transition === 'resolved';
  const options = {
    body: alert.host,
    tag: `tickwire-${alert.id}`,
    renotify: true,
    requireInteraction: !over && alert.level === 'critical',
  };
  let note;
  try {
    note = new Notification(`${over ? 'Resolved' : alert.level}: ${alert.message}`, options);
  } catch {
    // A browser that has it, and does not let a page use it: those of phones.
    can = false;
    show();
    return;
  }
  note.onclick = () => {
    window.focus();
    location.assign(`/alerts/${alert.id}`);
    note.close();
  };
}

/** The button that turns it on, where the page has one. */
function show() {
  const button = document.querySelector('[data-action="notify"]');
  const state = document.querySelector('[data-notify-state]');
  if (!(button instanceof HTMLButtonElement) || !state) return;
  button.setAttribute('aria-pressed', String(wanted()));
  button.textContent = wanted() ? 'Tell me no more' : 'Tell me here';
  button.disabled = !can || Notification.permission === 'denied';
  if (!isSecureContext) state.textContent = 'cannot tell you: that needs HTTPS, or an address of this machine';
  else if (!can) state.textContent = 'cannot tell you: it does not let a page do that';
  else if (Notification.permission === 'denied') state.textContent = 'cannot tell you: its settings forbid notifications from here';
  else state.textContent = wanted() ? 'tells you of alerts, as long as a page of tickwire with live data is open' : 'tells you nothing';
}

document.addEventListener('click', async (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-action="notify"]') : null;
  if (!button) return;
  if (wanted()) choose(false);
  else if ((await Notification.requestPermission()) === 'granted') choose(true);
  show();
});

/** The name that stands beside what the reader does is in a cookie. */
function name() {
  const cookie = document.cookie.split('; ').find((pair) => pair.startsWith('tickwire_name='));
  try {
    return cookie ? decodeURIComponent(cookie.slice('tickwire_name='.length)) : '';
  } catch {
    // Another program of this host put it there.
    return '';
  }
}

function me() {
  const said = name();
  const summary = document.querySelector('[data-me]');
  const field = document.querySelector('[data-my-name]');
  if (summary && said) summary.textContent = said;
  if (field instanceof HTMLInputElement) field.value = said;
}

me();
show();
count();

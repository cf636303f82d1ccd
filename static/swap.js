// Hands fragments to htmx, which morphs them into the page; holds them back while nobody should see them move.
//
// One call of htmx.swap takes a whole message. Measured for 30 fragments: about 1 ms more than a replacement written
// for the purpose would need, and it keeps focus, open details and wired forms.

import htmx from './vendor/htmx.js';

/** @type {Map<string, string> | null} by id, the newest only; null while fragments are shown at once */
let held = null;

/**
 * Shows the fragments of one message.
 * @param {string} html
 */
export function show(html) {
  if (held) {
    const template = document.createElement('template');
    template.innerHTML = html;
    for (const root of template.content.children) held.set(root.id, root.outerHTML);
    return;
  }
  const body = document.body;
  htmx.swap({
    text: html,
    sourceElement: body,
    target: body,
    swap: 'none',
    selectOOB: '[data-live]:outerMorph',
    request: {},
  });
}

/**
 * Charts of the page that are in what comes as well are handed its data; gives those that came.
 * @param {ParentNode} anew
 */
export function handOver(anew) {
  const both = [];
  for (const figure of /** @type {NodeListOf<HTMLElement>} */ (anew.querySelectorAll('[data-chart]'))) {
    const known = document.getElementById(figure.id);
    const data = figure.querySelector('script[type="application/json"]');
    const caption = figure.querySelector('figcaption');
    // One of another kind or scale is another chart.
    if (!known || !data || !caption || known.dataset.like !== figure.dataset.like) continue;
    known.dataset.host = figure.dataset.host;
    known.querySelector('figcaption')?.replaceWith(caption);
    known.append(data);
    both.push(figure);
  }
  return both;
}

/**
 * Shows the main part of another page in place of this one's, and of what is around it the elements that are named.
 * Charts that both have stay, and are handed the other's data.
 * @param {Document} page
 * @param {string[]} [also]  selectors
 */
export function replaceMain(page, also = []) {
  const main = /** @type {HTMLElement} */ (document.getElementById('main'));
  const anew = page.getElementById('main');
  if (!anew) return;
  localise(page);
  for (const figure of handOver(anew)) figure.replaceWith(/** @type {HTMLElement} */ (document.getElementById(figure.id)));
  main.replaceChildren(...anew.childNodes);
  for (const selector of also) {
    const element = page.querySelector(selector);
    if (element) document.querySelector(selector)?.replaceWith(element);
  }
  document.title = page.title;
  htmx.process(main);
}

let reshaping = false;

/**
 * The parts of a page that are fetched anew when their shape is another one.
 * @param {ParentNode} page
 */
const shaped = (page) => /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll('#main [data-shape]:not(#shape)'));

/**
 * Fetches those parts anew when the server shows something else in them than this page does: other hosts, more that happened
 * to an alert; whether it did.
 * @param {string} url  the page as it is to be
 */
export async function reshape(url) {
  const shape = document.getElementById('shape')?.dataset.shape;
  if (!shape || reshaping || [...shaped(document)].every((part) => part.dataset.shape === shape)) return false;
  reshaping = true;
  try {
    const response = await fetch(url, { headers: { Accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const anew = [...shaped(page)].map((part) => part.outerHTML);
    if (response.ok && anew.length > 0) show(anew.join(''));
    return response.ok;
  } catch {
    // The connection is lost; the stream says so, and the next message tries again.
    return false;
  } finally {
    reshaping = false;
  }
}

/** From now on fragments are kept, one an id. */
export function hold() {
  held ??= new Map();
}

/**
 * A fragment as it was sent last, shown or kept.
 * @param {string} id
 * @returns {HTMLElement | null}
 */
export function peek(id) {
  const html = held?.get(id);
  if (!html) return document.getElementById(id);
  const template = document.createElement('template');
  template.innerHTML = html;
  return /** @type {HTMLElement | null} */ (template.content.firstElementChild);
}

/** Shows what was kept, and from now on everything at once. */
export function release() {
  if (!held) return;
  const html = [...held.values()].join('');
  held = null;
  if (html) show(html);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const minutes = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

/**
 * The time of day in the reader's zone; with its date if that is not today, or is wanted.
 * @param {Date} date
 */
export function timeOfDay(date, dated = false) {
  const time = clock.format(date);
  return !dated && Date.now() - date.getTime() < 43_200_000 ? time : `${day.format(date)}, ${time}`;
}

/**
 * A moment as a `datetime-local` field has it, in the reader's zone.
 * @param {number} millis
 */
export function localInput(millis) {
  const zone = new Date(millis).getTimezoneOffset() * 60_000;
  return new Date(millis - zone).toISOString().slice(0, 19);
}

/**
 * A moment under an axis of so many milliseconds: no finer than is read there.
 * @param {Date} date
 * @param {number} span
 */
export function axisLabel(date, span) {
  if (span > 3 * 86_400_000) return day.format(date);
  if (span > 43_200_000) return `${day.format(date)}, ${minutes.format(date)}`;
  return span > 900_000 ? minutes.format(date) : clock.format(date);
}

/** @param {ParentNode} root */
function localise(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const date = new Date(time.getAttribute('datetime') ?? '');
    if (!Number.isNaN(date.getTime())) time.textContent = timeOfDay(date, time.hasAttribute('data-dated'));
  }
}

localise(document);
document.addEventListener('htmx:before:swap', (event) => {
  for (const task of /** @type {CustomEvent} */ (event).detail.tasks) localise(task.fragment);
});

const notice = /** @type {HTMLElement} */ (document.getElementById('notice'));
let noticeTimer = 0;

/**
 * Says what went wrong with something the reader did.
 * @param {string} text
 */
function complain(text) {
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.hidden = true), 8_000);
}

document.addEventListener('htmx:response:error', (event) => {
  const { response, text } = /** @type {CustomEvent} */ (event).detail.ctx;
  let said = '';
  try {
    const problem = JSON.parse(text);
    said = problem.detail ?? problem.title ?? '';
  } catch {
    // Not a problem document: the status has to do.
  }
  complain(`That was refused (${response.status}). ${said}`);
});
document.addEventListener('htmx:error', () => complain('The server could not be reached; nothing was changed.'));

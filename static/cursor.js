// The cursor over charts: one moment, pointed at in all of them at once; and the stretch of time that is dragged over one.
//
// What comes of it are events of the figure: `stretch` (a time was dragged over), `moment` (a double click).

import { timeOfDay } from './swap.js';

/** @typedef {import('./charts.js').Mark} Mark */
/** @typedef {{left: number, top: number, width: number, height: number, from: number, to: number}} Area  of the drawing in its place, in pixels; and its time */
/**
 * @typedef {object} Pointed  what the cursor asks of a chart
 * @property {HTMLElement} figure
 * @property {() => boolean} visible
 * @property {() => Area} area
 * @property {() => Mark[]} marks
 * @property {(time: number | null) => void} tell  the moment that is pointed at
 */

/** Less than this was no drag. */
const LEAST_PX = 8;

/** @type {Set<Cursor>} */
const cursors = new Set();

export class Cursor {
  #of;
  element = document.createElement('div');
  #stretch = document.createElement('div');
  /** Where a drag began, as a moment. */
  #began = /** @type {{time: number, x: number} | null} */ (null);

  /**
   * @param {HTMLElement} place  the drawing is in it
   * @param {Pointed} of
   */
  constructor(place, of) {
    this.#of = of;
    this.element.className = 'cursor';
    this.#stretch.className = 'stretch';
    this.element.hidden = this.#stretch.hidden = true;
    place.append(this.#stretch, this.element);
    place.addEventListener('pointermove', (event) => this.#moved(place, event));
    place.addEventListener('pointerleave', () => {
      if (!this.#began) pointAt(null);
    });
    place.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || event.pointerType === 'touch') return;
      const time = this.#time(place, event, false);
      if (time === null) return;
      this.#began = { time, x: event.clientX };
      place.setPointerCapture(event.pointerId);
    });
    place.addEventListener('pointerup', (event) => this.#dropped(place, event));
    place.addEventListener('pointercancel', () => this.#end());
    place.addEventListener('dblclick', (event) => {
      const at = this.#time(place, event, false);
      if (at !== null) this.#say('moment', { at: Math.round(at) });
    });
    cursors.add(this);
  }

  /** Forgets the chart. */
  destroy() {
    cursors.delete(this);
  }

  /**
   * @param {string} what
   * @param {object} detail
   */
  #say(what, detail) {
    this.#of.figure.dispatchEvent(new CustomEvent(what, { bubbles: true, detail }));
  }

  /**
   * @param {HTMLElement} place
   * @param {MouseEvent} event
   * @param {boolean} bound  whether what is outside counts as the edge
   */
  #time(place, event, bound) {
    const { left, width, from, to } = this.#of.area();
    let share = (event.clientX - place.getBoundingClientRect().left - left) / width;
    if (bound) share = Math.min(Math.max(share, 0), 1);
    return share < 0 || share > 1 ? null : from + share * (to - from);
  }

  /**
   * @param {HTMLElement} place
   * @param {PointerEvent} event
   */
  #moved(place, event) {
    const began = this.#began;
    pointAt(this.#time(place, event, began !== null));
    if (!began) return;
    const { left, top, width, height, from, to } = this.#of.area();
    const time = this.#time(place, event, true) ?? began.time;
    const x = (moment) => left + ((moment - from) / (to - from)) * width;
    const [a, b] = [x(began.time), x(time)].sort((p, q) => p - q);
    this.#stretch.hidden = Math.abs(event.clientX - began.x) < LEAST_PX;
    this.#stretch.style.transform = `translate(${a}px, ${top}px)`;
    this.#stretch.style.width = `${b - a}px`;
    this.#stretch.style.height = `${height}px`;
  }

  /**
   * @param {HTMLElement} place
   * @param {PointerEvent} event
   */
  #dropped(place, event) {
    const began = this.#began;
    this.#end();
    const time = began && this.#time(place, event, true);
    if (!began || time === null || Math.abs(event.clientX - began.x) < LEAST_PX) return;
    const [from, to] = [began.time, time].sort((a, b) => a - b).map(Math.round);
    this.#say('stretch', { from, to });
  }

  #end() {
    this.#began = null;
    this.#stretch.hidden = true;
  }

  /** @param {number | null} time */
  point(time) {
    if (!this.#of.visible()) return;
    const { left, top, width, height, from, to } = this.#of.area();
    const share = time === null ? -1 : (time - from) / (to - from);
    const cursor = this.element;
    cursor.hidden = share < 0 || share > 1;
    if (time !== null) {
      cursor.style.height = `${height}px`;
      cursor.style.transform = `translate(${Math.round(left + share * width)}px, ${top}px)`;
      const slack = (to - from) / 100;
      const near = this.#of.marks().find((mark) => mark.x - slack < time && time < mark.until + slack);
      cursor.dataset.time = timeOfDay(new Date(time)) + (near ? ` · ${near.text}` : '');
      cursor.classList.toggle('leftwards', share > 0.6);
    }
    this.#of.tell(time);
  }
}

/** @param {number | null} time */
function pointAt(time) {
  for (const cursor of cursors) cursor.point(time);
}

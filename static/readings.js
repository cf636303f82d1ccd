// What charts know: the newest readings of each series on a fixed grid of time, and how to write a number.

/** @typedef {{name: string, value: number, unit?: string, host?: string, labels?: Record<string, string>, timestamp?: string}} Sample */

/**
 * One text for one series.
 * @param {string} host
 * @param {string} name
 * @param {Record<string, string>} [labels]
 */
export function seriesKey(host, name, labels = {}) {
  const parts = Object.keys(labels).sort().map((label) => `${label}=${labels[label]}`);
  return [host, name, ...parts].join('\u0000');
}

/** A page drawn just after a start has few values yet: room for more is kept all the same. */
const LEAST_SLOTS = 150;

/** @typedef {[number, number] | null} Bounds  the smallest and the largest of a slot */

/** The newest readings of one series: one value a slot of time, the mean of what came in it; null is a gap. */
export class Readings {
  #step;
  #slots;
  /** Samples in the newest slot. */
  #counts;
  /** A value holds for so many slots at most, until the next one comes. */
  #holds;
  /** @type {(number | null)[]} */
  values;
  /** @type {Bounds[] | null} for each value, where slots have several samples */
  bounds;
  /** The slot of the first value. */
  first;
  /** @type {(number | null)[]} of the time before, from `#beforeFirst` on */
  #before;
  #beforeFirst;

  /**
   * @param {number} start  of the first value, in unix milliseconds
   * @param {number} step  milliseconds
   * @param {{values: (number | null)[], newest?: number, holds?: number, bounds?: Bounds[], before?: (number | null)[]}} series
   */
  constructor(start, step, { values, newest = 1, holds = 0, bounds, before = [] }) {
    this.#step = step;
    this.#slots = Math.max(values.length, LEAST_SLOTS);
    this.#counts = newest;
    this.#holds = holds;
    this.values = values.slice();
    this.bounds = bounds?.slice() ?? null;
    this.first = Math.floor(start / step);
    this.#before = before;
    this.#beforeFirst = this.first;
  }

  /** The slot of the newest value. */
  get last() {
    return this.first + this.values.length - 1;
  }

  /** The newest value that is one. */
  get newest() {
    return this.values.findLast((value) => value !== null) ?? null;
  }

  /**
   * @param {number} time  unix milliseconds
   * @param {number} value
   */
  add(time, value) {
    const slot = Math.floor(time / this.#step);
    const index = slot - this.first;
    if (index < 0) return;
    this.#hold(slot);
    if (slot === this.last) {
      const before = this.values[index];
      this.#counts = before === null ? 1 : this.#counts + 1;
      this.values[index] = before === null ? value : before + (value - before) / this.#counts;
    } else if (slot < this.last) {
      this.values[index] ??= value;
    } else {
      const missing = Math.min(slot - this.last - 1, this.#slots);
      for (let i = 0; i < missing; i += 1) this.values.push(null);
      this.values.push(value);
      if (this.bounds) for (let i = 0; i <= missing; i += 1) this.bounds.push(null);
      const surplus = Math.max(0, this.values.length - this.#slots);
      this.values.splice(0, surplus);
      this.bounds?.splice(0, surplus);
      this.first = slot - this.values.length + 1;
      this.#counts = 1;
    }
    if (this.bounds) {
      const [low, high] = this.bounds[slot - this.first] ?? [value, value];
      this.bounds[slot - this.first] = [Math.min(low, value), Math.max(high, value)];
    }
  }

  /**
   * Where samples are rarer than slots, the newest value holds up to a slot, unless that is too far away.
   * @param {number} slot
   */
  #hold(slot) {
    if (this.#holds === 0) return;
    const at = this.values.findLastIndex((value) => value !== null);
    const distance = slot - this.first - at;
    if (at < 0 || distance > this.#holds) return;
    for (let i = at + 1; i < at + distance; i += 1) {
      if (i < this.values.length) this.values[i] = this.values[at];
      else this.values.push(this.values[at]);
      if (this.bounds && i >= this.bounds.length) this.bounds.push(null);
    }
  }

  /** Forgets everything up to now. */
  clear() {
    this.values.fill(null);
    this.bounds?.fill(null);
  }

  /**
   * As pairs of time and value, for the slots from `from` to `to`.
   * @param {number} from
   * @param {number} to
   * @returns {[number, number | null][]}
   */
  pairs(from, to) {
    return this.#each(from, to, (slot) => this.values[slot - this.first] ?? null);
  }

  /**
   * The same of the bounds; null where slots have one sample each.
   * @param {number} from
   * @param {number} to
   * @returns {[number, Bounds][] | null}
   */
  bands(from, to) {
    const bounds = this.bounds;
    return bounds && this.#each(from, to, (slot) => bounds[slot - this.first] ?? null);
  }

  /**
   * The same of the time before; null where it is not compared.
   * @param {number} from
   * @param {number} to
   * @returns {[number, number | null][] | null}
   */
  earlier(from, to) {
    if (this.#before.length === 0) return null;
    return this.#each(from, to, (slot) => this.#before[slot - this.#beforeFirst] ?? null);
  }

  /**
   * @template T
   * @param {number} from
   * @param {number} to
   * @param {(slot: number) => T} of
   * @returns {[number, T][]}
   */
  #each(from, to, of) {
    /** @type {[number, T][]} */
    const pairs = [];
    for (let slot = from; slot <= to; slot += 1) pairs.push([slot * this.#step, of(slot)]);
    return pairs;
  }

  /** @param {number} time  unix milliseconds */
  at(time) {
    return this.values[Math.round(time / this.#step) - this.first] ?? null;
  }
}

/** @param {number} value */
function digits(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value) || size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  return value.toFixed(size >= 0.01 ? 2 : 4);
}

/**
 * A number for people, as the server writes it.
 * @param {number} value
 * @param {string} unit
 */
export function human(value, unit) {
  if (unit === '%') return `${Math.abs(value) < 99.95 && !Number.isInteger(value) ? value.toFixed(1) : value.toFixed(0)} %`;
  if (unit === '°C') return `${digits(value)} °C`;
  if (unit === 's') return Math.abs(value) < 1 && value !== 0 ? `${digits(value * 1_000)} ms` : `${digits(value)} s`;
  const binary = unit === 'B' || unit === 'B/s';
  const prefixes = binary ? ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'] : ['', 'k', 'M', 'G', 'T', 'P'];
  let prefix = 0;
  while (Math.abs(value) >= 999.5 && prefix < prefixes.length - 1) {
    value /= binary ? 1_024 : 1_000;
    prefix += 1;
  }
  return `${digits(value)} ${prefixes[prefix]}${unit}`.trimEnd();
}

/**
 * The least end of a scale with four steps that takes in `highest`: each step is 1, 2, 2.5 or 5 of a unit people read;
 * of bytes, a power of two or one and a half of it.
 * @param {number} highest
 * @param {string} unit
 */
export function roundUp(highest, unit) {
  const binary = unit === 'B' || unit === 'B/s';
  if (!(highest > 0)) return binary ? 4_096 : 4;
  const wanted = highest / 4;
  const power = binary ? 2 ** Math.floor(Math.log2(wanted)) : 10 ** Math.floor(Math.log10(wanted));
  const nice = binary ? [1, 1.5, 2] : [1, 2, 2.5, 5, 10];
  return 4 * power * (nice.find((step) => step * power >= wanted) ?? 10);
}

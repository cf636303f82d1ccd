// What lies behind the lines of a chart: for each the stretch from its smallest to its largest value, and the line of the
// time it is compared with; and the marks of what happened, as lines and as stretches.

/** @typedef {import('./charts.js').Line} Line */
/** @typedef {import('./charts.js').Mark} Mark */
/** @typedef {import('./cursor.js').Area & {low: number, high: number}} Scaled  with the values at its lower and upper edge */

const SVG = 'http://www.w3.org/2000/svg';
/** The levels of alerts, which have a colour each; anything else was marked by people or programs. */
const LEVELS = ['info', 'warning', 'critical'];
/** What is shorter than this is a line. */
const LEAST_PX = 2;

/**
 * The largest value of lines, with all that lies behind them.
 * @param {Line[]} lines
 */
export function highest(lines) {
  let most = 0;
  for (const { values, bounds, before } of lines) {
    for (const [, value] of values) if (value !== null && value > most) most = value;
    for (const [, value] of before ?? []) if (value !== null && value > most) most = value;
    for (const [, bound] of bounds ?? []) if (bound && bound[1] > most) most = bound[1];
  }
  return most;
}

/**
 * Stretches of points without a gap.
 * @template T
 * @param {[number, T | null][]} points
 * @returns {[number, T][][]}
 */
function unbroken(points) {
  /** @type {[number, T][][]} */
  const runs = [[]];
  for (const [x, y] of points) {
    if (y !== null) runs[runs.length - 1].push([x, y]);
    else if (runs[runs.length - 1].length > 0) runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

export class Backdrop {
  element = document.createElementNS(SVG, 'svg');

  constructor() {
    this.element.classList.add('backdrop');
    this.element.setAttribute('aria-hidden', 'true');
  }

  /**
   * @param {Line[]} lines
   * @param {Mark[]} marks
   * @param {Scaled} area
   */
  draw(lines, marks, { left, top, width, height, from, to, low, high }) {
    const place = (/** @type {number} */ time) => left + ((time - from) / (to - from)) * width;
    const x = (/** @type {number} */ time) => place(time).toFixed(1);
    const y = (/** @type {number} */ value) => (top + (1 - (value - low) / (high - low)) * height).toFixed(1);
    const marked = marks.map(({ x: begin, until, kind }) => {
      const [a, b] = [place(Math.max(begin, from)), place(Math.min(until, to))];
      const shape = b - a < LEAST_PX ? `M${a.toFixed(1)} ${top}v${height}` : `M${a.toFixed(1)} ${top}H${b.toFixed(1)}v${height}H${a.toFixed(1)}z`;
      const level = LEVELS.includes(kind) ? kind : 'noted';
      return begin > to || until < from ? null : path(`mark ${level}${b - a < LEAST_PX ? '' : ' span'}`, [shape]);
    });
    const paths = lines.flatMap(({ bounds, before }, i) => [
      path(`band s${i + 1}`, unbroken(bounds ?? []).map((run) => {
        const upper = run.map(([time, [, most]]) => `${x(time)} ${y(most)}`);
        const lower = run.map(([time, [least]]) => `${x(time)} ${y(least)}`).reverse();
        return `M${upper.concat(lower).join('L')}z`;
      })),
      path(`before s${i + 1}`, unbroken(before ?? []).map((run) => `M${run.map(([time, value]) => `${x(time)} ${y(value)}`).join('L')}`)),
    ]);
    this.element.replaceChildren(...[...marked, ...paths].filter((made) => made !== null));
  }
}

/**
 * @param {string} name
 * @param {string[]} pieces
 */
function path(name, pieces) {
  if (pieces.length === 0) return null;
  const made = document.createElementNS(SVG, 'path');
  made.setAttribute('class', name);
  made.setAttribute('d', pieces.join(''));
  return made;
}

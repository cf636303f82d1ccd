// The board of charts: which there are on the page, what they have been told, and whose turn it is to be drawn.
//
// An update costs a chart some 10 to 30 ms of main thread, so they are rationed: at most two a second in all, in turn,
// only what is on screen in a visible tab, and never more than a twenty-fifth of the time. What the reader has asked for
// is not: a chart that is new, or shows another time, is drawn as soon as the page allows.

import { Plot } from './charts.js';
import { Readings, seriesKey } from './readings.js';

/** @typedef {import('./readings.js').Sample} Sample */
/** @typedef {{name: string, labels: Record<string, string>, title: string, values: (number | null)[], newest?: number, holds?: number, bounds?: import('./readings.js').Bounds[], before?: (number | null)[]}} Series */
/** @typedef {{id: string, title: string, unit: string, host: string, kind: 'line' | 'area' | 'bar', max?: number, series: Series[], thresholds: {value: number, level: string}[], start: number, step: number, range?: [number, number]}} Spec */
/**
 * @typedef {object} Chart
 * @property {Spec} spec
 * @property {HTMLElement} figure
 * @property {Readings[]} readings
 * @property {boolean} visible
 * @property {boolean} dirty
 * @property {boolean} urgent  the reader waits for it
 * @property {number} drawn  when it last was, by performance.now
 * @property {Plot | null} plot  null until it is first seen
 */

const LEAST_INTERVAL_MS = 500;
const SHARE = 25;
/** Between two charts that the reader waits for: room for a frame. */
const URGENT_MS = 20;

/** @type {Map<string, Chart>} by the id of the figure */
const charts = new Map();
/** @type {Map<string, Readings[]>} by series */
const routes = new Map();
/** @typedef {{host: string, timestamp: string, data: Sample[]}} Batch  readings of one host at one moment */
/** @type {Batch[] | null} what has come since another time was asked for */
let meanwhile = null;
let paused = false;
let timer = 0;
let drawing = false;

const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const chart = charts.get(target.id);
    if (chart) chart.visible = isIntersecting;
    if (chart?.urgent && isIntersecting) wake();
  }
});

/** Takes up the charts that are new on the page or have new data, and lets go of those that have left it. */
export function scan() {
  for (const [id, chart] of charts) if (!chart.figure.isConnected) drop(id, chart);
  for (const figure of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-chart]'))) {
    const data = figure.querySelector('script[type="application/json"]');
    if (!data) continue;
    /** @type {Spec} */
    const spec = JSON.parse(data.textContent ?? '');
    data.remove();
    const known = charts.get(figure.id);
    if (known) unroute(known);
    // What is drawn is of another time, or nothing yet.
    figure.setAttribute('aria-busy', 'true');
    const readings = spec.series.map((series) => new Readings(spec.start, spec.step, series));
    // A time that is fixed does not go on.
    if (!spec.range) spec.series.forEach((series, i) => {
      const key = seriesKey(spec.host, series.name, series.labels);
      routes.set(key, [...(routes.get(key) ?? []), readings[i]]);
    });
    if (known) {
      Object.assign(known, { spec, readings, dirty: true, urgent: true });
    } else {
      charts.set(figure.id, { spec, figure, readings, visible: false, dirty: true, urgent: true, drawn: 0, plot: null });
      seen.observe(figure);
    }
    wake();
  }
}

/** The reader has asked for another time: its charts want to know as well what comes until they are there. */
export function expect() {
  meanwhile = [];
}

/** They are there. */
export function catchUp() {
  scan();
  const batches = meanwhile ?? [];
  meanwhile = null;
  for (const batch of batches) add(batch);
}

/**
 * @param {string} id
 * @param {Chart} chart
 */
function drop(id, chart) {
  charts.delete(id);
  seen.unobserve(chart.figure);
  chart.plot?.destroy();
  unroute(chart);
}

/** @param {Chart} chart */
function unroute(chart) {
  for (const [key, route] of routes) {
    const left = route.filter((readings) => !chart.readings.includes(readings));
    if (left.length > 0) routes.set(key, left);
    else routes.delete(key);
  }
}

/** @param {Batch} batch */
export function add(batch) {
  meanwhile?.push(batch);
  const { host, timestamp, data } = batch;
  const time = Date.parse(timestamp);
  for (const { name, value, labels } of data) {
    for (const readings of routes.get(seriesKey(host, name, labels)) ?? []) readings.add(time, value);
  }
  for (const chart of charts.values()) {
    if (chart.spec.host === host && !chart.spec.range) chart.dirty = true;
  }
}

/** The stream could not go on where it was: asks for everything anew. */
export async function refill() {
  const names = [...new Set([...charts.values()].flatMap((chart) => chart.spec.series.map((series) => series.name)))];
  const response = await fetch(`/api/metrics/recent?per_series=300&names=${encodeURIComponent(names.join(','))}`);
  if (!response.ok) return;
  /** @type {{metrics: Sample[]}} */
  const { metrics: samples } = await response.json();
  for (const route of routes.values()) for (const readings of route) readings.clear();
  samples.sort((a, b) => (a.timestamp ?? '').localeCompare(b.timestamp ?? ''));
  for (const { host = '', timestamp = '', ...sample } of samples) add({ host, timestamp, data: [sample] });
}

/** @param {boolean} on */
export function pause(on) {
  paused = on;
}

/**
 * Alerts and deploys as lines and stretches: what the page lists says which, so that charts and lists never disagree.
 * @param {string} host
 * @param {number} since  unix milliseconds
 * @param {number} until
 * @returns {import('./charts.js').Mark[]}
 */
function marksOf(host, since, until) {
  const marks = [];
  for (const line of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-mark]'))) {
    const x = Date.parse(line.querySelector('time')?.dateTime ?? '');
    const end = line.dataset.until ? Date.parse(line.dataset.until) : x;
    if (end < since || x > until || (line.dataset.host && line.dataset.host !== host)) continue;
    const text = line.querySelector('.message')?.textContent ?? '';
    marks.push({ x: Math.max(x, since), until: Math.min(end, until), kind: line.dataset.mark ?? '', text });
  }
  return marks;
}

/** @param {Chart} chart */
async function draw(chart) {
  const { spec, readings } = chart;
  chart.dirty = false;
  const last = Math.max(...readings.map((of) => of.last));
  const length = Math.max(...readings.map((of) => of.values.length));
  const from = last - length + 1;
  const lines = readings.map((of) => ({
    values: of.pairs(from, last),
    bounds: of.bands(from, last),
    before: of.earlier(from, last),
  }));
  chart.plot ??= new Plot(chart);
  await chart.plot.draw(lines, marksOf(spec.host, from * spec.step, (last + 1) * spec.step));
  if (spec === chart.spec) chart.figure.removeAttribute('aria-busy');
}

/** The turn of the chart that the reader waits for, or else of the one that has waited longest. */
async function run() {
  timer = 0;
  drawing = true;
  let pause = LEAST_INTERVAL_MS;
  if (!document.hidden) {
    const now = performance.now();
    // Of a chart whose steps are long, one more sample is not seen at once.
    const moves = (/** @type {Chart} */ chart) => chart.dirty && !paused && now - chart.drawn > chart.spec.step / 4;
    const due = [...charts.values()].filter((chart) => chart.visible && (chart.urgent || moves(chart)));
    due.sort((a, b) => Number(b.urgent) - Number(a.urgent) || a.drawn - b.drawn);
    if (due.length > 0) {
      const [chart] = due;
      const began = performance.now();
      const urgent = chart.urgent;
      chart.urgent = false;
      try {
        await draw(chart);
      } catch (error) {
        // One that cannot be drawn does not stop the others.
        console.error(error);
      }
      chart.drawn = performance.now();
      pause = urgent || due[1]?.urgent ? URGENT_MS : Math.max(pause, (chart.drawn - began) * SHARE);
    }
  }
  drawing = false;
  timer = setTimeout(run, pause);
}

/** Somebody waits: the next turn is now. */
function wake() {
  if (drawing) return;
  clearTimeout(timer);
  timer = setTimeout(run, URGENT_MS);
}

scan();
wake();

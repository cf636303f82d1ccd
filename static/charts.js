// A chart as drawn. The only module that knows ApexCharts, so that it can be exchanged.
//
// ApexCharts draws lines, axes and marks; legend and cursor are the page's own, since its legend and tooltips put style
// elements into the page, which the Content-Security-Policy forbids, and double the price of an update. Colours come
// from the style sheet, so that a change of theme needs no drawing.

import ApexCharts from './vendor/apexcharts.js';
import { human, roundUp } from './readings.js';
import { timeOfDay } from './swap.js';

/** @typedef {import('./board.js').Chart} Chart */
/** @typedef {[number, number | null][]} Pairs */
/** @typedef {{x: number, kind: string, text: string}} Mark  unix milliseconds; a level or the kind of an activity */

const LEVELS = ['info', 'warning', 'critical'];
const off = { show: false };

/** @param {string} kind */
const colour = (kind) => `var(--${LEVELS.includes(kind) ? kind : 'dim'})`;

/** @param {Mark} mark */
const markLine = ({ x, kind }) => ({
  x,
  strokeDashArray: LEVELS.includes(kind) ? 0 : 3,
  borderColor: colour(kind),
  label: { text: undefined },
});

/**
 * ApexCharts puts a style element into each drawing for a legend that is not shown. The Content-Security-Policy forbids
 * it, and a style sheet that comes and goes has the browser look at every style of the page again.
 * @param {any} apex
 */
function withoutLegendStyles(apex) {
  const helpers = apex.legend?.legendHelpers;
  if (helpers) Object.getPrototypeOf(helpers).appendToForeignObject = () => {};
}

/** @type {Set<Plot>} those that have a cursor */
const plots = new Set();

export class Plot {
  #chart;
  /** @type {Mark[]} */
  #marks = [];
  /** @type {any} */
  #apex = null;
  #cursor = document.createElement('div');
  /** @type {Element[]} where the legend tells the values */
  #now;
  /** The moment the cursor is at, or null. */
  #pointed = /** @type {number | null} */ (null);

  /** @param {Chart} chart */
  constructor(chart) {
    this.#chart = chart;
    this.#now = [...chart.figure.querySelectorAll('[data-series] b')];
    this.#cursor.className = 'cursor';
    this.#cursor.hidden = true;
  }

  /**
   * @param {Pairs[]} data  of each series, on one grid
   * @param {Mark[]} marks
   */
  async draw(data, marks) {
    const series = data.map((pairs, i) => ({ name: this.#chart.spec.series[i].title, data: pairs }));
    const same = JSON.stringify(marks) === JSON.stringify(this.#marks);
    if (!this.#apex) await this.#create(series, marks);
    else if (same) await this.#apex.updateSeries(series, false);
    else {
      const annotations = { yaxis: this.#thresholds(), xaxis: marks.map(markLine) };
      await this.#apex.updateOptions({ series, annotations }, false, false, false);
    }
    this.#marks = marks;
    this.#tell();
  }

  /** Takes it off the page, with its listeners. */
  destroy() {
    plots.delete(this);
    this.#apex?.destroy();
  }

  #thresholds() {
    return this.#chart.spec.thresholds.map(({ value, level }) => ({
      y: value,
      strokeDashArray: 4,
      borderColor: colour(level),
      label: { text: undefined },
    }));
  }

  /**
   * @param {object[]} series
   * @param {Mark[]} marks
   */
  async #create(series, marks) {
    const { figure, spec } = this.#chart;
    const place = /** @type {HTMLElement} */ (figure.querySelector('.plot'));
    // ApexCharts empties its element at each update: the cursor stands beside it.
    const canvas = document.createElement('div');
    place.replaceChildren(canvas, this.#cursor);
    this.#apex = new ApexCharts(canvas, {
      chart: {
        type: spec.kind,
        height: 164,
        animations: { enabled: false },
        toolbar: off,
        zoom: { enabled: false },
        selection: { enabled: false },
        background: 'transparent',
        fontFamily: 'inherit',
        parentHeightOffset: 0,
      },
      series,
      annotations: { yaxis: this.#thresholds(), xaxis: marks.map(markLine) },
      stroke: { width: spec.kind === 'bar' ? 0 : 1.5, curve: 'straight' },
      fill: { type: 'solid', opacity: spec.kind === 'area' ? 0.15 : 1 },
      dataLabels: { enabled: false },
      markers: { size: 0 },
      legend: off,
      tooltip: { enabled: false },
      states: { hover: { filter: { type: 'none' } }, active: { filter: { type: 'none' } } },
      grid: { padding: { left: 6, right: 10, top: -16, bottom: -2 } },
      xaxis: {
        type: 'numeric',
        tickAmount: 4,
        axisBorder: off,
        axisTicks: off,
        crosshairs: off,
        tooltip: { enabled: false },
        labels: {
          rotate: 0,
          hideOverlappingLabels: true,
          formatter: (/** @type {string} */ x) => timeOfDay(new Date(Number(x))),
        },
      },
      yaxis: {
        min: 0,
        max: spec.max ?? ((/** @type {number} */ highest) => roundUp(highest, spec.unit)),
        tickAmount: 4,
        labels: { minWidth: 52, maxWidth: 64, formatter: (/** @type {number} */ y) => human(y, spec.unit) },
      },
    });
    withoutLegendStyles(this.#apex);
    await this.#apex.render();
    place.addEventListener('pointermove', (event) => {
      const { translateX, gridWidth, minX, maxX } = this.#apex.w.globals;
      const share = (event.clientX - place.getBoundingClientRect().left - translateX) / gridWidth;
      for (const plot of plots) plot.#point(share < 0 || share > 1 ? null : minX + share * (maxX - minX));
    });
    place.addEventListener('pointerleave', () => {
      for (const plot of plots) plot.#point(null);
    });
    plots.add(this);
  }

  /** @param {number | null} time */
  #point(time) {
    if (!this.#chart.visible) return;
    this.#pointed = time;
    const { translateX, translateY, gridWidth, gridHeight, minX, maxX } = this.#apex.w.globals;
    const share = time === null ? -1 : (time - minX) / (maxX - minX);
    this.#cursor.hidden = share < 0 || share > 1;
    if (time !== null) {
      this.#cursor.style.height = `${gridHeight}px`;
      this.#cursor.style.transform = `translate(${Math.round(translateX + share * gridWidth)}px, ${translateY}px)`;
      const near = this.#marks.find((mark) => Math.abs(mark.x - time) < (maxX - minX) / 100);
      this.#cursor.dataset.time = timeOfDay(new Date(time)) + (near ? ` · ${near.text}` : '');
      this.#cursor.classList.toggle('leftwards', share > 0.8);
    }
    this.#tell();
  }

  /** The legend: the values under the cursor, or the newest. */
  #tell() {
    const { readings, spec } = this.#chart;
    this.#now.forEach((now, i) => {
      const value = this.#pointed === null ? readings[i].newest : readings[i].at(this.#pointed);
      now.textContent = value === null ? '–' : human(value, spec.unit);
    });
  }
}

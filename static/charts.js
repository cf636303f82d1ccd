// A chart as drawn. The only module that knows ApexCharts, so that it can be exchanged.
//
// ApexCharts draws lines, axes and thresholds; legend and cursor are the page's own, since its legend and tooltips put style
// elements into the page, which the Content-Security-Policy forbids, and double the price of an update. So is what lies
// behind the lines (backdrop.js): ApexCharts cannot draw gaps in a band, and a chart with thirty marks takes it twice as
// long. Colours come from the style sheet, so that a change
// of theme needs no drawing.

import ApexCharts from './vendor/apexcharts.js';
import { Backdrop, highest } from './backdrop.js';
import { Cursor } from './cursor.js';
import { human, roundUp } from './readings.js';
import { axisLabel } from './swap.js';

/** @typedef {import('./board.js').Chart} Chart */
/** @typedef {[number, number | null][]} Pairs */
/** @typedef {{values: Pairs, bounds: [number, import('./readings.js').Bounds][] | null, before: Pairs | null}} Line */
/** @typedef {{x: number, until: number, kind: string, text: string}} Mark  unix milliseconds; a level or the kind of an activity */

const off = { show: false };

/**
 * ApexCharts puts a style element into each drawing for a legend that is not shown. The Content-Security-Policy forbids
 * it, and a style sheet that comes and goes has the browser look at every style of the page again.
 * @param {any} apex
 */
function withoutLegendStyles(apex) {
  const helpers = apex.legend?.legendHelpers;
  if (helpers) Object.getPrototypeOf(helpers).appendToForeignObject = () => {};
}

export class Plot {
  #chart;
  /** What is not data, as it was drawn last. */
  #frame = '';
  /** @type {Mark[]} */
  #marks = [];
  /** @type {any} */
  #apex = null;
  #cursor = /** @type {Cursor | null} */ (null);
  #backdrop = /** @type {Backdrop | null} */ (null);
  /** The largest value that is to be seen. */
  #highest = 0;
  /** The moment the cursor is at, or null. */
  #pointed = /** @type {number | null} */ (null);

  /** @param {Chart} chart */
  constructor(chart) {
    this.#chart = chart;
  }

  /**
   * @param {Line[]} lines  all on one grid
   * @param {Mark[]} marks
   */
  async draw(lines, marks) {
    const { spec } = this.#chart;
    const points = lines[0]?.values ?? [];
    const [from, to] = spec.range ?? [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0];
    const series = lines.map(({ values }, i) => ({ name: spec.series[i].title, data: values }));
    this.#highest = highest(lines);
    const frame = JSON.stringify([spec.thresholds, spec.range]);
    this.#marks = marks;
    if (this.#apex && frame === this.#frame) await this.#apex.updateSeries(series, false);
    else {
      const options = { series, ...this.#framing(from, to) };
      if (this.#apex) await this.#apex.updateOptions(options, false, false, false);
      else await this.#create(options);
    }
    this.#frame = frame;
    const { minYArr, maxYArr } = this.#apex.w.globals;
    this.#backdrop?.draw(lines, marks, { ...this.#area(), low: minYArr[0], high: maxYArr[0] });
    this.#tell();
  }

  /** Takes it off the page, with its listeners. */
  destroy() {
    this.#cursor?.destroy();
    this.#apex?.destroy();
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  #framing(from, to) {
    const { spec } = this.#chart;
    const thresholds = spec.thresholds.map(({ value, level }) => ({
      y: value,
      strokeDashArray: 4,
      borderColor: `var(--${level})`,
      label: { text: undefined },
    }));
    const span = to - from;
    return {
      annotations: { yaxis: thresholds },
      xaxis: {
        type: 'numeric',
        min: spec.range?.[0],
        max: spec.range?.[1],
        tickAmount: span > 43_200_000 ? 3 : 4,
        axisBorder: off,
        axisTicks: off,
        crosshairs: off,
        tooltip: { enabled: false },
        labels: {
          rotate: 0,
          hideOverlappingLabels: true,
          formatter: (/** @type {string} */ x) => axisLabel(new Date(Number(x)), span),
        },
      },
    };
  }

  /** @param {{series: object[]}} options */
  async #create(options) {
    const { figure, spec } = this.#chart;
    const place = /** @type {HTMLElement} */ (figure.querySelector('.plot'));
    // ApexCharts empties its element at each update: the cursor stands beside it.
    const canvas = document.createElement('div');
    this.#backdrop = new Backdrop();
    place.replaceChildren(this.#backdrop.element, canvas);
    this.#apex = new ApexCharts(canvas, {
      chart: {
        type: spec.kind,
        height: place.clientHeight,
        animations: { enabled: false },
        toolbar: off,
        zoom: { enabled: false },
        selection: { enabled: false },
        background: 'transparent',
        fontFamily: 'inherit',
        parentHeightOffset: 0,
      },
      stroke: { width: spec.kind === 'bar' ? 0 : 1.5, curve: 'straight' },
      fill: { type: 'solid', opacity: 1 },
      dataLabels: { enabled: false },
      markers: { size: 0 },
      legend: off,
      tooltip: { enabled: false },
      states: { hover: { filter: { type: 'none' } }, active: { filter: { type: 'none' } } },
      grid: { padding: { left: 6, right: 10, top: -16, bottom: -2 } },
      yaxis: {
        min: 0,
        max: spec.max ?? (() => roundUp(this.#highest, spec.unit)),
        tickAmount: 4,
        labels: { minWidth: 52, maxWidth: 64, formatter: (/** @type {number} */ y) => human(y, spec.unit) },
      },
      ...options,
    });
    withoutLegendStyles(this.#apex);
    await this.#apex.render();
    this.#cursor = new Cursor(place, {
      figure,
      visible: () => this.#chart.visible,
      area: () => this.#area(),
      marks: () => this.#marks,
      tell: (time) => {
        this.#pointed = time;
        this.#tell();
      },
    });
  }

  /** @returns {import('./cursor.js').Area} */
  #area() {
    const { translateX, translateY, gridWidth, gridHeight, minX, maxX } = this.#apex.w.globals;
    return { left: translateX, top: translateY, width: gridWidth, height: gridHeight, from: minX, to: maxX };
  }

  /** The legend: the values under the cursor, or the newest. */
  #tell() {
    const { figure, readings, spec } = this.#chart;
    figure.querySelectorAll('[data-series] b').forEach((now, i) => {
      const value = this.#pointed === null ? readings[i]?.newest : readings[i]?.at(this.#pointed);
      now.textContent = value === null || value === undefined ? '–' : human(value, spec.unit);
    });
  }
}

// What an open page costs: `node measure.mjs [URL]`. Without a URL it starts a server with --demo of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { binary, launchOptions } from './program.mjs';

/** The budgets, each with what it is measured in. */
export const BUDGETS = {
  mainThread: { most: 8, unit: '% of a core' },
  firstPaint: { most: 200, unit: 'ms' },
  loaded: { most: 500, unit: 'KiB' },
  requests: { most: 15, unit: 'requests' },
  heap: { most: 20, unit: 'MiB' },
  stream: { most: 10, unit: 'KiB/s' },
  nodes: { most: 200, unit: 'more DOM nodes' },
  listeners: { most: 20, unit: 'more listeners' },
};

/**
 * @param {import('playwright-core').CDPSession} session
 * @returns {Promise<Record<string, number>>}
 */
async function counters(session) {
  const { metrics } = await session.send('Performance.getMetrics');
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
}

/** Collections in one look at what a page holds, and the time between two of them: a chart is drawn every half second. */
const LOOKS = 8;
const BETWEEN_LOOKS_MS = 150;

/**
 * What a page holds on to: heap in MiB, DOM nodes and listeners. A chart drawn between a collection and the reading after
 * it leaves up to 400 nodes and 0.8 MiB that the next collection takes, so the least of several readings is told: what
 * leaks is in each of them.
 * @param {import('playwright-core').CDPSession} session
 */
export async function held(session) {
  const least = { heap: Infinity, nodes: Infinity, listeners: Infinity };
  for (let look = 0; look < LOOKS; look += 1) {
    if (look > 0) await delay(BETWEEN_LOOKS_MS);
    await session.send('HeapProfiler.collectGarbage');
    const { JSHeapUsedSize, Nodes, JSEventListeners } = await counters(session);
    least.heap = Math.min(least.heap, JSHeapUsedSize / 1024 / 1024);
    least.nodes = Math.min(least.nodes, Nodes);
    least.listeners = Math.min(least.listeners, JSEventListeners);
  }
  return least;
}

/**
 * Opens a page and looks at it for a while.
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @returns {Promise<Record<keyof typeof BUDGETS, number>>}
 */
export async function measure(browser, url, seconds = 20) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  await session.send('Network.enable');
  let loaded = 0;
  let requests = 0;
  /** @type {string | null} */
  let streamId = null;
  let streamed = 0;
  session.on('Network.requestWillBeSent', ({ request, requestId }) => {
    requests += 1;
    if (request.url.includes('/pages/stream')) streamId = requestId;
  });
  session.on('Network.loadingFinished', ({ encodedDataLength }) => (loaded += encodedDataLength));
  session.on('Network.dataReceived', ({ requestId, dataLength, encodedDataLength }) => {
    if (requestId === streamId) streamed += encodedDataLength || dataLength;
  });
  await page.goto(url);
  await page.waitForFunction(() => document.documentElement.dataset.connection === 'live');
  await page.waitForFunction(() =>
    [...document.querySelectorAll('[data-chart]')]
      .filter((figure) => figure.getBoundingClientRect().top < innerHeight)
      .every((figure) => figure.querySelector('.apexcharts-canvas path')),
  );
  // Charts are rationed: it takes this long until each on screen has had its first update.
  await delay(6_000);
  const atLoad = { loaded: loaded / 1024, requests };
  const firstPaint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime);
  const heldBefore = await held(session);
  const before = await counters(session);
  const began = performance.now();
  streamed = 0;
  await delay(seconds * 1_000);
  const after = await counters(session);
  const lasted = (performance.now() - began) / 1_000;
  const stream = streamed / 1024 / lasted;
  const heldAfter = await held(session);
  await context.close();
  return {
    mainThread: ((after.TaskDuration - before.TaskDuration) / lasted) * 100,
    firstPaint,
    ...atLoad,
    heap: heldAfter.heap,
    stream,
    nodes: heldAfter.nodes - heldBefore.nodes,
    listeners: heldAfter.listeners - heldBefore.listeners,
  };
}

/** @param {Awaited<ReturnType<typeof measure>>} measured */
export function table(measured) {
  return Object.entries(BUDGETS).map(([name, { most, unit }]) => {
    const value = measured[/** @type {keyof typeof BUDGETS} */ (name)];
    return `${name.padEnd(11)} ${value.toFixed(1).padStart(8)} ${unit} (budget ${most})${value > most ? '  OVER' : ''}`;
  });
}

async function main() {
  let [url] = process.argv.slice(2);
  let stop = () => {};
  if (!url) {
    const folder = mkdtempSync(join(tmpdir(), 'tickwire-measure-'));
    const server = spawn(binary(), ['--listen', '127.0.0.1:0', '--demo', '--data', folder], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    stop = () => {
      server.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    };
    let said = '';
    for await (const data of server.stdout) {
      said += data;
      const found = said.match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) {
        [url] = found;
        break;
      }
    }
    await delay(3_000);
  }
  const browser = await chromium.launch(launchOptions);
  try {
    for (const line of table(await measure(browser, url))) console.log(line);
  } finally {
    await browser.close();
    stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();

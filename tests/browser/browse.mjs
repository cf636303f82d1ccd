// How long it takes to go through the past: `node browse.mjs URL [HOST]`, of a server that has a week of it (see
// benches/week.rs). For each move: until the answer is shown, until every chart on screen is drawn, and the longest the
// page did not answer meanwhile.

import { chromium } from 'playwright-core';
import { launchOptions } from './program.mjs';

const [url, host = 'demo-web1'] = process.argv.slice(2);
if (!url) {
  console.error('node browse.mjs URL [HOST]');
  process.exit(2);
}

/** Runs in the page from the beginning on: the longest task, and the longest time between two frames. */
function watch() {
  window.longest = { task: 0, frame: 0 };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longest.task = Math.max(window.longest.task, duration);
  }).observe({ entryTypes: ['longtask'] });
  let last = 0;
  const frame = (now) => {
    if (last) window.longest.frame = Math.max(window.longest.frame, now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

const browser = await chromium.launch(launchOptions);
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
page.on('pageerror', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
await page.addInitScript(watch);

/** @param {string} key  what the address says of the time */
const drawn = (key) =>
  page.waitForFunction((was) => {
    const past = document.getElementById('past');
    if (!past || past.getAttribute('aria-busy') || `${past.dataset.from}${past.dataset.to}` === was) return false;
    const figures = [...document.querySelectorAll('[data-chart]')].filter((f) => f.getBoundingClientRect().top < innerHeight);
    window.shownAt ??= performance.now();
    return figures.every((figure) => !figure.querySelector('script') && figure.querySelector('.apexcharts-canvas path')) && window.idle;
  }, key);

console.log('move          shown ms  drawn ms  longest task ms  longest frame ms');
/**
 * @param {string} name
 * @param {() => Promise<unknown>} move
 */
async function step(name, move) {
  const was = await page.evaluate(() => {
    const past = document.getElementById('past');
    window.shownAt = null;
    window.idle = false;
    window.longest = { task: 0, frame: 0 };
    // Drawn is when the board has had its turns: charts on screen are taken one after the other.
    clearInterval(window.board);
    let calm = 0;
    let before = '';
    window.board = setInterval(() => {
      const now = [...document.querySelectorAll('[data-chart] .apexcharts-canvas')].map((c) => c.innerHTML.length).join();
      calm = now === before ? calm + 1 : 0;
      before = now;
      window.idle = calm >= 12;
    }, 50);
    return past ? `${past.dataset.from}${past.dataset.to}` : '';
  });
  const began = await page.evaluate(() => performance.now());
  await move();
  await drawn(was);
  const { shown, done, longest } = await page.evaluate(() => ({ shown: window.shownAt, done: performance.now() - 600, longest: window.longest }));
  const cell = (/** @type {number} */ value, /** @type {number} */ width) => value.toFixed(0).padStart(width);
  console.log(`${name.padEnd(12)}${cell(shown - began, 10)}${cell(Math.max(done, shown) - began, 10)}${cell(longest.task, 17)}${cell(longest.frame, 18)}`);
}

await page.goto(`${url}/history?host=${host}&from=7d`);
await page.locator('.apexcharts-canvas path').first().waitFor();
for (const range of ['30 d', '7 d', '24 h', '6 h', '1 h', '7 d']) {
  await step(range, () => page.getByRole('link', { name: range, exact: true }).click());
}
for (let i = 0; i < 6; i += 1) await step('closer', () => page.keyboard.press('+'));
for (let i = 0; i < 6; i += 1) await step('earlier', () => page.keyboard.press('['));
for (let i = 0; i < 4; i += 1) await step('farther', () => page.keyboard.press('-'));
await step('drag', async () => {
  const box = await page.locator('.plot').first().boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + 80);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 80, { steps: 10 });
  await page.mouse.up();
});
// The cursor runs over all charts at once.
await page.evaluate(() => (window.longest = { task: 0, frame: 0 }));
const box = await page.locator('.plot').first().boundingBox();
for (let i = 0; i <= 200; i += 1) await page.mouse.move(box.x + 80 + ((box.width - 100) * i) / 200, box.y + 60);
const cursor = await page.evaluate(() => window.longest);
console.log(`cursor      ${' '.repeat(20)}${cursor.task.toFixed(0).padStart(17)}${cursor.frame.toFixed(0).padStart(18)}`);
await browser.close();

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

/** @param {string} was  the time that was shown before */
const drawn = (was) =>
  page.waitForFunction((before) => {
    const past = document.getElementById('past');
    if (!past || past.getAttribute('aria-busy') || `${past.dataset.from}${past.dataset.to}` === before) return false;
    window.shownAt ??= performance.now();
    const figures = [...document.querySelectorAll('[data-chart]')].filter((f) => f.getBoundingClientRect().top < innerHeight);
    const all = figures.every((figure) => !figure.hasAttribute('aria-busy') && !figure.querySelector('script'));
    if (all) window.drawnAt = performance.now();
    return all;
  }, was);

console.log('move          shown ms  drawn ms  longest task ms  longest frame ms');
/**
 * @param {string} name
 * @param {() => Promise<unknown>} move
 */
async function step(name, move) {
  const was = await page.evaluate(() => {
    const past = document.getElementById('past');
    window.shownAt = null;
    window.longest = { task: 0, frame: 0 };
    return past ? `${past.dataset.from}${past.dataset.to}` : '';
  });
  const began = await page.evaluate(() => performance.now());
  await move();
  await drawn(was);
  const { shown, done, longest } = await page.evaluate(() => ({ shown: window.shownAt, done: window.drawnAt, longest: window.longest }));
  const cell = (/** @type {number} */ value, /** @type {number} */ width) => value.toFixed(0).padStart(width);
  console.log(`${name.padEnd(12)}${cell(shown - began, 10)}${cell(done - began, 10)}${cell(longest.task, 17)}${cell(longest.frame, 18)}`);
}

await page.goto(`${url}/history?host=${host}&from=7d`);
await drawn('');
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

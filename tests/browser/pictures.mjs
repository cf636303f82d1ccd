// Makes the pictures of the documentation: `node pictures.mjs URL [FOLDER]`, of a server that runs with --demo and has a
// week of the past (benches/week.rs).

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { launchOptions } from './program.mjs';

const [url, folder = fileURLToPath(new URL('../../docs/pictures', import.meta.url))] = process.argv.slice(2);
if (!url) {
  console.error('node pictures.mjs URL [FOLDER]');
  process.exit(2);
}

const DESK = { viewport: { width: 1440, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
/** @type {[string, string, 'dark' | 'light', import('playwright-core').BrowserContextOptions][]} */
const PICTURES = [
  ['overview-dark', '/', 'dark', DESK],
  ['overview-light', '/', 'light', DESK],
  ['host-light', '/hosts/demo-web1', 'light', DESK],
  ['alerts-dark', '/alerts', 'dark', DESK],
  ['history-light', '/history?host=demo-web1&from=7d', 'light', DESK],
  ['rule-dark', '/rules/edit?name=demo_cpu_high', 'dark', DESK],
  ['playback-dark', '/hosts/demo-web1?at=3h', 'dark', DESK],
  ['phone-dark', '/', 'dark', PHONE],
  ['phone-alerts-dark', '/alerts', 'dark', PHONE],
];
const MOST_BYTES = 300 * 1024;

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch(launchOptions);
for (const [name, path, colorScheme, options] of PICTURES) {
  const context = await browser.newContext({ ...options, colorScheme, timezoneId: 'UTC', locale: 'en-GB' });
  const page = await context.newPage();
  await page.goto(new URL(path, url).href);
  await page.waitForFunction(() => document.documentElement.dataset.playback || document.documentElement.dataset.connection === 'live');
  // A rule has been tried.
  if (path.startsWith('/rules/edit')) await page.locator('#trial .outcome').waitFor();
  // Every chart on screen is drawn by script before the picture is taken.
  await page.waitForFunction(() =>
    [...document.querySelectorAll('[data-chart]')]
      .filter((figure) => figure.getBoundingClientRect().top < innerHeight)
      .every((figure) => figure.querySelector('.apexcharts-canvas path')),
  );
  const file = join(folder, `${name}.png`);
  await page.screenshot({ path: file });
  const { size } = statSync(file);
  console.log(`${file} ${(size / 1024).toFixed(0)} KiB`);
  if (size > MOST_BYTES) {
    console.error(`${file} is larger than ${MOST_BYTES / 1024} KiB`);
    process.exitCode = 1;
  }
  await context.close();
}
await browser.close();

// What happens to the page when the connection is lost, and how it comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LOST, Line, Server, connection, isLive, numbers, onPage, until } from './harness.mjs';

/** @param {import('playwright-core').Page} page */
const countdown = async (page) => Number((await connection(page)).words.match(/reconnecting in (\d+) s/)?.[1] ?? NaN);

test('after the server has restarted the page counts down, and lives on', async () => {
  const server = await Server.start({ demo: true });
  await server.ticks(2);
  await onPage(server.url, async (page) => {
    await isLive(page);
    await page.waitForSelector('.apexcharts-canvas path');
    await page.evaluate(() => (window.same = true));
    await server.kill('SIGKILL');
    const first = await until('the countdown', async () => (await countdown(page)) || null);
    const retry = page.getByRole('button', { name: 'Retry now' });
    await retry.waitFor();
    assert.match((await connection(page)).state, /^reconnecting/);
    await until('the countdown moves', async () => (await countdown(page)) !== first);
    await page.waitForFunction(() => document.documentElement.dataset.connection === 'reconnecting stale');
    const opacity = await page.locator('.card').first().evaluate((card) => getComputedStyle(card).opacity);
    assert.ok(Number(opacity) < 1, 'old numbers are greyed');
    const old = await numbers(page);
    await server.again();
    await retry.click();
    await isLive(page);
    await until('numbers move', async () => (await numbers(page)) !== old);
    assert.equal(await retry.isVisible(), false);
    assert.ok(await page.evaluate(() => window.same), 'the page was not loaded anew');
  }, { mayFail: LOST });
});

test('charts are filled again after a reset', async () => {
  // So little is remembered that what is missed is soon gone.
  const server = await Server.start({ config: '[stream]\nlog_bytes = "64KiB"\n' });
  const line = await Line.to(server);
  const start = Date.now() - 600_000;
  /** @param {number} from @param {number} to  of the 2 s steps of ten minutes */
  const fill = async (from, to) => {
    const lines = [];
    for (let i = from; i < to; i += 1) {
      lines.push({ name: 'cpu_usage', value: 50, unit: '%', host: 'plant', timestamp: new Date(start + i * 2_000).toISOString() });
    }
    await server.post('/api/ingest', lines);
  };
  await fill(0, 100);
  await onPage(`${line.url}/hosts/plant`, async (page) => {
    await isLive(page);
    const shown = () =>
      page.evaluate(() => {
        const path = document.querySelector('.apexcharts-area-series path[fill="none"], .apexcharts-area-series path')?.getAttribute('d') ?? '';
        return (path.match(/[ML]/g) ?? []).length;
      });
    await until('the chart is drawn', async () => (await shown()) > 50);
    const before = await shown();
    line.refuses = true;
    line.cut();
    await until('the page waits', async () => (await connection(page)).words.startsWith('reconnecting'));
    await fill(100, 290);
    // Others' samples push these out of what is remembered.
    const noise = Array.from({ length: 2_000 }, (_, i) => ({ name: `noise_${i % 50}`, value: i, host: 'elsewhere' }));
    for (let i = 0; i < 6; i += 1) await server.post('/api/ingest', noise);
    line.heard = '';
    line.refuses = false;
    await page.getByRole('button', { name: 'Retry now' }).click();
    await isLive(page);
    await until('the server says reset', () => line.heard.includes('event: reset'));
    await until('the chart shows what was missed', async () => (await shown()) > before + 50);
  }, { mayFail: LOST });
});

test('a first connection that fails is tried again', async () => {
  const server = await Server.start({ demo: true });
  await onPage('', async (page) => {
    let tries = 0;
    await page.route('**/pages/stream**', (route) => {
      tries += 1;
      return tries < 3 ? route.abort() : route.continue();
    });
    await page.goto(server.url);
    await isLive(page);
    assert.equal(tries, 3);
  }, { mayFail: LOST });
});

test('charts whose script could not be fetched come with the next connection', async () => {
  const server = await Server.start({ demo: true });
  const line = await Line.to(server);
  await onPage('', async (page) => {
    let refused = 0;
    await page.route('**/board.js', (route) => {
      refused += 1;
      return refused === 1 ? route.abort() : route.continue();
    });
    await page.goto(line.url);
    await isLive(page);
    await until('the script is refused', () => refused > 0);
    await server.ticks(2);
    line.cut();
    // A chart that has a single reading is a point, which nobody sees; and what came meanwhile is not missing.
    await page.locator('.apexcharts-canvas path:visible').first().waitFor();
  }, { mayFail: LOST });
});

test('a line that has gone silent is noticed, and given up', async () => {
  const server = await Server.start({ demo: true });
  const line = await Line.to(server);
  await onPage('', async (page) => {
    await page.clock.install();
    await page.goto(line.url);
    await isLive(page);
    line.holds = true;
    await page.clock.fastForward(6_000);
    await page.waitForFunction(() => document.documentElement.dataset.connection === 'stale');
    assert.equal((await connection(page)).words, 'no data since');
    let aborted = false;
    page.on('requestfailed', () => (aborted = true));
    await page.clock.fastForward(40_000);
    await until('the dead stream is given up', () => aborted);
    line.holds = false;
    line.cut();
    await isLive(page);
  }, { mayFail: LOST });
});

test('a server that drains says when to come back, and the page obeys', async () => {
  // Far longer than the page would wait by itself.
  const server = await Server.start({ demo: true, config: '[stream]\nretry = "20s"\n' });
  const line = await Line.to(server);
  await onPage(line.url, async (page) => {
    await isLive(page);
    await page.waitForSelector('.apexcharts-canvas path');
    await server.kill('SIGTERM');
    const [, millis] = await until('draining', () => line.heard.match(/event: draining\r?\nretry: (\d+)/));
    const shown = await until('the countdown', async () => (await countdown(page)) || null);
    assert.ok(Math.abs(shown - Number(millis) / 1_000) <= 2, `shown ${shown} s, asked for ${millis} ms`);
    await server.again();
    await page.keyboard.press('r');
    await isLive(page);
  }, { mayFail: LOST });
});

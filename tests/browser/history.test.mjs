// The page of history: ranges, zoom, comparison, marks, gaps, files.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Server, isLive, onPage, until } from './harness.mjs';

const RULE = `
[[rules]]
name = "boiler_high"
metric = "boiler_pressure"
warning = { fire = 50, clear = 40 }
message = "Boiler at {{ value }} bar"
`;
/** @type {Server} */
let server;
/** The moment the past of the boiler ends. */
let end = 0;
before(async () => {
  server = await Server.start({ demo: true, config: RULE });
  end = Math.floor(Date.now() / 1_000) * 1_000;
  // Fifty minutes, of which five are missing, a value a second; every so often one stands out.
  const samples = [];
  for (let ago = 3_000; ago >= 0; ago -= 1) {
    if (ago < 900 && ago >= 600) continue;
    const value = ago % 500 === 250 ? 30 : 10 + (ago % 10) / 10;
    samples.push({ name: 'boiler_pressure', value, unit: 'bar', host: 'plant', timestamp: end - ago * 1_000 });
  }
  for (let at = 0; at < samples.length; at += 1_000) await server.post('/api/ingest', samples.slice(at, at + 1_000));
  await server.post('/api/annotations', { message: 'boiler serviced', kind: 'maintenance', host: 'plant', from: end - 1_200_000, to: end - 1_080_000 });
  await server.push('boiler_pressure', 60, { host: 'plant', unit: 'bar' });
  await server.push('boiler_pressure', 11, { host: 'plant', unit: 'bar' });
  await until('it is kept', async () => {
    const { series } = await server.get('/api/history?hosts=plant&from=1h&step=raw');
    return series[0]?.points.some(([, value]) => value === 60);
  });
});

const PLANT = '/history?host=plant&names=boiler_*';

/** Every chart on screen shows the time that is shown. @param {import('playwright-core').Page} page */
const drawn = (page) =>
  page.waitForFunction(() => {
    const figures = [...document.querySelectorAll('[data-chart]')].filter((figure) => figure.getBoundingClientRect().top < innerHeight);
    const stands = (/** @type {Element} */ figure) => figure.querySelector('.apexcharts-canvas path') && !figure.hasAttribute('aria-busy') && !figure.querySelector('script');
    return figures.length > 0 && !document.querySelector('#past[aria-busy]') && figures.every(stands);
  });

/**
 * The time that is shown, in seconds.
 * @param {import('playwright-core').Page} page
 */
const length = (page) =>
  page.evaluate(() => {
    const { from, to } = document.getElementById('past').dataset;
    return (Date.parse(to) - Date.parse(from)) / 1_000;
  });

test('a range is one click away, and the way back too, without another page', async () => {
  await onPage(`${server.url}${PLANT}&from=1h`, async (page) => {
    await isLive(page);
    await drawn(page);
    await page.evaluate(() => (window.stays = true));
    const label = () => page.locator('.apexcharts-xaxis-label').first().textContent();
    await page.getByRole('link', { name: '30 d' }).click();
    await until('thirty days', async () => (await length(page)) === 30 * 86_400);
    await drawn(page);
    assert.match((await label()) ?? '', /[a-z]{3}/i, 'days under the axis');
    const ends = await page.locator('.page-head time').allTextContents();
    assert.ok(ends.length === 2 && ends.every((text) => /[a-z]{3}/i.test(text)), `${ends} have dates`);
    await page.getByRole('link', { name: '15 min' }).click();
    await until('fifteen minutes', async () => (await length(page)) === 900);
    await drawn(page);
    assert.match((await label()) ?? '', /^\d\d:\d\d/, 'times of day under the axis');
    assert.equal(await page.getAttribute('.ranges [aria-current]', 'aria-current'), 'true');
    assert.equal(await page.textContent('.ranges [aria-current]'), '15 min');
    assert.equal(new URL(page.url()).searchParams.get('from'), '15m');
    await page.keyboard.press('-');
    await until('half as much again, since what is to come is left out', async () => (await length(page)) > 1_300);
    await drawn(page);
    const from = () => page.evaluate(() => document.getElementById('past').dataset.from);
    const before = await from();
    await page.keyboard.press('[');
    await until('earlier', async () => (await from()) < before);
    await page.goBack();
    await page.goBack();
    await until('fifteen minutes again', async () => (await length(page)) === 900);
    await drawn(page);
    assert.ok(await page.evaluate(() => window.stays), 'it is the same page all the time');
  });
});

test('what is dragged over is what is shown, and the peak in it is not lost', async () => {
  await onPage(`${server.url}${PLANT}&from=1h`, async (page) => {
    await drawn(page);
    // A step has several samples, so what stands out is in the shade.
    await page.locator('.backdrop .band').first().waitFor({ state: 'attached' });
    const box = await page.locator('.plot').first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.4, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 4 });
    await page.locator('.stretch:not([hidden])').waitFor();
    await page.mouse.up();
    await until('a few minutes', async () => (await length(page)) < 600);
    const seconds = await length(page);
    assert.ok(seconds > 200 && seconds < 600, `${seconds} s`);
    await drawn(page);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.stream), `/pages/stream?page=history&host=plant&names=boiler%5F%2A`);
  });
});

test('gaps are gaps, thresholds are lines, what happened is marked and listed', async () => {
  const at = (/** @type {number} */ ago) => encodeURIComponent(new Date(end - ago * 1_000).toISOString());
  await onPage(`${server.url}${PLANT}&from=${at(1_800)}&to=${at(-5)}`, async (page) => {
    await drawn(page);
    const pieces = await page.locator('.apexcharts-line-series path').evaluateAll((paths) =>
      paths.map((path) => path.getAttribute('d') ?? '').join('').split('M').filter((piece) => piece.includes('L')).length,
    );
    assert.ok(pieces >= 2, `${pieces} pieces of a line`);
    assert.ok(await page.locator('.apexcharts-yaxis-annotations line').count(), 'the threshold');
    assert.ok(await page.locator('.backdrop .mark.span').count(), 'a span is as long as it was');
    const rows = await page.locator('.marks tbody tr').allInnerTexts();
    assert.ok(rows.some((row) => /warning[\s\S]*Boiler at 60 bar; now 11 bar/.test(row)), rows.join('\n'));
    assert.ok(rows.some((row) => /maintenance[\s\S]*boiler serviced[\s\S]*2 min/.test(row)), rows.join('\n'));
    const plot = page.locator('.plot').first();
    const box = await plot.boundingBox();
    // The service lasted from a third to two fifths of this time.
    await plot.hover({ position: { x: 70 + (box.width - 90) * 0.365, y: 60 } });
    await until('the cursor says what it was', async () => /boiler serviced/.test((await page.getAttribute('.cursor:not([hidden])', 'data-time')) ?? ''));
  });
});

test('the time before lies behind, dashed', async () => {
  await onPage(`${server.url}${PLANT}&from=15m`, async (page) => {
    await drawn(page);
    assert.equal(await page.locator('.backdrop .before').count(), 0);
    await page.keyboard.press('c');
    await page.locator('.backdrop .before').first().waitFor({ state: 'attached' });
    assert.equal(new URL(page.url()).searchParams.get('compare'), '1');
    assert.equal(await page.getAttribute('a[data-key="c"]', 'aria-current'), 'true');
  });
});

test('a time that goes with the present goes on', async () => {
  await onPage(`${server.url}/history?host=demo-web1&from=5m`, async (page) => {
    await isLive(page);
    await drawn(page);
    const legend = page.locator('#chart-cpu-1 [data-series] b');
    const before = await legend.textContent();
    await until('the newest value is another', async () => (await legend.textContent()) !== before);
  });
});

test('what is measured rarely goes on as a line', async () => {
  const now = Math.floor(Date.now() / 1_000) * 1_000;
  const sample = (/** @type {number} */ ago) => ({ name: 'tank_level', value: 50 - ago / 10, unit: '%', host: 'tank', timestamp: now - ago * 1_000 });
  await server.post('/api/ingest', [280, 250, 220, 190, 160, 130, 100, 70, 40].map(sample));
  await until('it is kept', async () => {
    const { series } = await server.get('/api/history?hosts=tank&from=1h&step=raw');
    return series[0]?.points.length === 9;
  });
  await onPage(`${server.url}/history?host=tank&names=tank_level&from=5m`, async (page) => {
    await isLive(page);
    await drawn(page);
    const newest = page.locator('[data-series] b');
    const pieces = async () => {
      const paths = await page.locator('.apexcharts-line-series path').evaluateAll((paths) => paths.map((path) => path.getAttribute('d') ?? ''));
      return paths.join('').split('M').filter((piece) => piece.includes('L')).length;
    };
    assert.equal(await pieces(), 1);
    await server.post('/api/ingest', [sample(10)]);
    await until('the newest', async () => (await newest.textContent())?.includes('49') ?? false);
    await until('drawn', async () => (await pieces()) === 1);
  });
});

test('fields and files: another host, other metrics, samples as a table', async () => {
  await onPage(`${server.url}${PLANT}&from=1h`, async (page) => {
    await drawn(page);
    await page.getByLabel('Metrics').fill('cpu_*,load1');
    await page.getByLabel('Host').selectOption('demo-web1');
    await page.waitForURL(/host=demo-web1/);
    await until('its charts', async () => (await page.locator('.past-charts h3').allTextContents()).join() === 'cpu_usage,load1');
    assert.equal(new URL(page.url()).searchParams.get('from'), '1h', 'times that nobody touched stay');
    // With the keys one passes by hosts that are not meant.
    await page.getByLabel('Host').focus();
    await page.keyboard.press('End');
    await until('another one', async () => (await page.getByLabel('Host').inputValue()) !== 'demo-web1');
    assert.match(page.url(), /host=demo-web1/);
    await page.getByLabel('Host').selectOption('demo-web1');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.exports a').first().click()]);
    assert.equal(download.suggestedFilename(), 'demo-web1.csv');
    const text = (await (await download.createReadStream()).toArray()).join('');
    assert.match(text, /cpu_usage/);
    await page.getByLabel('Metrics').fill('nothing_at_all');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('Nothing was recorded').waitFor();
  });
});

test('dragging over a chart of a page leads to its history', async () => {
  await onPage(`${server.url}/hosts/demo-web1`, async (page) => {
    await isLive(page);
    await page.locator('.apexcharts-canvas path:visible').first().waitFor();
    const box = await page.locator('.plot').first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/\/history\?host=demo-web1&from=/);
    await page.locator('#past').waitFor();
  });
});

test('without JavaScript it is a page of links and a form, with lines the server drew', async () => {
  await onPage(`${server.url}${PLANT}&from=1h`, async (page) => {
    assert.match((await page.locator('.plot .static path').first().getAttribute('d')) ?? '', /^M/);
    await page.getByRole('link', { name: '24 h' }).click();
    assert.equal(await page.textContent('.ranges [aria-current]'), '24 h');
    await page.getByRole('button', { name: 'Show' }).click();
    assert.equal(await page.locator('.ranges [aria-current]').count(), 0, 'now it is the time in the fields');
    assert.equal(await page.textContent('h1'), 'History');
    assert.match((await page.textContent('.page-head time')) ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, 'with its date');
  }, { javaScriptEnabled: false });
});

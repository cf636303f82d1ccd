// Pages of the past: seeking, stepping, playing, and the way back to the present.

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
/** What was pushed: when the server had it, and the value. */
const pushed = /** @type {{at: number, value: number}[]} */ ([]);
before(async () => {
  server = await Server.start({ demo: true, config: RULE });
  for (const value of [10, 60, 20, 30]) {
    await server.push('boiler_pressure', value, { host: 'plant', unit: 'bar' });
    pushed.push({ at: Date.now(), value });
    await server.ticks(6);
  }
  // The store has what is two seconds old.
  await server.ticks(5);
});

/** @param {number} n */
const PLANT = (n) => `${server.url}/hosts/plant?at=${new Date(pushed[n].at + 20).toISOString()}`;
/** @param {import('playwright-core').Page} page */
const shown = async (page) => Number(await page.locator('.card .now data').first().textContent());
/** @param {import('playwright-core').Page} page */
const moment = (page) => page.evaluate(() => Date.parse(document.getElementById('moment').dateTime));
/** @param {import('playwright-core').Page} page */
const ready = (page) => page.locator('[data-scrub][min]').waitFor();

test('a page is as it was, and steps lead from one moment to the next', async () => {
  await onPage(PLANT(1), async (page) => {
    await ready(page);
    assert.equal(await shown(page), 60);
    assert.match(await page.locator('[data-alert]').innerText(), /Boiler at 60 bar/);
    assert.equal(await page.locator('[data-do="acknowledge"]').count(), 0, 'nothing can be done about the past');
    const before = await moment(page);
    await page.getByRole('link', { name: '+1 s', exact: true }).click();
    await until('a second later', async () => Math.abs((await moment(page)) - before - 1_000) < 5);
    await page.keyboard.press(',');
    await page.keyboard.press(',');
    await page.keyboard.press(',');
    await until('seconds earlier', async () => (await shown(page)) === 10);
    assert.equal(await page.locator('[data-alert]').count(), 0);
    assert.match(page.url(), /at=\d{4}-/, 'the address is that of the moment');
    await page.reload();
    assert.equal(await shown(page), 10);
  });
});

test('it plays at a pace, is paused, and arrives in the present', async () => {
  await onPage(PLANT(0), async (page) => {
    await ready(page);
    assert.equal(await shown(page), 10);
    await page.keyboard.press('p');
    await until('the first change', async () => (await shown(page)) === 60);
    await page.getByRole('button', { name: 'Pause' }).click();
    const held = await moment(page);
    await server.ticks(2);
    assert.equal(await moment(page), held, 'a pause holds it');
    await page.getByLabel('Pace').selectOption('60');
    await page.getByRole('button', { name: 'Play' }).click();
    await page.waitForURL(`${server.url}/hosts/plant`);
    await isLive(page);
    assert.equal(await shown(page), 30);
  });
});

test('the overview replays with its charts, which stay where they are', async () => {
  await onPage(`${server.url}/?at=8s`, async (page) => {
    await ready(page);
    await page.locator('.apexcharts-canvas path:visible').first().waitFor();
    await page.evaluate(() => (document.querySelector('[data-chart]').stays = true));
    const legend = page.locator('[data-chart][data-host="demo-web1"] [data-series] b').first();
    // Charts that nobody sees are not drawn.
    await legend.scrollIntoViewIfNeeded();
    await until('it is drawn', async () => /\d/.test((await legend.textContent()) ?? ''));
    const before = [await moment(page), await legend.textContent()];
    await page.keyboard.press('.');
    await until('a second later', async () => (await moment(page)) > before[0]);
    await page.keyboard.press('p');
    await until('its charts go on', async () => (await legend.textContent()) !== before[1]);
    assert.ok(await page.evaluate(() => document.querySelector('[data-chart]').stays));
    assert.equal(await page.locator('#sources').count(), 0, 'how sources were is not known');
    await page.keyboard.press('l');
    await page.waitForURL(`${server.url}/`);
  });
});

test('an alert links to its minute, which plays by itself', async () => {
  await onPage(`${server.url}/alerts`, async (page) => {
    await isLive(page);
    const link = page.locator('#alert-history td a').first();
    await link.click();
    await page.waitForURL(/\/hosts\/plant\?at=/);
    await until('it plays', async () => (await page.getAttribute('[data-action="play"]', 'aria-pressed')) === 'true');
  });
});

test('a moment can be typed and dragged to, and one that is no past leads to the present', async () => {
  await onPage(PLANT(1), async (page) => {
    await ready(page);
    const scrub = page.locator('[data-scrub]');
    await scrub.fill(await scrub.getAttribute('min'));
    await until('the oldest there is', async () => (await moment(page)) <= pushed[0].at);
    const there = new Date(pushed[2].at + 1_500);
    await page.locator('#goto-at').fill(new Date(there.getTime() - there.getTimezoneOffset() * 60_000).toISOString().slice(0, 19));
    await page.getByRole('button', { name: 'Go' }).click();
    await until('the moment that was typed', async () => (await shown(page)) === 20);
    await page.goto(`${server.url}/hosts/plant?at=0s`);
    assert.equal(page.url(), `${server.url}/hosts/plant`);
  });
});

test('a line that breaks is said, and playing goes on where it was', async () => {
  await onPage('', async (page) => {
    let tries = 0;
    await page.route('**/pages/stream**', (route) => {
      tries += 1;
      return tries === 1 ? route.abort() : route.continue();
    });
    await page.goto(PLANT(0));
    await ready(page);
    await page.keyboard.press('p');
    await until('it says so', async () => /reconnecting in/.test((await page.textContent('#playback-state')) ?? ''));
    await until('it goes on', async () => (await shown(page)) === 60);
  }, { mayFail: /Failed to load resource|net::ERR_/ });
});

test('without JavaScript there are links to other moments', async () => {
  await onPage(PLANT(1), async (page) => {
    assert.equal(await shown(page), 60);
    await page.getByRole('link', { name: '−1 min' }).click();
    await page.getByText('Nothing of this host was recorded then').waitFor();
    await page.getByRole('link', { name: 'Back to live' }).click();
    assert.equal(page.url(), `${server.url}/hosts/plant`);
  }, { javaScriptEnabled: false });
});

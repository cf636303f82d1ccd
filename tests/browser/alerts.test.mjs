// Alerts and activities: seen, announced, counted, acknowledged, and put away.

import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { BOILERS, Server, isLive, onPage, until } from './harness.mjs';

const RULES = `${BOILERS}
[[rules]]
name = "busy"
metric = "cpu_usage"
hosts = "plant"
warning = { fire = 80, clear = 70 }
flapping.after = 0
message = "Plant is busy"
`;
/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({ config: RULES });
  await server.ticks(1);
});

/** @param {string} boiler @param {number} value */
const pressure = (boiler, value) => server.pressure(boiler, value);

beforeEach(async () => {
  await pressure('a', 1);
  await pressure('b', 1);
  await until('all is quiet', async () => (await server.get('/api/alerts')).alerts.length === 0);
});

test('an alert appears, is announced and counted, grows worse, and goes', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    await page.getByText('All quiet').waitFor();
    await page.evaluate(() => {
      window.said = [];
      const place = document.getElementById('announce');
      new MutationObserver(() => window.said.push(place.textContent)).observe(place, { childList: true, characterData: true, subtree: true });
    });
    assert.equal(await page.getAttribute('#announce', 'aria-live'), 'polite');
    await pressure('a', 60);
    const alert = page.locator('[data-alert]');
    await alert.waitFor();
    assert.match(await alert.innerText(), /warning[\s\S]*Boiler a at 60 bar[\s\S]*above 50 bar/);
    assert.equal(await page.locator('#open-alerts .verdict').innerText(), '1 warning');
    assert.match(await page.innerText('#badge'), /^1\s+open$/);
    assert.match(await page.locator('#alert-feed h3').innerText(), /1 open, 0 critical/);
    await until('it is announced', () => page.evaluate(() => window.said.some((text) => text === 'warning fired: Boiler a at 60 bar (plant)')));
    await pressure('a', 95);
    await page.locator('[data-alert].critical').waitFor();
    await until('the escalation is announced', () => page.evaluate(() => window.said.some((text) => text.startsWith('critical escalated: '))));
    assert.ok(await page.locator('#badge.critical').count());
    await pressure('a', 10);
    await page.getByText('All quiet').waitFor();
    await until('the badge is empty', async () => (await page.textContent('#badge')) === '');
  });
});

test('an alert is acknowledged and dismissed by click', async () => {
  await onPage(`${server.url}/alerts`, async (page) => {
    await isLive(page);
    await pressure('a', 60);
    await page.getByRole('button', { name: 'Acknowledge' }).click();
    await page.locator('[data-alert].acknowledged').waitFor();
    assert.equal((await server.get('/api/alerts')).alerts[0].acknowledged, true);
    assert.equal(await page.getByRole('button', { name: 'Acknowledge' }).count(), 0);
    await pressure('b', 60);
    const second = page.locator('[data-alert]', { hasText: 'Boiler b' });
    await second.getByRole('button', { name: 'Dismiss' }).click();
    await until('the second is dismissed', async () => {
      const { alerts } = await server.get('/api/alerts');
      return alerts.every((alert) => alert.acknowledged);
    });
    await pressure('a', 1);
    await page.locator('#alert-history tr', { hasText: 'Boiler a' }).first().waitFor();
  });
});

test('an alert is found, explained and acknowledged by keyboard', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    await pressure('a', 60);
    await pressure('b', 95);
    await until('both are there', async () => (await page.locator('[data-alert]').count()) === 2);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    assert.match(await focused(), /Boiler a/, 'the second: the worst is first');
    await page.keyboard.press('w');
    await page.locator('[data-alert]', { hasText: 'Boiler a' }).getByText('Rule boiler_high fires when').waitFor();
    await server.ticks(2);
    assert.ok(await page.locator('[data-alert]', { hasText: 'Boiler a' }).locator('details').evaluate((d) => d.open), 'updates leave it open');
    assert.match(await focused(), /Boiler a/, 'updates leave the focus');
    await page.keyboard.press('a');
    await page.locator('[data-alert].acknowledged', { hasText: 'Boiler a' }).waitFor();
    assert.equal(await page.locator('[data-alert]:not(.acknowledged)').count(), 1);
    await page.keyboard.press('k');
    await page.keyboard.press('d');
    await until('the other is dismissed', async () => (await server.get('/api/alerts')).alerts.every((alert) => alert.acknowledged));
  });
});

test('all alerts are cleared, after a question', async () => {
  await onPage(`${server.url}/alerts`, async (page) => {
    await isLive(page);
    await pressure('a', 60);
    await pressure('b', 60);
    await until('both are there', async () => (await page.locator('[data-alert]').count()) === 2);
    page.once('dialog', (dialog) => dialog.dismiss());
    await page.getByRole('button', { name: 'Clear all' }).click();
    assert.ok((await server.get('/api/alerts')).alerts.every((alert) => !alert.acknowledged), 'no is no');
    page.once('dialog', (dialog) => dialog.accept());
    await page.getByRole('button', { name: 'Clear all' }).click();
    await until('both are put away', async () => (await server.get('/api/alerts')).alerts.every((alert) => alert.acknowledged));
  });
});

test('what cannot be done is said', async () => {
  await onPage(`${server.url}/alerts`, async (page) => {
    await isLive(page);
    await pressure('a', 60);
    const button = page.getByRole('button', { name: 'Acknowledge' });
    await button.waitFor();
    await page.route('**/acknowledge', (route) => route.abort());
    await button.click();
    await page.getByText('The server could not be reached; nothing was changed.').waitFor();
  }, { mayFail: /Failed to load resource|Failed to fetch/ });
});

test('a deploy appears in the feed and as a mark on the charts, and so does an alert', async () => {
  const busy = (value) => server.push('cpu_usage', value, { host: 'plant', unit: '%' });
  await busy(10);
  await onPage(`${server.url}/hosts/plant`, async (page) => {
    await isLive(page);
    await page.waitForSelector('.apexcharts-canvas path');
    const marks = () => page.locator('.backdrop .mark').count();
    assert.equal(await marks(), 0);
    await busy(12);
    await server.post('/api/events', { kind: 'deploy', message: 'boiler software 2.1', host: 'plant' });
    await page.locator('#activity li', { hasText: 'boiler software 2.1' }).waitFor();
    // A chart reaches to its newest sample; marks later than that wait for the next.
    await until('the mark of the deploy', async () => {
      await busy(20);
      return (await marks()) === 1;
    });
  });
  await onPage(server.url, async (page) => {
    await isLive(page);
    await page.waitForSelector('#host-plant .apexcharts-canvas path');
    const marks = () => page.locator('#host-plant .backdrop .mark').count();
    const before = await marks();
    await busy(95);
    await page.locator('#alert-feed li', { hasText: 'Plant is busy' }).waitFor();
    await until('the mark of the alert', async () => {
      await busy(96);
      return (await marks()) > before;
    });
    await busy(10);
    await page.getByText('All quiet').waitFor();
  });
});

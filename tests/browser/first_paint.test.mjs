// What a reader without JavaScript has: whole pages with real numbers, and forms that work.

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
before(async () => {
  server = await Server.start({ demo: true, config: RULE });
  await server.push('boiler_temperature', 81.25, { host: 'plant', unit: '°C' });
  await server.ticks(2);
});

const unscripted = { javaScriptEnabled: false };

test('every page is complete without JavaScript', async () => {
  const pages = {
    '/': 'Overview',
    '/hosts/demo-web1': 'demo-web1',
    '/alerts': 'Alerts',
    '/rules': 'Rules',
    '/rules/edit?name=boiler_high': 'Rule boiler_high',
    '/silences': 'Silences',
    '/channels': 'Channels',
    '/history': 'History',
    '/sources': 'Sources',
    '/status': 'Status',
    '/echo': 'Echo',
  };
  for (const [path, title] of Object.entries(pages)) {
    await onPage(server.url + path, async (page) => {
      assert.equal(await page.textContent('h1'), title);
      assert.equal(await page.locator('.top nav a').count(), 6, path);
      assert.equal(await page.locator('.scripted:visible').count(), 0, `${path}: nothing that needs a script is offered`);
    }, unscripted);
  }
});

test('the first paint has the numbers of the API', async () => {
  const { stats } = await server.get('/api/stats');
  const boiler = stats.find((s) => s.name === 'boiler_temperature');
  await onPage(`${server.url}/hosts/plant`, async (page) => {
    const card = page.locator('.card', { hasText: 'boiler_temperature' });
    assert.equal(await card.locator('.now').getAttribute('title'), `${boiler.last} °C at ${boiler.timestamp}`);
    assert.equal(await card.locator('.now data').textContent(), '81.2');
  }, unscripted);
  await onPage(server.url, async (page) => {
    const card = page.locator('#host-demo-web1').getByRole('article', { name: 'CPU', exact: true });
    const [, value, time] = (await card.locator('.now').getAttribute('title')).match(/^(\S+) % at (\S+)$/);
    const { metrics } = await server.get('/api/metrics/recent?names=cpu_usage&per_series=60');
    const sample = metrics.find((m) => m.host === 'demo-web1' && m.timestamp === time);
    assert.equal(Number(value), sample.value);
    assert.match(await card.locator('.spark path').getAttribute('d'), /^M/);
  }, unscripted);
});

test('a page without JavaScript loads itself anew', async () => {
  await onPage(server.url, async (page) => {
    const drawn = await page.textContent('#updated');
    await page.waitForEvent('framenavigated');
    assert.notEqual(await page.textContent('#updated'), drawn);
  }, unscripted);
});

test('a source is stopped and started by a plain form', async () => {
  await onPage(`${server.url}/sources`, async (page) => {
    const row = page.locator('tr', { hasText: 'made-up figures' });
    await row.getByRole('button', { name: 'Stop' }).click();
    await row.getByRole('button', { name: 'Start' }).waitFor();
    assert.equal(page.url(), `${server.url}/sources`);
    assert.equal(await row.locator('.source-state').textContent(), 'stopped');
    await row.getByRole('button', { name: 'Start' }).click();
    await row.getByRole('button', { name: 'Stop' }).waitFor();
  }, unscripted);
});

test('an alert is acknowledged and dismissed by a plain form', async () => {
  await server.push('boiler_pressure', 66, { host: 'plant', unit: 'bar' });
  await until('the alert is open', async () => (await server.get('/api/alerts')).alerts.length === 1);
  await onPage(`${server.url}/alerts`, async (page) => {
    await page.getByRole('button', { name: 'Acknowledge' }).click();
    await page.getByText('seen', { exact: true }).waitFor();
    assert.equal(page.url(), `${server.url}/alerts`);
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.waitForLoadState();
    assert.equal(page.url(), `${server.url}/alerts`);
  }, unscripted);
});

test('a host without file systems and traffic has no panels for them, until they come', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    const panels = page.locator('#host-plant .panels');
    assert.equal(await panels.getByText('File systems').isVisible(), false);
    assert.equal(await panels.getByText('Traffic').isVisible(), false);
    const disk = { host: 'plant', unit: '%', labels: { mount: '/srv' } };
    await server.push('filesystem_used_percent', 12, disk);
    await panels.getByText('/srv').waitFor();
  });
});

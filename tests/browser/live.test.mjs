// Numbers that change in place, from one stream.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Server, connection, isLive, numbers, onPage, until } from './harness.mjs';

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({ demo: true });
  await server.ticks(2);
});

/** @param {import('playwright-core').Page} page */
const drawn = (page) => page.waitForFunction(() => document.querySelector('.apexcharts-canvas path'));

/**
 * Waits until the page has been told `count` times more.
 * @param {import('playwright-core').Page} page
 * @param {number} count
 */
async function updates(page, count) {
  for (let i = 0; i < count; i += 1) {
    const { updated } = await connection(page);
    await until('the time of the last update moves', async () => (await connection(page)).updated !== updated);
  }
}

/**
 * Says that nobody sees the tab, or that somebody does.
 * @param {import('playwright-core').Page} page
 * @param {boolean} hidden
 */
const hide = (page, hidden) =>
  page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);

/** @param {import('playwright-core').Page} page */
const countMutations = (page) =>
  page.evaluate(() => {
    window.mutations = [];
    const told = ({ type, target, attributeName }) => `${type} ${target.nodeName}.${target.id || target.className} ${attributeName ?? ''}`;
    const observer = new MutationObserver((records) => window.mutations.push(...records.map(told)));
    observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  });

test('numbers and the time of the last update change in place', async () => {
  for (const path of ['/', '/hosts/demo-web1', '/sources', '/status']) {
    await onPage(server.url + path, async (page) => {
      await isLive(page);
      await page.evaluate(() => (window.same = document.querySelector('main')));
      const text = () => page.innerText('main');
      const before = await text();
      await updates(page, 1);
      await until(`${path} changes`, async () => (await text()) !== before);
      assert.ok(await page.evaluate(() => window.same === document.querySelector('main')), 'the page was not loaded anew');
    });
  }
});

test('after the load there is no request but the stream', async () => {
  await onPage(server.url, async (page) => {
    await drawn(page);
    await isLive(page);
    await until('every script is loaded', () => page.evaluate(() => document.readyState === 'complete'));
    /** @type {string[]} */
    const requests = [];
    page.on('request', (request) => requests.push(request.url()));
    await updates(page, 4);
    assert.deepEqual(requests, []);
    const streams = await page.evaluate(() => performance.getEntriesByType('resource').filter((r) => r.name.includes('/stream?')).length);
    assert.ok(streams <= 1, 'one stream a tab');
  });
});

test('the stream of a page carries the series of its charts only', async () => {
  /** Up to the fragments, and to the first samples of a host that are to come. */
  const read = async (query, host = '') => {
    const stop = new AbortController();
    const response = await fetch(`${server.url}/pages/stream?${query}`, { signal: stop.signal });
    let text = '';
    const decoder = new TextDecoder();
    for await (const part of response.body) {
      text += decoder.decode(part, { stream: true });
      if (/^data: <span id="badge"/m.test(text) && (!host || text.includes(`"type":"metrics","host":"${host}"`))) break;
    }
    stop.abort();
    return [...text.matchAll(/"type":"metrics","host":"([^"]*)"/g)].map(([, host]) => host);
  };
  assert.deepEqual(await read('page=alerts'), []);
  assert.deepEqual(await read('page=status'), []);
  assert.deepEqual([...new Set(await read('page=host&host=demo-web1', 'demo-web1'))], ['demo-web1']);
  assert.ok((await read('page=overview', 'demo-market')).includes('demo-market'));
});

test('the page of alerts stays live while nothing fires', async () => {
  await onPage(`${server.url}/alerts`, async (page) => {
    await isLive(page);
    await page.evaluate(() => {
      window.states = new Set();
      new MutationObserver(() => window.states.add(document.documentElement.dataset.connection)).observe(
        document.documentElement,
        { attributeFilter: ['data-connection'] },
      );
    });
    await updates(page, 7);
    assert.deepEqual(await page.evaluate(() => [...window.states]), []);
  });
});

test('a paused view is frozen, and catches up when it goes on', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    await drawn(page);
    await page.getByRole('button', { name: 'Pause' }).click();
    assert.match((await connection(page)).words, /^paused/);
    const frozen = [await numbers(page), (await connection(page)).updated];
    await countMutations(page);
    await server.ticks(3);
    assert.deepEqual([await numbers(page), (await connection(page)).updated], frozen);
    assert.deepEqual(await page.evaluate(() => window.mutations), [], 'charts stand too');
    await page.getByRole('button', { name: 'Pause' }).click();
    await isLive(page);
    assert.notDeepEqual(await numbers(page), frozen[0], 'what was missed is there at once');
  });
});

test('a hidden tab draws nothing, and is up to date when it is seen again', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    await drawn(page);
    await hide(page, true);
    const before = await numbers(page);
    await countMutations(page);
    await server.ticks(3);
    assert.deepEqual(await page.evaluate(() => window.mutations), []);
    await hide(page, false);
    assert.notEqual(await numbers(page), before);
  });
});

test('a chart takes up a line that joins it', async () => {
  const latency = (quantile, value) => server.push('request_latency', value, { host: 'shop', unit: 's', labels: { quantile } });
  await latency('0.5', 0.02);
  await onPage(`${server.url}/hosts/shop`, async (page) => {
    await isLive(page);
    const lines = page.locator('[data-chart] [data-series]');
    assert.equal(await lines.count(), 1);
    await latency('0.99', 0.2);
    await until('the legend has two lines', async () => (await lines.count()) === 2);
    await until('both are told', async () => (await lines.last().innerText()).includes('200 ms'));
  });
});

test('a host that joins appears by itself', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    await server.push('hello', 1, { host: 'newcomer' });
    await page.locator('#host-newcomer .card').waitFor();
  });
});

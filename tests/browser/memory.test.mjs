// Memory that stays flat for days: five thousand ticks of a real stream, as fast as the page takes them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Server, onPage, until } from './harness.mjs';
import { held } from './measure.mjs';

const TICKS = 5_000;
/** The page is given the first of them to fill its windows and to draw every chart once. */
const WARM = 2_500;

const RULES = `
[[rules]]
name = "boiler_high"
metric = "boiler_pressure"
warning = { fire = 50, clear = 40 }
critical = { fire = 90, clear = 80 }
flapping.after = 0
message = "Boiler at {{ value }} bar"
`;

/**
 * Reads a page's stream while things happen: the blocks of each flush, with its last, the fragments.
 * @param {Server} server
 */
async function record(server) {
  const stop = new AbortController();
  const response = await fetch(`${server.url}/pages/stream?page=overview`, { signal: stop.signal });
  const push = (value) => server.push('boiler_pressure', value, { host: 'plant', unit: 'bar' });
  const events = [
    () => push(60),
    () => server.post('/api/events', { kind: 'deploy', message: 'one', host: 'demo-web1' }),
    () => push(95),
    async () => {
      const { alerts } = await server.get('/api/alerts');
      await server.post(`/api/alerts/${alerts[0].id}/acknowledge`);
    },
    () => server.post('/api/events', { kind: 'note', message: 'two', host: 'demo-web1' }),
    () => push(10),
    () => push(61),
    () => push(11),
  ];
  /** @type {string[]} */
  const ticks = [];
  let rest = '';
  let tick = '';
  const decoder = new TextDecoder();
  for await (const part of response.body) {
    rest += decoder.decode(part, { stream: true });
    const blocks = rest.split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(':')) continue;
      tick += `${block}\n\n`;
      // The fragments, without a name, end a flush.
      if (block.startsWith('event:')) continue;
      ticks.push(tick);
      tick = '';
      const next = events.shift();
      if (next) await next();
    }
    if (ticks.length >= 14) break;
  }
  stop.abort();
  // The first holds the whole page; replayed ticks are the changes.
  return ticks.slice(1);
}

/**
 * Stands in front of the server and plays a recorded stream again and again; all else is the server's own.
 * @param {Server} server
 * @param {string[]} ticks
 */
async function play(server, ticks) {
  const state = { played: 0, wanted: 0 };
  // Each turn is later than the one before, as for a page that stays open; within it samples come as they came, since a
  // chart with a gap at every other moment is drawn in pieces, each of which has listeners.
  const times = [...ticks.join('').matchAll(/"timestamp":"([^"]*)"/g)].map(([, time]) => Date.parse(time));
  const first = Math.min(...times);
  const turn = Math.ceil((Math.max(...times) - first + 1) / 1_000) * 1_000;
  const proxy = http.createServer(async (request, response) => {
    if (!request.url?.startsWith('/pages/stream')) {
      const onward = http.request(`${server.url}${request.url}`, { method: request.method, headers: request.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      request.pipe(onward);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(':ok\nretry: 1000\n\n');
    const start = Date.now();
    while (!response.destroyed) {
      if (state.played >= state.wanted) {
        await delay(20);
        continue;
      }
      const shift = start - first + Math.floor(state.played / ticks.length) * turn;
      const tick = ticks[state.played % ticks.length].replaceAll(/(?<="timestamp":")[^"]*/g, (time) => new Date(Date.parse(time) + shift).toISOString());
      state.played += 1;
      if (!response.write(tick)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      await delay(3);
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${proxy.address().port}`, state };
}

test('five thousand ticks leave memory, nodes and listeners as they were', async (t) => {
  const server = await Server.start({ demo: true, config: RULES });
  await server.push('boiler_pressure', 10, { host: 'plant', unit: 'bar' });
  await server.ticks(2);
  const ticks = await record(server);
  // Nothing new meanwhile: the page is to show what is played.
  const { url, state } = await play(server, ticks);
  await onPage(url, async (page) => {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    await page.evaluate(() => {
      window.taken = 0;
      document.addEventListener('htmx:after:swap', () => (window.taken += 1));
    });
    await page.waitForSelector('.apexcharts-canvas path');
    const after = async (count) => {
      state.wanted = count;
      await until(`${count} ticks are taken`, () => page.evaluate((count) => window.taken >= count, count), 100_000);
      // Now: while it is measured nothing comes, and the page says that.
      assert.equal(await page.evaluate(() => document.documentElement.dataset.connection), 'live');
      const found = await held(session);
      t.diagnostic(`after ${count} ticks: heap ${found.heap.toFixed(2)} MiB, ${found.nodes} nodes, ${found.listeners} listeners`);
      return found;
    };
    const first = await after(500);
    const early = await after(WARM);
    const late = await after(TICKS);
    // The heap moves by a MiB on its own; a leak makes the last of three the largest, and of a KiB a tick it makes 2.4 MiB.
    const grown = late.heap - Math.max(first.heap, early.heap);
    assert.ok(grown < 2, `heap grew by ${grown.toFixed(2)} MiB`);
    assert.ok(late.nodes - early.nodes < 300, `${late.nodes - early.nodes} more nodes`);
    // A chart that comes into view or leaves it makes a difference of a hundred or two; a leak would be thousands.
    assert.ok(late.listeners - early.listeners < 300, `${late.listeners - early.listeners} more listeners`);
  });
});

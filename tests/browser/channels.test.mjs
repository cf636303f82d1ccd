// Who is told: channels and their ledger, the tab's title and icon, and notifications of the browser.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { Server, isLive, onPage, until } from './harness.mjs';

/** @type {{id: string, body: any}[]} what the receiver of the webhook was sent */
const received = [];
/** What it answers. */
let status = 200;
const receiver = http.createServer(async (request, response) => {
  const body = JSON.parse((await request.toArray()).join(''));
  received.push({ id: String(request.headers['x-tickwire-delivery']), body });
  response.writeHead(status).end(status === 200 ? 'thanks' : 'not now');
});
after(() => {
  receiver.closeAllConnections();
  receiver.close();
});

/** @type {Server} */
let server;
before(async () => {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  server = await Server.start({
    config: `
[[channels]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:${receiver.address().port}/"
group = "0s"

[[rules]]
name = "boiler_high"
metric = "boiler_pressure"
warning = { fire = 50, clear = 40 }
critical = { fire = 90, clear = 80 }
flapping.after = 0
message = "Boiler at {{ value }} bar"

[[rules]]
name = "only_shown"
metric = "boiler_noise"
warning = { fire = 50, clear = 40 }
notify = false
`,
  });
});

/** @param {number} value */
const pressure = (value) => server.push('boiler_pressure', value, { host: 'plant', unit: 'bar' });

beforeEach(async () => {
  status = 200;
  await pressure(1);
  await server.push('boiler_noise', 1, { host: 'plant' });
  await until('all is quiet and told', async () => {
    const [{ alerts }, { channels }] = await Promise.all([server.get('/api/alerts'), server.get('/api/channels')]);
    return alerts.length === 0 && channels[0].waiting === 0;
  });
  received.length = 0;
});

test('a channel is tried by button, and what it answers is shown', async () => {
  await onPage(`${server.url}/channels`, async (page) => {
    await isLive(page);
    const channel = page.locator('#channels tbody tr');
    assert.match(await channel.innerText(), /hook\s+webhook[\s\S]*not used yet/);
    await channel.getByRole('button', { name: 'Test' }).click();
    await channel.getByText('works').waitFor();
    assert.match(await channel.innerText(), /200 OK: thanks/);
    const newest = page.locator('#ledger tbody tr').first();
    assert.match(await newest.innerText(), /hook[\s\S]*this is a test[\s\S]*sent[\s\S]*200 OK: thanks/);
    assert.equal(received[0].body.test, true);
    status = 404;
    await channel.getByRole('button', { name: 'Test' }).click();
    await page.locator('#notice').getByText('the channel hook did not take it: 404 Not Found: not now').waitFor();
    await channel.getByText('fails').waitFor();
    await until('the ledger has it', async () => /failed[\s\S]*404 Not Found: not now/.test(await newest.innerText()));
    assert.equal(received.length, 2, 'a test is not repeated');
  }, { mayFail: /status of 502/ });
});

test('what people are told appears as it goes out; a receiver that is not well is tried again', async () => {
  await onPage(`${server.url}/channels`, async (page) => {
    await isLive(page);
    const told = page.locator('#ledger tbody tr', { hasText: 'Boiler at 61 bar' });
    status = 500;
    await pressure(61);
    await told.getByText('queued').waitFor();
    await until('why, and when again', async () => /500 Internal Server Error: not now\s+again at \d\d:/.test(await told.innerText()));
    await page.locator('#channels').getByText('tried again').waitFor();
    assert.equal(await page.locator('#channels [data-label="Waiting"]').textContent(), '1');
    await until('it is tried again', () => received.length >= 2);
    status = 200;
    await told.getByText('sent').waitFor();
    await page.locator('#channels').getByText('works').waitFor();
    assert.ok(Number(await told.locator('[data-label="Attempts"]').textContent()) >= 3);
    assert.equal(new Set(received.map(({ id }) => id)).size, 1, 'every attempt has the same id');
    const [alert] = received[0].body.alerts;
    assert.equal(alert.what, 'firing');
    await told.getByRole('link').click();
    await page.waitForURL(`${server.url}/alerts/${alert.id}`);
    assert.match(await page.getByRole('region', { name: 'Who was told' }).innerText(), /hook[\s\S]*fires[\s\S]*sent[\s\S]*200 OK: thanks/);
  });
});

/** @param {import('playwright-core').Page} page */
const icon = (page) => page.evaluate(() => document.querySelector('link[rel="icon"]')?.getAttribute('href')?.split('/').at(-1));

test('title and icon of the tab say what is open', async () => {
  await onPage(`${server.url}/sources`, async (page) => {
    await isLive(page);
    const says = (title, name) => until(title, async () => (await page.title()) === title && (await icon(page)) === name);
    await says('Sources · tickwire', 'icon.svg');
    await pressure(60);
    await says('(1) Sources · tickwire', 'icon-open.svg');
    await pressure(95);
    await says('(1!) Sources · tickwire', 'icon-critical.svg');
    await page.reload();
    await says('(1!) Sources · tickwire', 'icon-critical.svg');
    await pressure(1);
    await says('Sources · tickwire', 'icon.svg');
  });
  await pressure(95);
  await onPage(server.url, async (page) => {
    assert.equal(await page.title(), '(1!) Overview · tickwire');
    assert.equal(await icon(page), 'icon-critical.svg');
  }, { javaScriptEnabled: false });
});

test('in a tab that nobody sees only title and icon go on', async () => {
  await onPage('', async (page) => {
    await page.addInitScript(() => {
      let hidden = false;
      Object.defineProperty(document, 'hidden', { get: () => hidden });
      Object.defineProperty(document, 'visibilityState', { get: () => (hidden ? 'hidden' : 'visible') });
      window.turnAway = (away) => {
        hidden = away;
        document.dispatchEvent(new Event('visibilitychange'));
      };
    });
    await page.goto(server.url);
    await isLive(page);
    await page.getByText('All quiet').waitFor();
    await page.evaluate(() => window.turnAway(true));
    await pressure(60);
    await until('the title says so', async () => (await page.title()).startsWith('(1) '));
    assert.equal(await icon(page), 'icon-open.svg');
    assert.ok(await page.getByText('All quiet').isVisible(), 'what nobody sees does not move');
    await page.evaluate(() => window.turnAway(false));
    await page.locator('[data-alert]', { hasText: 'Boiler at 60 bar' }).waitFor();
    assert.match(await page.title(), /^\(1\) /);
  });
});

/** Runs in the page, before anything else: notifications are written down instead of shown. */
function record() {
  window.shown = [];
  window.Notification = class {
    static get permission() {
      return localStorage.permission ?? 'default';
    }

    static async requestPermission() {
      localStorage.permission = localStorage.answer ?? 'granted';
      return localStorage.permission;
    }

    constructor(title, { body, tag, requireInteraction }) {
      window.shown.push({ title, body, tag, stays: requireInteraction });
      window.newest = this;
    }

    close() {}
  };
}

test('the browser tells of alerts to who asked for it, and to nobody else', async () => {
  await onPage('', async (page) => {
    await page.addInitScript(record);
    const shown = () => page.evaluate(() => window.shown);
    const heard = (text) => until(text, async () => (await page.textContent('#announce')) === text);
    await page.goto(`${server.url}/channels`);
    await isLive(page);
    const button = page.locator('[data-action="notify"]');
    assert.equal(await button.innerText(), 'Tell me here');
    await pressure(60);
    await heard('warning fired: Boiler at 60 bar (plant)');
    assert.deepEqual(await shown(), [], 'nobody asked');
    await button.click();
    await page.getByText('tells you of alerts').waitFor();
    assert.equal(await button.getAttribute('aria-pressed'), 'true');
    // The choice holds for the other pages, and is kept.
    await page.goto(server.url);
    await isLive(page);
    await server.push('boiler_noise', 99, { host: 'plant' });
    await until('it is on the page', () => page.locator('[data-alert]', { hasText: 'boiler_noise' }).count());
    await pressure(95);
    await until('it is told', async () => (await shown()).length > 0);
    const { alerts } = await server.get('/api/alerts');
    const { id } = alerts.find((alert) => alert.rule === 'boiler_high');
    assert.deepEqual(await shown(), [{ title: 'critical: Boiler at 95 bar', body: 'plant', tag: `tickwire-${id}`, stays: true }], 'not what is only shown');
    await pressure(1);
    await until('the end is told too', async () => (await shown()).at(-1).title.startsWith('Resolved: '));
    await server.post('/api/silences', { rules: ['boiler_high'], for: '1h', until_resolved: true });
    await pressure(61);
    await page.locator('[data-alert]', { hasText: 'Boiler at 61 bar' }).getByText('silenced').waitFor({ state: 'attached' });
    assert.equal((await shown()).length, 2, 'not what is silenced');
    await page.evaluate(() => window.newest.onclick());
    await page.waitForURL(`${server.url}/alerts/${id}`);
    await page.goto(`${server.url}/channels`);
    await page.getByRole('button', { name: 'Tell me no more' }).click();
    await page.getByText('tells you nothing').waitFor();
    await isLive(page);
    await pressure(1);
    await pressure(62);
    await heard('warning fired: Boiler at 62 bar (plant)');
    assert.deepEqual(await shown(), []);
  });
});

test('a browser that forbids notifications is not asked again', async () => {
  await onPage('', async (page) => {
    await page.addInitScript(record);
    await page.addInitScript(() => (localStorage.answer = 'denied'));
    await page.goto(`${server.url}/channels`);
    await page.getByRole('button', { name: 'Tell me here' }).click();
    await page.getByText('its settings forbid notifications').waitFor();
    assert.ok(await page.locator('[data-action="notify"]').isDisabled());
  });
});

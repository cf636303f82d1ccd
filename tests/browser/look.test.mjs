// How the pages look and are reached: themes, contrast, small and large screens, the keyboard.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { faint, wide } from './appearance.mjs';
import { PAGES, Server, isLive, newPage, onPage, until } from './harness.mjs';

const RULES = `
[[rules]]
name = "boiler_high"
metric = "boiler_*"
info = { fire = 20, clear = 10 }
warning = { fire = 50, clear = 40 }
critical = { fire = 90, clear = 80 }
message = "Boiler at {{ value }} bar: a sentence that is long enough to need a second line on a small screen"

[[rules]]
name = "off"
metric = "boiler_*"
warning = { fire = 50 }
enabled = false

[[maintenance]]
name = "yearly"
hosts = ["plant"]
days = ["${['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][(new Date().getUTCDay() + 3) % 7]}"]
from = "01:00"
to = "02:00"
reason = "a window that is not open now"

[[channels]]
name = "nowhere"
type = "webhook"
url = "http://127.0.0.1:9/"
`;
/** @type {Server} */
let server;
/** Those of all tests, and that of an alert. */
let pages = PAGES;
before(async () => {
  server = await Server.start({ demo: true, config: RULES });
  const before = new Date(Date.now() - 20_000).toISOString();
  for (const [name, value] of [['boiler_one', 30], ['boiler_two', 60], ['boiler_three', 99]]) {
    await server.push(name, 5, { host: 'plant', unit: 'bar', timestamp: before });
    await server.push(name, value, { host: 'plant', unit: 'bar' });
  }
  await server.post('/api/events', { kind: 'deploy', message: 'shop 2.4.1 rolled out', host: 'demo-web1' });
  await server.post('/api/silences', { hosts: ['plant'], names: ['boiler_one'], for: '1h', reason: 'it is known, and somebody looks at it' });
  await server.ticks(3);
  const { alerts } = await server.get('/api/alerts');
  pages = [...PAGES, `/alerts/${alerts.find((alert) => !alert.silenced).id}`];
});

/** What comes when a page is there already has come. @param {import('playwright-core').Page} page */
async function complete(page) {
  if (await page.locator('#connection').count()) await isLive(page);
  if (await page.locator('#trial').count()) await page.locator('form:not(.htmx-request) + #trial h2').first().waitFor();
  if (await page.locator('#quiet').count()) await page.getByText('It would not have fired').waitFor();
}

/** A page that is not there answers 404, which the console calls an error. */
const mayFail = /status of 404/;

const LIGHT = 'rgb(244, 245, 247)';
const DARK = 'rgb(14, 18, 23)';
/** @param {import('playwright-core').Page} page */
const ground = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);

test('the theme follows the system until one is chosen, which is kept', async () => {
  await onPage(server.url, async (page) => {
    assert.equal(await ground(page), DARK);
    await page.emulateMedia({ colorScheme: 'light' });
    assert.equal(await ground(page), LIGHT);
    const toggle = page.getByRole('button', { name: 'Theme' });
    await toggle.click();
    assert.equal(await ground(page), DARK);
    await page.reload();
    assert.equal(await ground(page), DARK);
    await page.keyboard.press('t');
    assert.equal(await ground(page), LIGHT);
    await page.keyboard.press('t');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), undefined, 'as the system again');
  });
});

test('the chosen theme is there before anything is painted', async () => {
  const page = await newPage({ colorScheme: 'dark' });
  await page.addInitScript(() => {
    localStorage.setItem('tickwire-theme', 'light');
    new MutationObserver((_, observer) => {
      if (!document.body) return;
      window.themeAtBody = document.documentElement.dataset.theme;
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  await page.goto(server.url);
  assert.equal(await page.evaluate(() => window.themeAtBody), 'light');
  assert.equal(await ground(page), LIGHT);
  await page.context().close();
});

test('every text stands out from its ground by AA, in both themes', async () => {
  for (const colorScheme of ['dark', 'light']) {
    for (const path of pages) {
      await onPage(server.url + path, async (page) => {
        await complete(page);
        if (await page.locator('[data-chart]').count()) await page.waitForSelector('.apexcharts-canvas path', { state: 'attached' });
        await unfold(page);
        const { checked, found } = await page.evaluate(faint);
        assert.ok(checked > 10, path);
        assert.deepEqual(found, [], `${path}, ${colorScheme}`);
      }, { colorScheme, mayFail });
    }
  }
});

/** Opens every menu and whatever else is folded. @param {import('playwright-core').Page} page */
const unfold = (page) => page.evaluate(() => document.querySelectorAll('main details').forEach((details) => (details.open = true)));

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

test('on a phone nothing is wider than the screen, and every control is 40 px high', async () => {
  for (const path of pages) {
    await onPage(server.url + path, async (page) => {
      await complete(page);
      assert.deepEqual(await page.evaluate(wide), [], path);
      await unfold(page);
      assert.deepEqual(await page.evaluate(wide), [], `${path}, unfolded`);
      const low = await page.evaluate(() =>
        [...document.querySelectorAll('button, input, select, textarea, summary, nav a, .brand, .menu a')]
          // A box to tick is as large as its label.
          .map((control) => control.matches('[type="checkbox"]') ? control.closest('label') : control)
          .filter((control) => control.checkVisibility() && control.getBoundingClientRect().height < 39.5)
          .map((control) => `${control.tagName} ${control.getAttribute('name') ?? control.textContent.trim()} ${control.getBoundingClientRect().height}`),
      );
      assert.deepEqual(low, [], path);
      const last = page.locator('footer a');
      await last.scrollIntoViewIfNeeded();
      assert.deepEqual(await page.evaluate(wide), [], `${path}, scrolled to its end`);
    }, { ...PHONE, mayFail });
  }
});

test('on a phone the countdown fits too', async () => {
  await onPage('', async (page) => {
    await page.route('**/pages/stream**', (route) => route.abort());
    await page.goto(server.url);
    await page.getByRole('button', { name: 'Retry now' }).waitFor();
    assert.deepEqual(await page.evaluate(wide), []);
  }, { ...PHONE, mayFail: /Failed to load resource/ });
});

test('on a wall the page fills its width with larger letters', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    assert.deepEqual(await page.evaluate(wide), []);
    assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).fontSize), '19px');
    const { right } = await page.evaluate(() => document.querySelector('.rail').getBoundingClientRect());
    assert.ok(right > 2_500);
  }, { viewport: { width: 2560, height: 1440 } });
});

test('five cards fill one row at 1440', async () => {
  await onPage(server.url, async (page) => {
    const host = (await server.get('/api/stats')).stats.find((s) => s.name === 'uptime').host;
    const tops = await page.locator(`#host-${host} .card`).evaluateAll((cards) => cards.slice(0, 5).map((card) => card.getBoundingClientRect().top));
    assert.equal(tops.length, 5);
    assert.equal(new Set(tops).size, 1);
  });
});

test('the keyboard opens the list, pauses and navigates', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    await page.keyboard.press('?');
    const list = page.getByRole('dialog', { name: 'Keyboard' });
    await list.waitFor();
    await page.keyboard.press('p');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.connection), 'live', 'the list takes the keys');
    await page.keyboard.press('Escape');
    await list.waitFor({ state: 'hidden' });
    await page.keyboard.press('p');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.connection), 'paused');
    await page.keyboard.press('p');
    for (const [key, path] of [['a', '/alerts'], ['s', '/sources'], ['t', '/status'], ['e', '/echo'], ['o', '/']]) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.waitForURL(server.url + path);
      await page.waitForFunction(() => document.documentElement.classList.contains('js') && document.readyState === 'complete');
    }
  });
});

test('whatever has the focus shows it', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    const seen = [];
    for (let i = 0; i < 24; i += 1) {
      await page.keyboard.press('Tab');
      const { name, outline, inside } = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        return {
          name: `${element.tagName} ${element.textContent.trim().slice(0, 30)}`,
          outline: style.outlineStyle === 'none' ? 0 : parseFloat(style.outlineWidth),
          inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
        };
      });
      assert.ok(outline >= 2, `${name}: ${outline} px`);
      assert.ok(inside, `${name} is on screen`);
      seen.push(name);
    }
    assert.equal(seen[0], 'A Skip to content');
    assert.ok(seen.some((name) => name.includes('Acknowledge')));
  });
});

test('no page has an error on its console or breaks its own policy', async () => {
  for (const path of [...pages, '/api/docs']) {
    const { status } = await fetch(server.url + path);
    if (path === '/api/docs' && status === 404) continue;
    await onPage(server.url + path, async (page) => {
      await complete(page);
      if (await page.locator('[data-chart]').count()) {
        await page.waitForSelector('.apexcharts-canvas path', { state: 'attached' });
        const plot = page.locator('.plot').first();
        await plot.hover({ position: { x: 200, y: 60 } });
        await page.locator('.cursor:not([hidden])').first().waitFor();
      }
      await page.waitForLoadState('load');
    }, { mayFail });
  }
});

test('the cursor stands at the same moment in every chart', async () => {
  await onPage(`${server.url}/hosts/demo-web1`, async (page) => {
    await until('two charts are drawn', async () => (await page.locator('.apexcharts-canvas').count()) >= 2);
    await page.locator('.plot').first().hover({ position: { x: 250, y: 60 } });
    await until('both have a cursor', async () => (await page.locator('.cursor:not([hidden])').count()) >= 2);
    const times = await page.locator('.cursor:not([hidden])').evaluateAll((cursors) => cursors.map((cursor) => cursor.dataset.time.slice(0, 8)));
    assert.equal(new Set(times).size, 1);
  });
});

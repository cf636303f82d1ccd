// How the pages look and are reached: themes, contrast, small and large screens, the keyboard.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PAGES, Server, isLive, newPage, onPage, until } from './harness.mjs';

const RULES = `
[[rules]]
name = "boiler_high"
metric = "boiler_*"
info = { fire = 20, clear = 10 }
warning = { fire = 50, clear = 40 }
critical = { fire = 90, clear = 80 }
message = "Boiler at {{ value }} bar: a sentence that is long enough to need a second line on a small screen"
`;
/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({ demo: true, config: RULES });
  for (const [name, value] of [['boiler_one', 30], ['boiler_two', 60], ['boiler_three', 99]]) {
    await server.push(name, value, { host: 'plant', unit: 'bar' });
  }
  await server.post('/api/events', { kind: 'deploy', message: 'shop 2.4.1 rolled out', host: 'demo-web1' });
  await server.ticks(3);
});

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

/** Runs in the page: the texts whose contrast with what is behind them is below AA. */
function faint() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element || element.closest('script, style, noscript, dialog:not([open])')) continue;
    if (!element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) || element.closest('.quiet')) continue;
    const style = getComputedStyle(element);
    const svg = element instanceof SVGElement;
    const ground = behind(svg ? element.closest('svg').parentElement : element);
    const text = over(rgba(svg ? style.fill : style.color), ground);
    const [low, high] = [luminance(text), luminance(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    checked += 1;
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.tagName}.${element.getAttribute('class') ?? ''} ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return { checked, found };
}

test('every text stands out from its ground by AA, in both themes', async () => {
  for (const colorScheme of ['dark', 'light']) {
    for (const path of PAGES) {
      await onPage(server.url + path, async (page) => {
        if (await page.locator('[data-chart]').count()) await page.waitForSelector('.apexcharts-canvas path');
        const { checked, found } = await page.evaluate(faint);
        assert.ok(checked > 10, path);
        assert.deepEqual(found, [], `${path}, ${colorScheme}`);
      }, { colorScheme, mayFail });
    }
  }
});

/** Runs in the page: what stands out to the right. */
function wide() {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page: ${document.documentElement.scrollWidth}`);
  for (const element of document.querySelectorAll('main *, header *, footer *')) {
    const { right, width } = element.getBoundingClientRect();
    if (width === 0 || right <= innerWidth + 1 || element.closest('svg, .quiet, .skip, nav, .cursor')) continue;
    found.push(`${element.tagName}.${element.getAttribute('class') ?? ''} ends at ${right.toFixed(0)}`);
  }
  return found;
}

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

test('on a phone nothing is wider than the screen, and every control is 40 px high', async () => {
  for (const path of PAGES) {
    await onPage(server.url + path, async (page) => {
      if (await page.locator('#connection').count()) await isLive(page);
      assert.deepEqual(await page.evaluate(wide), [], path);
      const low = await page.evaluate(() =>
        [...document.querySelectorAll('button, input, summary, nav a, .brand')]
          .filter((control) => control.checkVisibility() && control.getBoundingClientRect().height < 39.5)
          .map((control) => `${control.tagName} ${control.textContent.trim()} ${control.getBoundingClientRect().height}`),
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
  for (const path of [...PAGES, '/api/docs']) {
    const { status } = await fetch(server.url + path);
    if (path === '/api/docs' && status === 404) continue;
    await onPage(server.url + path, async (page) => {
      if (await page.locator('[data-chart]').count()) {
        await page.waitForSelector('.apexcharts-canvas path');
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

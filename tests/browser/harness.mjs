// What the tests share: the real server as a child process, one Chromium, and a line between the two that can be cut.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { binary, launchOptions } from './program.mjs';

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let browsers;

/** The one Chromium of this run; a file that is run alone has its own. */
export function browser() {
  browsers ??= process.env.TICKWIRE_BROWSER ? chromium.connect(process.env.TICKWIRE_BROWSER) : chromium.launch(launchOptions);
  return browsers;
}

const cleanups = /** @type {(() => unknown)[]} */ ([]);
after(async () => {
  await (await browsers)?.close();
  for (const clean of cleanups.reverse()) await clean();
});

/**
 * Waits until `probe` gives something true, and gives that.
 * @template T
 * @param {string} what  for the message of the failure
 * @param {() => T | Promise<T>} probe
 */
export async function until(what, probe, timeout = 15_000) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) assert.fail(`not within ${timeout / 1000} s: ${what}`);
    await delay(50);
  }
}

/** A rule of boilers, with `Server.pressure`. */
export const BOILERS = `
[[rules]]
name = "boiler_high"
metric = "boiler_pressure"
warning = { fire = 50, clear = 40 }
critical = { fire = 90, clear = 80 }
flapping.after = 0
message = "Boiler {{ labels.boiler }} at {{ value }} bar"
`;

/** The server would take TICKWIRE_… for keys of its own. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TICKWIRE_')));

/** The server: started on a free port, with a data folder of its own. */
export class Server {
  /** @param {{demo?: boolean, config?: string}} [options] */
  static async start({ demo = false, config } = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), 'tickwire-browser-'));
    server.args = ['--data', join(server.folder, 'data')];
    if (demo) server.args.push('--demo');
    if (config) {
      const file = join(server.folder, 'config.toml');
      writeFileSync(file, config);
      server.args.push('--config', file);
    }
    cleanups.push(async () => {
      await server.kill('SIGKILL');
      rmSync(server.folder, { recursive: true, force: true });
    });
    await server.run(0);
    return server;
  }

  /** Starts it again where it was. */
  again() {
    return this.run(this.port);
  }

  /** @param {number} port */
  async run(port) {
    const child = spawn(binary(), [...this.args, '--listen', `127.0.0.1:${port}`], {
      cwd: this.folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let said = '';
    child.stdout.on('data', (data) => (said += data));
    child.stderr.on('data', (data) => (said += data));
    const found = await until('the server says its address', () => {
      assert.equal(child.exitCode, null, `the server ended: ${said}`);
      return said.match(/http:\/\/127\.0\.0\.1:(\d+)/);
    });
    this.port = Number(found[1]);
    this.url = `http://127.0.0.1:${this.port}`;
  }

  /** @param {NodeJS.Signals} signal */
  async kill(signal) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill(signal);
    await gone;
  }

  /** @param {string} path */
  async get(path) {
    const response = await fetch(this.url + path);
    assert.equal(response.status, 200, path);
    return response.json();
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   */
  async post(path, body = {}) {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
    return response;
  }

  /**
   * @param {string} name
   * @param {number} value
   * @param {object} [more]
   */
  push(name, value, more = {}) {
    return this.post('/api/ingest', { name, value, ...more });
  }

  /**
   * Of a boiler of the host plant, as BOILERS watches it.
   * @param {string} boiler
   * @param {number} value
   */
  pressure(boiler, value) {
    return this.push('boiler_pressure', value, { host: 'plant', unit: 'bar', labels: { boiler } });
  }

  /** Waits until the server has sampled `count` times more. */
  async ticks(count) {
    const samples = async () => (await this.get('/api/sources')).sources.reduce((sum, s) => sum + (s.samples ?? 0), 0);
    let before = await samples();
    for (let tick = 0; tick < count; tick += 1) {
      before = await until('the server samples', async () => {
        const now = await samples();
        return now > before && now;
      });
    }
  }
}

/** A line to the server that can be held, cut and listened to. */
export class Line {
  /** @param {Server} server */
  static async to(server) {
    const line = new Line();
    line.pairs = new Set();
    line.refuses = false;
    line.holds = false;
    line.heard = '';
    line.listener = net.createServer((near) => line.#join(near, server.port));
    line.listener.listen(0, '127.0.0.1');
    await once(line.listener, 'listening');
    line.url = `http://127.0.0.1:${line.listener.address().port}`;
    cleanups.push(() => {
      line.cut();
      line.listener.close();
    });
    return line;
  }

  /**
   * @param {net.Socket} near
   * @param {number} port
   */
  #join(near, port) {
    if (this.refuses) {
      near.destroy();
      return;
    }
    const far = net.connect(port, '127.0.0.1');
    const pair = [near, far];
    this.pairs.add(pair);
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => {
      this.heard = (this.heard + data.toString('latin1')).slice(-200_000);
      if (!this.holds) near.write(data);
    });
    const end = () => {
      this.pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on('close', end).on('error', end);
  }

  /** Ends what is open. */
  cut() {
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }
}

/**
 * @typedef {import('playwright-core').Page & {faults: string[]}} Watched
 */

/**
 * A page that writes down what a good page never has: errors on the console and violations of its own policy.
 * @param {import('playwright-core').BrowserContextOptions & {offline?: boolean}} [options]
 * @returns {Promise<Watched>}
 */
export async function newPage(options = {}) {
  const context = await (await browser()).newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', ...options });
  const page = /** @type {Watched} */ (await context.newPage());
  page.faults = [];
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => page.faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') page.faults.push(`console: ${message.text()}`);
  });
  await page.exposeFunction('__violated', (what) => page.faults.push(`policy: ${what}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.__violated(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
    });
  });
  return page;
}

/**
 * Opens a page of the server, hands it to `body`, and finds no fault with it afterwards.
 * @param {string} url
 * @param {(page: Watched) => Promise<void>} body
 * @param {import('playwright-core').BrowserContextOptions & {mayFail?: RegExp}} [options]  `mayFail`: faults that are meant
 */
export async function onPage(url, body, { mayFail, ...options } = {}) {
  const page = await newPage(options);
  try {
    if (url) await page.goto(url);
    await body(page);
    const faults = page.faults.filter((fault) => !mayFail?.test(fault));
    assert.deepEqual(faults, [], 'no error and no violation');
  } finally {
    await page.context().close();
  }
}

/** What the console says of a connection that was meant to fail. */
export const LOST = /Failed to load resource|net::ERR_/;

/** @param {import('playwright-core').Page} page */
export const isLive = (page) => page.waitForFunction(() => document.documentElement.dataset.connection === 'live');

/**
 * What the connection says: its state for the style sheet, and its words.
 * @param {import('playwright-core').Page} page
 */
export const connection = (page) =>
  page.evaluate(() => ({
    state: document.documentElement.dataset.connection ?? '',
    words: document.getElementById('connection')?.textContent ?? '',
    updated: document.getElementById('updated')?.textContent ?? '',
  }));

/**
 * The numbers in the cards, as one text.
 * @param {import('playwright-core').Page} page
 */
export const numbers = (page) =>
  page.evaluate(() => [...document.querySelectorAll('[id^="fig-"] .now')].map((now) => now.title).join('\n'));

/** The pages, of a server with --demo; the editor is that of a rule `boiler_high`, where there is one. */
export const PAGES = [
  '/',
  '/?at=3s',
  '/hosts/demo-web1',
  '/hosts/demo-market',
  '/alerts',
  '/rules',
  '/rules/edit?name=boiler_high',
  '/silences',
  '/channels',
  '/history',
  '/history?host=demo-web1&from=5m',
  '/sources',
  '/status',
  '/echo',
  '/nothing-here',
];

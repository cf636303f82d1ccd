// Runs the browser tests against the built program: `node run.mjs`, or `node run.mjs alerts` for the files that match.
//
// One Chromium for all files; a server a file, on a free port with an empty data folder. TICKWIRE_BINARY says which
// program (else the one `cargo build` made), CHROMIUM which browser.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { binary, launchOptions } from './program.mjs';

const folder = fileURLToPath(new URL('.', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder)
  .filter((file) => file.endsWith('.test.mjs') && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .sort();
const browser = await chromium.launchServer(launchOptions);
const child = spawn(
  process.execPath,
  ['--test', '--test-reporter=tap', '--test-concurrency=1', '--test-timeout=300000', ...files],
  {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, TICKWIRE_BINARY: binary(), TICKWIRE_BROWSER: browser.wsEndpoint() },
  },
);
child.on('exit', async (code) => {
  await browser.close();
  process.exit(code ?? 1);
});

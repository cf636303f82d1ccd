// Which programs are run: the server under test, and the browser.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program to test: TICKWIRE_BINARY, or what `cargo build` has made. */
export function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
  const path = process.env.TICKWIRE_BINARY ?? join(target, 'debug', 'tickwire');
  if (!existsSync(path)) throw new Error(`there is no ${path}: run cargo build, or set TICKWIRE_BINARY`);
  return path;
}

export const launchOptions = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
};

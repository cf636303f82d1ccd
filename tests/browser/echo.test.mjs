// The page of the echo socket.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Server, onPage } from './harness.mjs';

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start();
});

test('text and bytes come back as they went, and the socket closes with the code it was sent', async () => {
  await onPage(`${server.url}/echo`, async (page) => {
    const state = page.locator('[data-echo-state]');
    const lines = (way, text) => page.locator(`.log .${way}`, { hasText: text });
    await state.getByText('open').waitFor();
    await page.getByLabel('Text').fill('grüße 👋');
    await page.getByRole('button', { name: 'Send text' }).click();
    await lines('out', 'grüße 👋').waitFor();
    await lines('in', 'grüße 👋').waitFor();
    assert.match(await page.textContent('[data-echo-time]'), /^[\d.]+ ms there and back$/);
    await page.getByLabel('Bytes (hex)').fill('00 ff 7f 80');
    await page.getByRole('button', { name: 'Send bytes' }).click();
    await lines('in', '00 ff 7f 80').waitFor();
    await page.getByLabel('Close code').fill('3001');
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await lines('note', 'closed 3001').waitFor();
    assert.equal(await state.textContent(), 'closed');
    await page.getByRole('button', { name: 'Send text' }).click();
    await lines('note', 'not connected').waitFor();
    await page.getByRole('button', { name: 'Connect' }).click();
    await state.getByText('open').waitFor();
  });
});

test('bytes that are none are not sent', async () => {
  await onPage(`${server.url}/echo`, async (page) => {
    await page.locator('[data-echo-state]').getByText('open').waitFor();
    await page.getByLabel('Bytes (hex)').fill('xyz');
    await page.getByRole('button', { name: 'Send bytes' }).click();
    assert.equal(await page.locator('.log .out').count(), 0);
    assert.equal(await page.getByLabel('Bytes (hex)').evaluate((input) => input.checkValidity()), false);
  });
});

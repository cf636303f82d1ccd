// What people do with alerts: the page of one, notes, silences, and the name that stands beside it all.

import assert from 'node:assert/strict';
import { before, beforeEach, test } from 'node:test';
import { BOILERS, Server, isLive, onPage, until } from './harness.mjs';

/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({ config: BOILERS });
});

/** @param {string} boiler @param {number} value */
const pressure = (boiler, value) => server.pressure(boiler, value);

const alerts = async () => (await server.get('/api/alerts')).alerts;
const silences = async () => (await server.get('/api/silences')).silences;

beforeEach(async () => {
  for (const { id } of await silences()) await fetch(`${server.url}/api/silences/${id}`, { method: 'DELETE' });
  await pressure('a', 1);
  await pressure('b', 1);
  await until('all is quiet', async () => (await alerts()).length === 0 && (await silences()).length === 0);
});

/** The open alert of a boiler. @param {string} boiler */
const of = (boiler) => until(`boiler ${boiler} fires`, async () => (await alerts()).find((alert) => alert.labels.boiler === boiler));

/**
 * Has the browser keep a name.
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function introduce(page, name) {
  await page.locator('[data-me]').click();
  await page.locator('[data-my-name]').fill(name);
  await page.getByRole('button', { name: 'Keep it' }).click();
}

test('the page of an alert has its chart, says why it fired and what would have kept it from firing', async () => {
  await pressure('a', 60);
  await pressure('a', 95);
  const { id } = await of('a');
  await onPage(`${server.url}/alerts/${id}`, async (page) => {
    assert.equal(await page.textContent('h1'), 'Boiler a at 95 bar');
    assert.match(await page.getByRole('region', { name: 'How it stands' }).innerText(), /critical[\s\S]*95 bar[\s\S]*above 90 bar/);
    await until('both thresholds that it crossed', async () => (await page.locator('.apexcharts-yaxis-annotations line').count()) === 2);
    await until('what happened is marked', async () => (await page.locator('.backdrop .mark').count()) > 0);
    await page.getByText('Rule boiler_high fires when the newest value is above').waitFor();
    const quiet = page.getByText('It would not have fired with');
    await quiet.waitFor();
    const [, fire] = (await quiet.innerText()).match(/with warning above (\d+)/);
    assert.ok(Number(fire) >= 95, 'beyond the worst it came to');
    assert.match(await page.getByRole('region', { name: 'Who was told' }).innerText(), /Nobody: the configuration has no channels/);
    const steps = await page.getByRole('region', { name: 'What happened' }).locator('tbody .level').allInnerTexts();
    assert.deepEqual(steps, ['escalated', 'fired, warning'], 'the newest first');
    await page.getByRole('link', { name: 'edit the rule, and try it' }).click();
    const shown = page.getByLabel('Shown');
    assert.equal(await shown.inputValue(), 'boiler_pressure{boiler="a"} on plant', 'the editor shows the series of the alert');
    await page.locator('#trial .legend', { hasText: 'a' }).waitFor();
    await shown.selectOption('boiler_pressure{boiler="b"} on plant');
    await page.locator('#trial .legend', { hasText: 'b' }).waitFor();
  });
  await pressure('a', 1);
  await onPage(`${server.url}/alerts/${id}`, async (page) => {
    assert.match(await page.getByRole('region', { name: 'How it stands' }).innerText(), /Over\s+since \S+, recovered/);
    assert.equal(await page.getByRole('button', { name: 'Acknowledge' }).count(), 0, 'nothing is left to do');
  });
});

test('what happens to an alert is on its page at once, and what is being written there stays', async () => {
  await pressure('a', 60);
  const { id } = await of('a');
  await onPage(`${server.url}/alerts/${id}`, async (page) => {
    await isLive(page);
    const note = page.getByRole('textbox', { name: 'Note' });
    await note.fill('half a sen');
    await pressure('a', 95);
    const standing = page.getByRole('region', { name: 'How it stands' });
    await standing.locator('.level.critical').waitFor();
    await page.getByRole('region', { name: 'What happened' }).getByText('escalated').waitFor();
    await server.post(`/api/alerts/${id}/notes?by=Bo`, { message: 'the pump is off' });
    await page.locator('.notes li', { hasText: 'the pump is off' }).getByText('Bo').waitFor();
    await pressure('a', 1);
    await standing.locator('.level.ok').waitFor();
    assert.match(await standing.innerText(), /1 bar[\s\S]*not above 80 bar/);
    await page.getByRole('region', { name: 'What happened' }).getByText('Boiler a at 95 bar; now 1 bar').waitFor();
    assert.equal(await note.inputValue(), 'half a sen');
    assert.equal(await standing.getByRole('button').count(), 0, 'nothing is left to do');
  });
});

test('a name is kept, and stands beside a note, an acknowledgement and a silence', async () => {
  await pressure('a', 60);
  const { id } = await of('a');
  await onPage(server.url, async (other) => {
    await isLive(other);
    await onPage(`${server.url}/alerts/${id}`, async (page) => {
      await introduce(page, 'Ann & Öz');
      await page.waitForURL(`${server.url}/alerts/${id}`);
      await until('the name is shown', async () => (await page.textContent('[data-me]')) === 'Ann & Öz');
      await page.getByRole('textbox', { name: 'Note' }).fill('valve <b>stuck</b>');
      await page.getByRole('button', { name: 'Add the note' }).click();
      const note = page.locator('.notes li');
      await note.waitFor();
      assert.match(await note.innerText(), /valve <b>stuck<\/b>\s+Ann & Öz, /);
      await other.locator('#activity li', { hasText: 'valve <b>stuck</b>' }).waitFor();
      await page.getByRole('button', { name: 'Acknowledge' }).click();
      await page.getByRole('region', { name: 'How it stands' }).getByText('seen').waitFor();
      await page.getByRole('region', { name: 'What happened' }).getByText('by Ann & Öz').waitFor();
      await other.locator('[data-alert].acknowledged').waitFor();
      await page.getByLabel('Silence for').selectOption('4h');
      await page.getByLabel('because').fill('a fitter is there');
      await page.getByRole('button', { name: 'Silence', exact: true }).click();
      await page.getByRole('button', { name: 'End the silence' }).waitFor();
      const [silence] = await silences();
      assert.equal(silence.by, 'Ann & Öz');
      assert.equal(silence.reason, 'a fitter is there');
      assert.equal(Date.parse(silence.until) - Date.parse(silence.from), 4 * 3_600_000);
      await other.locator('[data-alert]').getByText('silenced', { exact: true }).waitFor({ state: 'attached' });
      await page.getByRole('button', { name: 'End the silence' }).click();
      await page.getByRole('button', { name: 'Silence', exact: true }).waitFor();
      assert.deepEqual(await silences(), []);
      await introduce(page, '');
      await until('it is forgotten', async () => (await page.textContent('[data-me]')) === 'Your name');
      await page.getByRole('textbox', { name: 'Note' }).fill('by nobody');
      await page.getByRole('button', { name: 'Add the note' }).click();
      await page.locator('.notes li', { hasText: 'by nobody' }).getByText('127.0.0.1').waitFor();
    });
  });
});

test('a name that is too long is refused in words', async () => {
  await onPage(`${server.url}/alerts`, async (page) => {
    await introduce(page, '名'.repeat(40));
    await page.getByText('a name of at most 100 bytes').waitFor();
    assert.equal((await page.context().cookies()).length, 0);
  }, { mayFail: /status of 422/ });
});

test('a silence is made of hosts, rules and labels, shows what it silences, and is ended by click', async () => {
  await pressure('a', 60);
  await pressure('b', 60);
  await of('b');
  await onPage(`${server.url}/silences`, async (page) => {
    await isLive(page);
    await page.getByText('Nothing is silenced').waitFor();
    await page.getByLabel('Rules').fill('boiler_*, nothing');
    await page.getByLabel('Hosts').fill('plant');
    await page.getByLabel('Labels').fill('boiler=a');
    await page.getByLabel('Because').fill('valve is changed');
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    const row = page.locator('#silences tbody tr');
    await row.waitFor();
    assert.match(await row.innerText(), /rule boiler_\* or nothing, host plant, label boiler a[\s\S]*valve is changed[\s\S]*127\.0\.0\.1/);
    await until('it counts one', async () => (await row.locator('[data-label="Silenced now"]').textContent()) === '1');
    const silenced = async () => (await alerts()).filter((alert) => alert.silenced).map((alert) => alert.labels.boiler).join();
    assert.equal(await silenced(), 'a', 'not the other');
    const [{ from, until: to }] = await silences();
    assert.equal(Date.parse(to) - Date.parse(from), 2 * 3_600_000, 'two hours, if nothing else is said');
    await row.getByRole('button', { name: 'End' }).click();
    await page.getByText('Nothing is silenced').waitFor();
    assert.equal(await silenced(), '');
  });
});

test('what is no silence is said, and nothing is silenced', async () => {
  await onPage(`${server.url}/silences`, async (page) => {
    await isLive(page);
    const notice = page.locator('#notice');
    const silence = page.getByRole('button', { name: 'Silence', exact: true });
    await silence.click();
    await until('of what', async () => /refused \(422\)\. of which alerts\?/.test((await notice.textContent()) ?? ''));
    await page.getByLabel('Hosts').fill('plant');
    await page.getByLabel('For', { exact: true }).fill('soon');
    await silence.click();
    await until('for how long', async () => /soon.*a duration like 30m, 2h or 3d/.test((await notice.textContent()) ?? ''));
    assert.ok(await notice.isVisible());
    assert.deepEqual(await silences(), []);
    assert.equal(await page.getByLabel('Hosts').inputValue(), 'plant', 'what was written is not lost');
  }, { mayFail: /status of 422/ });
});

test('a label without a value does not make a silence of more than was meant', async () => {
  await onPage(`${server.url}/silences`, async (page) => {
    await isLive(page);
    await page.getByLabel('Hosts').fill('plant');
    await page.getByLabel('Labels').fill('boiler');
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    await until('an answer', async () => (await page.locator('#notice').isVisible()) || (await silences()).length > 0);
    assert.deepEqual(await silences(), []);
  }, { mayFail: /status of 422/ });
});

test('without JavaScript an alert is noted, silenced and heard again by plain forms', async () => {
  await pressure('a', 60);
  const { id } = await of('a');
  await onPage(`${server.url}/alerts/${id}`, async (page) => {
    assert.match((await page.locator('.plot .static path').first().getAttribute('d')) ?? '', /^M/);
    await page.getByRole('textbox', { name: 'Note' }).fill('by hand');
    await page.getByRole('button', { name: 'Add the note' }).click();
    await page.locator('.notes li', { hasText: 'by hand' }).waitFor();
    await page.getByLabel('or until it is over').check();
    await page.getByRole('button', { name: 'Silence', exact: true }).click();
    await page.getByRole('button', { name: 'End the silence' }).waitFor();
    assert.equal((await silences())[0].until_resolved, true);
    await page.goto(`${server.url}/silences`);
    await page.locator('#silences').getByRole('button', { name: 'End' }).click();
    await page.getByText('Nothing is silenced').waitFor();
    assert.equal(page.url(), `${server.url}/silences`);
  }, { javaScriptEnabled: false });
});

// Rules: the list, a rule that is tried on the past as one types, saved, turned off and taken out.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Server, isLive, onPage, until } from './harness.mjs';

const RULES = `
[[rules]]
name = "tank_high"
metric = "tank_level"
warning = { fire = 50, clear = 40 }
critical = { fire = 90, clear = 80 }
flapping.after = 0
message = "Tank at {{ value }} %"
`;
/** @type {Server} */
let server;
before(async () => {
  server = await Server.start({ config: RULES });
  await past('tank_level', [10, 60, 10, 95, 10, 55, 10]);
});

/** @param {string} metric @param {number} value */
const level = (metric, value) => server.push(metric, value, { host: 'plant', unit: '%' });

/**
 * A metric with a past that a trial finds.
 * @param {string} metric
 * @param {number[]} values
 */
async function past(metric, values) {
  for (const value of values) await level(metric, value);
  const rule = { name: 'kept', metric, warning: { fire: 0 } };
  await until('it is kept', async () => {
    const tried = await server.post('/api/rules/backtest', { rule, from: '1h' });
    return (await tried.json()).samples >= values.length;
  });
}

/**
 * A rule that was made while it runs.
 * @param {string} name
 * @param {string} metric
 */
const made = (name, metric) =>
  server.post('/api/rules', { name, metric, warning: { fire: 50, clear: 40 }, flapping: { after: 0 }, message: `${name} at {{ value }}` });

/** @param {string} name */
const saved = async (name) => (await server.get(`/api/rules/${name}`)).rule;

/** Rules with an open alert. */
const open = async () => (await server.get('/api/alerts')).alerts.map((alert) => alert.rule);

/** @param {import('playwright-core').Page} page @param {string} name */
const row = (page, name) => page.locator(`#rule-${name}`);

/** @param {import('playwright-core').Page} page @param {string} name */
const field = (page, name) => page.locator(`#rule-form [name="${name}"]`);

/**
 * Waits for the outcome of a trial.
 * @param {import('playwright-core').Page} page
 * @param {string} words  its heading
 */
const outcome = (page, words) => page.locator('#trial h2', { hasText: new RegExp(`^${words}$`) }).waitFor();

/** Figures of the trial, a line each. @param {import('playwright-core').Page} page */
const figures = (page) =>
  page.locator('#trial .outcome tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].slice(0, 3).map((cell) => cell.textContent).join(' ')));

/** Opens the menu of a rule and gives it. @param {import('playwright-core').Page} page @param {string} name */
async function menu(page, name) {
  await row(page, name).getByText('More', { exact: true }).click();
  return row(page, name).locator('.menu');
}

test('the list says where each rule comes from, and offers what can be done with it', async () => {
  await made('tank_made', 'tank_other');
  await server.post('/api/rules/tank_high/disable?by=ann');
  const offered = async (page, name) => {
    const tools = await (await menu(page, name)).locator('.tool').allInnerTexts();
    await row(page, name).getByText('More', { exact: true }).click();
    return tools.join();
  };
  await onPage(`${server.url}/rules`, async (page) => {
    await isLive(page);
    assert.match(await row(page, 'tank_high').innerText(), /changed here by ann[\s\S]*off/);
    assert.equal(await offered(page, 'tank_high'), 'Edit and try,Duplicate,Enable,Take changes back');
    page.once('dialog', (dialog) => dialog.accept());
    await (await menu(page, 'tank_high')).getByRole('button', { name: 'Take changes back' }).click();
    await row(page, 'tank_high').getByText('file', { exact: true }).waitFor();
    await row(page, 'tank_high').getByText('More', { exact: true }).click();
    assert.match(await row(page, 'tank_high').innerText(), /OK[\s\S]*tank_level[\s\S]*warning\s+above 50[\s\S]*critical\s+above 90[\s\S]*by the routes/i);
    assert.equal((await saved('tank_high')).enabled, true);
    assert.match(await row(page, 'tank_made').innerText(), /made here by 127\.0\.0\.1[\s\S]*nothing matches yet/);
    assert.equal(await offered(page, 'tank_made'), 'Edit and try,Duplicate,Disable,Delete');
  });
  const shipped = await Server.start();
  await onPage(`${shipped.url}/rules`, async (page) => {
    assert.match(await row(page, 'cpu_high').innerText(), /shipped[\s\S]*average of cpu_usage over 10 min/);
    assert.equal(await offered(page, 'cpu_high'), 'Edit and try,Duplicate,Disable');
  });
});

test('a rule is tried by itself, beside its chart and what is saved, and again as one types', async () => {
  await onPage(`${server.url}/rules/edit?name=tank_high`, async (page) => {
    assert.equal(await field(page, 'warning.fire').inputValue(), '50');
    await outcome(page, 'It would have fired 3 times');
    assert.deepEqual(await figures(page), ['as it is here 3 6'], 'it is what is saved');
    const thresholds = page.locator('#trial .apexcharts-yaxis-annotations line');
    await until('both thresholds', async () => (await thresholds.count()) === 2);
    await page.locator('#trial .backdrop .mark').first().waitFor({ state: 'attached' });
    const when = page.locator('#trial .marks tbody tr');
    assert.deepEqual(await when.locator('.level').allInnerTexts(), ['warning', 'critical', 'warning']);
    assert.match(await when.first().innerText(), /Tank at 55/, 'the newest is the first');
    const heights = () => thresholds.evaluateAll((lines) => lines.map((line) => Number(line.getAttribute('y1'))));
    const before = Math.max(...(await heights()));
    // The lower threshold goes up; the figures follow, and so does its line.
    await field(page, 'warning.fire').fill('');
    await field(page, 'warning.fire').pressSequentially('70', { delay: 40 });
    await outcome(page, 'It would have fired once');
    assert.deepEqual(await figures(page), ['as it is here 1 2', 'as it is saved 3 6']);
    await until('the line is higher', async () => Math.max(...(await heights())) < before - 10);
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'warning.fire', 'the focus stays');
    await page.getByLabel('Time').selectOption('6h');
    await until('six hours', () => page.locator('#trial .outcome time').evaluateAll(([from, to]) => Date.parse(to.dateTime) - Date.parse(from.dateTime) === 6 * 3_600_000));
    assert.equal((await saved('tank_high')).warning.fire, 50, 'nothing is saved by trying');
  });
});

test('a fault marks its field and says what is taken; nothing is saved', async () => {
  await onPage(`${server.url}/rules/edit?name=tank_high`, async (page) => {
    await outcome(page, 'It would have fired 3 times');
    await field(page, 'warning.fire').fill('lots');
    const fault = page.locator('[data-fault="warning.fire"]');
    await fault.waitFor();
    assert.match(await fault.innerText(), /warning\.fire is "?lots"?; it takes .*number/);
    assert.equal(await field(page, 'warning.fire').getAttribute('aria-invalid'), 'true');
    assert.equal(await page.locator('[aria-invalid]').count(), 1);
    await page.getByText('When its data stops').click();
    await field(page, 'no_data.after').fill('soon');
    await page.locator('[data-fault="no_data.after"]').waitFor();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL(`${server.url}/rules/edit`);
    await until('both are marked on the page that refuses it', async () => (await page.locator('[aria-invalid]').count()) === 2);
    assert.equal(await field(page, 'warning.fire').inputValue(), 'lots', 'what was written is not lost');
    assert.equal(await field(page, 'no_data.after').isVisible(), true, 'what is wrong is not hidden');
    assert.equal((await saved('tank_high')).warning.fire, 50);
    await field(page, 'no_data.after').fill('1m');
    await field(page, 'warning.fire').fill('70');
    await outcome(page, 'It would have fired once');
    assert.equal(await page.locator('[aria-invalid]').count(), 0);
  }, { mayFail: /status of 422/ });
});

test('a threshold that tells people seldom enough is suggested, and taken by click', async () => {
  await onPage(`${server.url}/rules/edit?name=tank_high`, async (page) => {
    await outcome(page, 'It would have fired 3 times');
    await page.getByLabel('At most so many messages a week').fill('1');
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('That is at most 1 a week already.').waitFor();
    assert.ok(Number(await field(page, 'warning.fire').inputValue()) > 60, 'the field has it');
    const [here] = await figures(page);
    assert.ok(Number(here.split(' ').at(-1)) <= 1, here);
    await page.getByLabel('At most so many messages a week').fill('few');
    await page.locator('#trial').getByText('a whole number').waitFor();
  });
});

test('what is saved counts at once, and is seen in every tab; off it does not, and gone it is gone', async () => {
  await past('basin_level', [10, 60, 10]);
  await made('basin', 'basin_level');
  await onPage(`${server.url}/rules`, async (other) => {
    await isLive(other);
    await onPage(`${server.url}/rules`, async (page) => {
      await isLive(page);
      await (await menu(page, 'basin')).getByRole('link', { name: 'Edit and try' }).click();
      await outcome(page, 'It would have fired once');
      await field(page, 'warning.fire').fill('70');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.waitForURL(`${server.url}/rules#rule-basin`);
      for (const tab of [page, other]) await row(tab, 'basin').getByText('above 70').waitFor();
      await level('basin_level', 60);
      await level('basin_level', 75);
      await until('it fires', async () => (await open()).includes('basin'));
      const { alerts } = await server.get('/api/alerts');
      assert.match(alerts.find((alert) => alert.rule === 'basin').message, /at 75/, 'not at 60');
      for (const tab of [page, other]) await row(tab, 'basin').locator('.level.warning').first().waitFor();
      await (await menu(page, 'basin')).getByRole('button', { name: 'Disable' }).click();
      for (const tab of [page, other]) await row(tab, 'basin').getByText('off', { exact: true }).waitFor();
      await until('its alert is over', async () => !(await open()).includes('basin'));
      await level('basin_level', 99);
      // One that fires later has been seen, and so would have been the one before.
      await level('tank_level', 60);
      await until('another fires', async () => (await open()).includes('tank_high'));
      assert.ok(!(await open()).includes('basin'), 'off it does not fire');
      await level('tank_level', 10);
      page.once('dialog', (dialog) => dialog.accept());
      await row(page, 'basin').getByRole('button', { name: 'Delete' }).click();
      for (const tab of [page, other]) await row(tab, 'basin').waitFor({ state: 'detached' });
    });
  });
});

test('a rule is made of a metric, and another like it', async () => {
  await past('vat_level', [10, 60, 10]);
  await onPage(`${server.url}/rules/edit?metric=vat_level`, async (page) => {
    assert.equal(await page.textContent('h1'), 'New rule');
    assert.equal(await field(page, 'metric').inputValue(), 'vat_level');
    await isLive(page);
    await page.getByText('Say what it watches').waitFor();
    assert.equal(await page.locator('[data-fault], [aria-invalid]').count(), 0, 'nobody is blamed before anything is written');
    await field(page, 'name').fill('vat');
    await field(page, 'critical.fire').fill('50');
    await outcome(page, 'It would have fired once');
    assert.deepEqual(await figures(page), ['as it is here 1 2'], 'there is none saved to compare it with');
    await page.getByRole('button', { name: 'Save' }).click();
    await row(page, 'vat').getByText('made here').waitFor();
    await (await menu(page, 'vat')).getByRole('link', { name: 'Duplicate' }).click();
    assert.equal(await field(page, 'name').inputValue(), 'vat_2');
    assert.equal(await field(page, 'critical.fire').inputValue(), '50');
    await outcome(page, 'It would have fired once');
    await field(page, 'name').fill('vat');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('There is a rule vat already').waitFor();
    await field(page, 'name').fill('vat_low');
    await field(page, 'critical.fire').fill('30');
    await field(page, 'critical.clear').fill('20');
    await page.getByRole('button', { name: 'Save' }).click();
    await row(page, 'vat_low').waitFor();
    assert.equal((await saved('vat')).critical.fire, 50, 'the first is as it was');
    assert.equal((await saved('vat_low')).critical.fire, 30);
  }, { mayFail: /status of 422/ });
});

test('without JavaScript it is a form that is tried and saved by button', async () => {
  await past('pool_level', [10, 60, 10]);
  await made('pool', 'pool_level');
  await onPage(`${server.url}/rules/edit?name=pool`, async (page) => {
    assert.equal(await field(page, 'warning.fire').inputValue(), '50');
    await page.getByRole('button', { name: 'Try' }).click();
    await outcome(page, 'It would have fired once');
    assert.match((await page.locator('#trial .static path').first().getAttribute('d')) ?? '', /^M/);
    assert.equal(await page.locator('.scripted:visible').count(), 0, 'nothing that needs a script is offered');
    await field(page, 'warning.fire').fill('80');
    await page.getByRole('button', { name: 'Try' }).click();
    await outcome(page, 'It would not have fired');
    assert.deepEqual(await figures(page), ['as it is here 0 0', 'as it is saved 1 2']);
    assert.equal((await saved('pool')).warning.fire, 50);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.waitForURL(`${server.url}/rules#rule-pool`);
    assert.equal((await saved('pool')).warning.fire, 80);
    await (await menu(page, 'pool')).getByRole('button', { name: 'Disable' }).click();
    await row(page, 'pool').getByText('off', { exact: true }).waitFor();
  }, { javaScriptEnabled: false });
});

test('the keyboard leads to the rules, to a new one, and to what belongs to them', async () => {
  await onPage(server.url, async (page) => {
    await isLive(page);
    for (const [keys, path] of [['gr', '/rules'], ['gi', '/silences'], ['gc', '/channels'], ['gr', '/rules'], ['n', '/rules/edit']]) {
      for (const key of keys) await page.keyboard.press(key);
      await page.waitForURL(server.url + path);
      await page.waitForFunction(() => document.documentElement.classList.contains('js') && document.readyState === 'complete');
    }
    await isLive(page);
    await field(page, 'name').pressSequentially('gran');
    assert.equal(page.url(), `${server.url}/rules/edit`, 'in a field a letter is a letter');
    assert.equal(await field(page, 'name').inputValue(), 'gran');
  });
});

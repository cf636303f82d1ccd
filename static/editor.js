// The page of a rule: its trial is fetched by htmx as one types; here it is handed to the chart and to the fields.

import { scan } from './board.js';
import { handOver } from './swap.js';

const form = /** @type {HTMLFormElement} */ (document.getElementById('rule-form'));

/** @param {string} name */
const field = (name) => /** @type {HTMLInputElement | null} */ (form.elements.namedItem(name));

/** Fields of which something was said are marked, for eyes and for screen readers. */
function mark() {
  for (const marked of form.querySelectorAll('[aria-invalid]')) marked.removeAttribute('aria-invalid');
  for (const fault of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('#trial [data-fault]'))) {
    const key = fault.dataset.fault ?? '';
    // What is wrong with a level as a whole is marked where it fires.
    const of = field(key) ?? field(`${key}.fire`);
    of?.setAttribute('aria-invalid', 'true');
    const details = of?.closest('details');
    if (details) details.open = true;
  }
}

/** @param {Record<string, string>} values */
function fill(values) {
  for (const [name, value] of Object.entries(values)) {
    const into = field(name);
    if (into) into.value = value;
  }
  form.dispatchEvent(new Event('input', { bubbles: true }));
}

document.addEventListener('htmx:before:swap', (event) => {
  for (const task of /** @type {CustomEvent} */ (event).detail.tasks) handOver(task.fragment);
});
document.addEventListener('htmx:after:swap', () => {
  mark();
  scan();
});
document.addEventListener('click', (event) => {
  const button = event.target instanceof Element ? event.target.closest('[data-fill]') : null;
  if (button instanceof HTMLElement) fill(JSON.parse(button.dataset.fill ?? '{}'));
});
document.addEventListener('change', (event) => {
  const select = event.target;
  if (select instanceof HTMLSelectElement && select.dataset.into) fill({ [select.dataset.into]: select.value });
});

mark();
scan();

// The keyboard: every action of the pages. The list is the dialog in the page itself.

const pages = /** @type {Record<string, string>} */ ({ o: '/', a: '/alerts', r: '/rules', i: '/silences', c: '/channels', h: '/history', s: '/sources', t: '/status', e: '/echo' });
const dialog = /** @type {HTMLDialogElement} */ (document.getElementById('keys'));
let going = 0;

/** @param {string} action */
function press(action) {
  const button = document.querySelector(`[data-action="${action}"]`);
  if (button instanceof HTMLElement && !button.hidden) button.click();
}

/** @returns {HTMLElement | null} the alert that has the focus, or the first */
function currentAlert() {
  const focused = document.activeElement?.closest('[data-alert]');
  return /** @type {HTMLElement | null} */ (focused ?? document.querySelector('[data-alert]'));
}

/** @param {number} by */
function moveTo(by) {
  const alerts = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[data-alert]')]).filter((alert) => alert.checkVisibility());
  const at = alerts.findIndex((alert) => alert.contains(document.activeElement));
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), alerts.length - 1);
  alerts[next]?.focus();
}

/** @param {string} what */
function alertDo(what) {
  const button = currentAlert()?.querySelector(`[data-do="${what}"]`);
  if (button instanceof HTMLElement) button.click();
}

function toggleWhy() {
  const details = currentAlert()?.querySelector('details');
  if (details) details.open = !details.open;
}

const actions = /** @type {Record<string, () => void>} */ ({
  r: () => press('retry'),
  t: () => press('theme'),
  j: () => moveTo(1),
  k: () => moveTo(-1),
  a: () => alertDo('acknowledge'),
  d: () => alertDo('dismiss'),
  w: toggleWhy,
  m: () => alertDo('replay'),
  g: () => (going = Date.now()),
  '?': () => dialog.showModal(),
});

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') {
    for (const menu of menus()) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) menu.querySelector('summary')?.focus();
    }
  }
  const typing = event.target instanceof Element && event.target.closest('input:not([type="range"]), textarea, select:not([data-pace])');
  if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  if (Date.now() - going < 1_500 && pages[event.key]) {
    location.assign(pages[event.key]);
    return;
  }
  // What stands on the page with its key comes first: links of the history, buttons of a playback.
  const own = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-key]'));
  const pressed = [...own].find((element) => element.dataset.key === event.key && !element.hidden);
  const action = pressed ? () => pressed.click() : actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});

/** Menus are open one at a time, and until something else is done. */
const menus = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll('details.more[open]'));

document.addEventListener('click', (event) => {
  for (const menu of menus()) if (!(event.target instanceof Node && menu.contains(event.target))) menu.open = false;
  if (event.target instanceof Element && event.target.closest('[data-action="help"]')) dialog.showModal();
});

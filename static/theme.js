// The theme: as the system until chosen. A classic script in the head, so that the first paint has it already.
{
  const KEY = 'tickwire-theme';
  const root = document.documentElement;
  const order = ['system', 'dark', 'light'];

  /** @param {string} theme */
  const apply = (theme) => {
    if (theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme;
  };

  /** @returns {string} */
  const chosen = () => {
    try {
      const theme = localStorage.getItem(KEY) ?? 'system';
      return order.includes(theme) ? theme : 'system';
    } catch {
      return 'system';
    }
  };

  root.classList.add('js');
  apply(chosen());

  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element && event.target.closest('[data-action="theme"]');
    if (!button) return;
    const next = order[(order.indexOf(root.dataset.theme ?? 'system') + 1) % order.length];
    apply(next);
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Storage is refused: the choice lasts as long as the page.
    }
    const announce = document.getElementById('announce');
    if (announce) announce.textContent = `theme: ${next}`;
  });
}

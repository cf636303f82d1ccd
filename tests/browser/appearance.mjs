// What can be wrong with the look of a page, found by functions that run in it.

/** Runs in the page: the texts whose contrast with what is behind them is below AA. */
export function faint() {
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
    // What is old is greyed: it is not to be read as if it were new.
    if (element.closest('.host:has(> header .host-state.stale)')) continue;
    const style = getComputedStyle(element);
    const svg = element instanceof SVGElement;
    const ground = behind(svg ? element.closest('svg').parentElement : element);
    const colour = rgba(svg ? style.fill : style.color);
    for (let at = element; at; at = at.parentElement) colour[3] *= Number(getComputedStyle(at).opacity);
    const text = over(colour, ground);
    const [low, high] = [luminance(text), luminance(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    checked += 1;
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${element.tagName}.${element.getAttribute('class') ?? ''} ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return { checked, found };
}

/** Runs in the page: what stands out to the right. */
export function wide() {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page: ${document.documentElement.scrollWidth}`);
  for (const element of document.querySelectorAll('main *, header *, footer *')) {
    const { right, width } = element.getBoundingClientRect();
    // What is in a closed menu has a place, but nobody sees it.
    if (width === 0 || right <= innerWidth + 1 || !element.checkVisibility() || element.closest('svg, .quiet, .skip, nav:not(.within), .cursor')) continue;
    found.push(`${element.tagName}.${element.getAttribute('class') ?? ''} ends at ${right.toFixed(0)}`);
  }
  return found;
}

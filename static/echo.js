// The page of the echo socket: sends what it is told to, and writes down what comes back.

const place = /** @type {HTMLElement} */ (document.querySelector('[data-echo]'));
const log = /** @type {HTMLElement} */ (place.querySelector('[data-echo-log]'));
const state = /** @type {HTMLElement} */ (place.querySelector('[data-echo-state]'));
const took = /** @type {HTMLElement} */ (place.querySelector('[data-echo-time]'));
const LONGEST_LOG = 200;

/** @type {WebSocket | null} */
let socket = null;
let sentAt = 0;

/**
 * @param {'in' | 'out' | 'note'} way
 * @param {string} text
 */
function write(way, text) {
  const line = document.createElement('li');
  line.className = way;
  line.textContent = text;
  log.append(line);
  while (log.childElementCount > LONGEST_LOG) log.firstElementChild?.remove();
  log.scrollTop = log.scrollHeight;
}

/** @param {string} words */
function stand(words) {
  state.textContent = words;
  document.documentElement.dataset.connection = words === 'open' ? 'live' : 'closed';
}

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');

function open() {
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  const url = new URL(place.dataset.echo ?? '', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  stand('connecting');
  socket.onopen = () => stand('open');
  socket.onmessage = ({ data }) => {
    if (sentAt) took.textContent = `${(performance.now() - sentAt).toFixed(1)} ms there and back`;
    sentAt = 0;
    write('in', typeof data === 'string' ? data : hex(data));
  };
  socket.onclose = ({ code, reason }) => {
    stand('closed');
    write('note', `closed ${code}${reason ? `: ${reason}` : ''}`);
  };
}

/** @type {Record<string, (value: string) => void>} */
const actions = {
  open,
  text: (text) => send('out', text, text),
  binary: (text) => {
    const pairs = text.replace(/\s/g, '').match(/../g) ?? [];
    const bytes = Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
    send('out', hex(bytes.buffer), bytes);
  },
  close: (code) => {
    // No other code may be given by a page.
    const number = Number(code);
    if (number === 1000 || number >= 3000) socket?.close(number, 'asked for');
    else write('note', `a browser may not close with ${code}: 1000, or 3000 to 4999`);
  },
};

/**
 * @param {'out'} way
 * @param {string} words
 * @param {string | Uint8Array<ArrayBuffer>} frame
 */
function send(way, words, frame) {
  if (socket?.readyState !== WebSocket.OPEN) {
    write('note', 'not connected');
    return;
  }
  sentAt = performance.now();
  socket.send(frame);
  write(way, words);
}

place.addEventListener('submit', (event) => {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  const value = form.querySelector('input')?.value ?? '';
  actions[form.dataset.echoForm ?? '']?.(value);
});

open();

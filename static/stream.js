// The page's one connection: Server-Sent Events over fetch, which unlike EventSource can say when it will try again,
// retries a first connection that failed, and notices a line that has gone silent.

/** @typedef {{event: string, data: string, id: string}} Message */
/** @typedef {'connecting' | 'live' | 'waiting'} Phase */
/**
 * @typedef {object} Handlers
 * @property {(message: Message) => void} message
 * @property {(phase: Phase, seconds: number) => void} phase  `seconds` until the next attempt, while waiting
 */

/** The server speaks at least every 15 s; twice that and a bit is a dead line. */
const SILENCE_MS = 35_000;
const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 30_000;

export class Stream {
  #closed = new AbortController();
  #url;
  #position;
  #handlers;
  /** What the server asked for with `retry:`. */
  #retry = FIRST_DELAY_MS;
  #draining = false;
  #attempt = 0;
  #heard = 0;
  /** @type {AbortController | null} */
  #current = null;
  #countdown = 0;

  /**
   * @param {string | (() => string)} url  one that is made anew for each connection says itself where to go on
   * @param {string} position  where to go on from
   * @param {Handlers} handlers
   */
  constructor(url, position, handlers) {
    this.#url = url;
    this.#position = position;
    this.#handlers = handlers;
    const { signal } = this.#closed;
    const watch = setInterval(() => this.#check(), 5_000);
    signal.addEventListener('abort', () => clearInterval(watch));
    addEventListener('online', () => this.retry(), { signal });
    const seen = () => {
      if (document.hidden) return;
      if (!this.#current) this.retry();
      else this.#check();
    };
    document.addEventListener('visibilitychange', seen, { signal });
  }

  /** Ends it for good. */
  close() {
    clearInterval(this.#countdown);
    this.#closed.abort();
    this.#current?.abort();
  }

  /** Connects now, whatever it is waiting for. Does nothing while connected. */
  retry() {
    if (this.#current || this.#closed.signal.aborted) return;
    clearInterval(this.#countdown);
    this.#open();
  }

  #check() {
    if (this.#current && Date.now() - this.#heard > SILENCE_MS) this.#current.abort();
  }

  async #open() {
    const attempt = new AbortController();
    this.#current = attempt;
    this.#heard = Date.now();
    this.#handlers.phase('connecting', 0);
    try {
      const asks = typeof this.#url === 'function';
      const url = new URL(typeof this.#url === 'function' ? this.#url() : this.#url, location.href);
      /** @type {Record<string, string>} */
      const headers = { Accept: 'text/event-stream' };
      if (this.#position && !asks) {
        url.searchParams.set('since', this.#position);
        headers['Last-Event-ID'] = this.#position;
      }
      const response = await fetch(url, { headers, signal: attempt.signal, cache: 'no-store' });
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`);
      this.#handlers.phase('live', 0);
      await this.#read(response.body);
    } catch {
      // Whatever it was: the answer is to wait and to try again.
    }
    attempt.abort();
    this.#current = null;
    if (!this.#closed.signal.aborted) this.#wait();
  }

  #wait() {
    const grown = Math.min(Math.max(this.#retry, FIRST_DELAY_MS) * 2 ** this.#attempt, LONGEST_DELAY_MS);
    // A server that goes away has drawn a delay for each client already.
    const delay = this.#draining ? this.#retry : grown * (0.5 + Math.random() / 2);
    this.#draining = false;
    this.#attempt += 1;
    const due = Date.now() + delay;
    const tick = () => {
      const left = due - Date.now();
      if (left <= 0) this.retry();
      else this.#handlers.phase('waiting', Math.ceil(left / 1_000));
    };
    this.#countdown = setInterval(tick, 1_000);
    tick();
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async #read(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    let event = '';
    /** @type {string[]} */
    let data = [];
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#heard = Date.now();
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '') {
          if (data.length > 0) this.#dispatch(event, data.join('\n'));
          event = '';
          data = [];
          continue;
        }
        const colon = line.indexOf(':');
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
        if (field === 'data') data.push(text);
        else if (field === 'event') event = text;
        else if (field === 'id') this.#position = text;
        else if (field === 'retry' && /^\d+$/.test(text)) this.#retry = Number(text);
      }
    }
  }

  /**
   * @param {string} event
   * @param {string} data
   */
  #dispatch(event, data) {
    if (this.#closed.signal.aborted) return;
    this.#attempt = 0;
    if (event === 'draining') this.#draining = true;
    this.#handlers.message({ event, data, id: this.#position });
  }
}

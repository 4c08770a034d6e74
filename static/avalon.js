/**
 * Reports what fails in a web page to Avalon, and gives up quietly: nothing here throws, logs or loops.
 *
 *   <script src="https://avalon.example/avalon.js" data-key="avl_…" data-release="1.4.2"
 *     data-environment="prod" async></script>
 *
 * By hand: `avalon.report(error, {level, tags, user, metadata})`. The README says what is sent, and when.
 */
(() => {
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  const { key, release, environment } = script?.dataset ?? {};
  // The key in the address and a text as the body: so a browser asks no permission first (Fetch §3.2.2).
  const address = new URL(`report/batch?key=${key}`, script?.src || location.href);
  /** What waits to be sent, or for its answer. @type {unknown[]} */
  let queue = [];
  /** When each error was last sent and how often it was met. @type {Map<string, {at: number, count: number}>} */
  const seen = new Map();
  let left = 100; // reports of this page view: the bound of `queue` and of `seen`
  let failures = 0;
  let isBusy = false; // a timer runs, or a request

  /** @type {(error: any) => string} */
  const textOf = (error) => {
    const text = String(error?.message ?? error);
    return (text === '[object Object]' ? JSON.stringify(error) : text).slice(0, 2000);
  };

  /**
   * Type and message first, as V8 has it and the others don't; then the frames, then the cause. Where a script
   * stands in the page itself, its address is the page's: what follows a ? or # there is nobody's business.
   *
   * @type {(error: any, depth: number) => string}
   */
  const stackOf = (error, depth) => {
    const { name, message, errors, cause = errors?.[0] } = Object(error);
    const stack = String(error?.stack ?? '');
    const begin = stack.search(/\n +at /);
    const isHeader = !stack || (message && stack.includes(message));
    const frames = begin >= 0 ? stack.slice(begin) : isHeader ? '' : `\n${stack}`;
    return (
      (name ? `${name}: ` : '') +
      textOf(error) +
      frames.slice(0, 8000).replace(/[?#][^\s)]*?(?=(:\d+)+\)?$)/gm, '') +
      (cause && depth ? `\nCaused by: ${stackOf(cause, depth - 1)}` : '')
    );
  };

  /** @type {(error: any, fields?: Record<string, any>, place?: string) => void} */
  const report = (error, fields = {}, place = '') => {
    try {
      const stack = stackOf(error, 5);
      try {
        JSON.stringify(fields);
      } catch {
        fields = {};
      }
      const one = seen.get(stack) ?? { at: 0, count: 0 };
      one.count++;
      if (Date.now() - one.at < 5000 || left < 1) return;
      queue.push({
        // What is sent twice is stored once. Without TLS there is no randomUUID.
        id:
          crypto.randomUUID?.() ??
          '10000000-1000-4000-a000-100000000000'.replace(/[01]/g, () => ((Math.random() * 16) | 0).toString(16)),
        timestamp: new Date(),
        release,
        environment,
        ...fields,
        error: {
          type: error?.name && String(error.name),
          message: textOf(error),
          stack: stack.includes('\n') ? stack : stack + place,
          path: location.pathname,
        },
        metadata: {
          user_agent: navigator.userAgent,
          ...fields.metadata,
          get occurrences() {
            return one.count;
          },
        },
      });
      one.at = Date.now();
      seen.set(stack, one);
      left--;
      sendIn(1);
    } catch {}
  };

  /** @type {(seconds: number) => void} */
  const sendIn = (seconds) => {
    if (isBusy || !queue.length) return;
    isBusy = true;
    setTimeout(send, seconds * 1000);
  };

  const send = async () => {
    const batch = queue.slice(0, 10);
    let seconds = 0;
    try {
      const body = JSON.stringify(batch);
      // Browsers keep 64 KiB going when a page is left.
      const answer = await fetch(address, { method: 'POST', body, keepalive: body.length < 2e4 });
      if (answer.status === 429 || answer.status === 503) {
        seconds = Number(answer.headers.get('retry-after')) || 30;
      } else if (answer.status === 401 || answer.status === 403) {
        left = 0;
        queue = [];
      }
    } catch {
      seconds = 5 * (failures + 1);
    }
    failures = seconds ? failures + 1 : 0;
    if (failures > 2) {
      queue = [];
      failures = 0;
    }
    if (!seconds) queue = queue.filter((one) => !batch.includes(one));
    isBusy = false;
    sendIn(seconds || 1);
  };

  const leave = () => {
    while (queue.length) navigator.sendBeacon(address, JSON.stringify(queue.splice(0, 5)));
  };

  addEventListener('error', ({ error, message, filename = '', lineno, colno }) =>
    report(
      error ?? message,
      filename || error ? {} : { metadata: { note: 'of another origin; its tag needs `crossorigin`' } },
      `\n    at ${filename.split(/[?#]/)[0]}:${lineno}:${colno}`,
    ),
  );
  addEventListener('unhandledrejection', ({ reason }) => report(reason));
  addEventListener('pagehide', leave);
  addEventListener('visibilitychange', () => document.hidden && leave());
  Object.assign(globalThis, { avalon: { report } });
})();

// The live feed: one socket, resumed after its last position for as long as the page is open.
import { request } from './api.js';
import { backoffMs, stateWhenCut } from './logic.js';

const PING_MS = 10_000;
const SILENCE_MS = 25_000;
const SESSION_OVER = 4401;

/** Follows the feed until it is stopped. `load` reads the list anew; what comes in after that goes to `take`.
 * A cut, a silent and a lagging connection go on where they stood; only `gone` starts with the list again.
 * @param {{load: () => Promise<void>, take: (items: any[]) => void, show: (state: string) => void, over: () => void}} page */
export function follow(page) {
  /** @type {WebSocket | undefined} */
  let socket;
  /** @type {number | undefined} */
  let after;
  let failures = 0, heardAt = 0, retry = 0, isStopped = false;

  const send = (/** @type {object} */ frame) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));

  function connect() {
    const own = socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws`);
    heardAt = Date.now();
    own.onclose = ({ code }) => own === socket && cut(code);
    own.onmessage = ({ data }) => own === socket && hear(JSON.parse(data)).catch(() => own === socket && cut());
  }

  /** @param {any} frame */
  async function hear(frame) {
    heardAt = Date.now();
    if (frame.type === 'hello') {
      if (after === undefined) {
        await page.load();
        after = frame.position; // the list was read later: what it holds beyond this comes again, and is merged
      }
      send({ type: 'subscribe', after });
    } else if (frame.type === 'events') { // the first one, often empty, says that we are subscribed
      page.take(frame.items);
      after = frame.position;
      failures = 0;
      page.show('live');
    } else if (frame.type === 'lagged') {
      send({ type: 'subscribe', after: frame.position });
    } else if (frame.type === 'gone') {
      after = undefined;
      cut();
    }
  }

  /** @param {number} [code] */
  function cut(code) {
    const old = socket;
    socket = undefined;
    old?.close();
    if (isStopped) return;
    if (code === SESSION_OVER) return page.over();
    page.show(stateWhenCut(failures, navigator.onLine));
    clearTimeout(retry);
    retry = setTimeout(tryAgain, backoffMs(failures++));
  }

  /** A browser does not tell why a handshake failed: asks first whether the session still stands. One that was
   * never live reads the list instead, so that there is one where no socket gets through. */
  async function tryAgain() {
    clearTimeout(retry);
    try {
      await (after === undefined ? page.load() : request('GET', '/api/auth/me'));
      if (!isStopped && !socket) connect();
    } catch (error) {
      cut(/** @type {any} */ (error).status === 401 ? SESSION_OVER : undefined);
    }
  }

  const watch = setInterval(() => (Date.now() - heardAt > SILENCE_MS ? socket && cut() : send({ type: 'ping' })), PING_MS);
  const hurry = () => { if (!socket) void tryAgain(); };
  const drop = () => socket && cut();
  addEventListener('online', hurry);
  addEventListener('offline', drop);
  connect();

  return () => {
    isStopped = true;
    clearInterval(watch);
    clearTimeout(retry);
    removeEventListener('online', hurry);
    removeEventListener('offline', drop);
    socket?.close();
  };
}

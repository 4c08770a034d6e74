// The live feed against a socket of the test's own. Run by tests/browser/test_modules.py: node --test
import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

const sockets = [];
class FakeSocket {
  static OPEN = 1;
  readyState = 1;
  sent = [];
  constructor(url) { this.url = url; sockets.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.readyState = 3; }
  async hears(frame) { await this.onmessage({ data: JSON.stringify(frame) }); }
}
let session = 200;
const listeners = new Map();
Object.assign(globalThis, {
  WebSocket: FakeSocket,
  location: { origin: 'http://avalon.test' },
  addEventListener: (name, heard) => listeners.set(name, heard),
  removeEventListener: (name) => listeners.delete(name),
  fetch: async () => {
    if (session === 0) throw new TypeError('failed to fetch');
    return { ok: session === 200, status: session, json: async () => ({}) };
  },
});
Object.defineProperty(globalThis, 'navigator', { value: { onLine: true }, configurable: true });
mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
const { follow } = await import('../../static/live.js');

/** Lets what was promised happen. */
const settle = async () => { for (let step = 0; step < 20; step += 1) await Promise.resolve(); };
const wait = async (ms) => { mock.timers.tick(ms); await settle(); };
const last = () => sockets[sockets.length - 1];
const subscribed = () => last().sent.filter((frame) => frame.type === 'subscribe');

let page, stop = () => {};
beforeEach(() => {
  stop();
  sockets.length = 0;
  session = 200;
  page = { loads: 0, items: [], states: [], isOver: false };
  stop = follow({
    load: async () => { page.loads += 1; },
    take: (items) => page.items.push(...items),
    show: (state) => page.states.push(state),
    over: () => { page.isOver = true; },
  });
});

async function isLiveAt(position) {
  await last().hears({ type: 'hello', position });
  await settle();
  await last().hears({ type: 'events', position, items: [] });
}

test('the list is read before the feed goes on behind it', async () => {
  assert.equal(last().url, 'ws://avalon.test/ws');
  await last().hears({ type: 'hello', position: 7 });
  await settle();
  assert.equal(page.loads, 1);
  assert.deepEqual(last().sent, [{ type: 'subscribe', after: 7 }]);
  assert.deepEqual(page.states, []);
});

test('it is live once the server has said so, and not before', async () => {
  await isLiveAt(7);
  assert.deepEqual(page.states, ['live']);
});

test('after a cut it goes on where it stood, without reading the list again', async () => {
  await isLiveAt(7);
  await last().hears({ type: 'events', position: 12, items: ['a'] });
  last().onclose({ code: 1012 });
  await wait(500);
  assert.equal(sockets.length, 2);
  await last().hears({ type: 'hello', position: 40 });
  await settle();
  assert.deepEqual(subscribed(), [{ type: 'subscribe', after: 12 }]);
  assert.equal(page.loads, 1);
  assert.deepEqual(page.states, ['live', 'live', 'reconnecting']);
});

test('a pong moves nothing, so that no event can be skipped by it', async () => {
  await isLiveAt(7);
  await last().hears({ type: 'pong', position: 99 });
  last().onclose({ code: 1006 });
  await wait(500);
  await last().hears({ type: 'hello', position: 99 });
  assert.equal(subscribed()[0].after, 7);
});

test('one that was too slow reads again from where it was told', async () => {
  await isLiveAt(7);
  await last().hears({ type: 'lagged', position: 9, skipped: 300 });
  assert.equal(subscribed()[1].after, 9);
});

test('where the log is another, the list is read again', async () => {
  await isLiveAt(7);
  await last().hears({ type: 'gone' });
  await wait(500);
  await last().hears({ type: 'hello', position: 3 });
  await settle();
  assert.ok(page.loads > 1);
  assert.deepEqual(subscribed(), [{ type: 'subscribe', after: 3 }]);
});

test('a server that is away is asked less and less often, and the badge says offline', async () => {
  await isLiveAt(7);
  session = 0;
  last().onclose({ code: 1006 });
  for (let round = 0; round < 8; round += 1) await wait(15_000);
  assert.equal(sockets.length, 1);
  assert.equal(page.states.at(-1), 'offline');
  session = 200;
  await wait(15_000);
  assert.equal(sockets.length, 2);
  await isLiveAt(7);
  assert.equal(page.states.at(-1), 'live');
});

test('silence is not health: a socket that says nothing is given up', async () => {
  await isLiveAt(7);
  await wait(10_000);
  assert.deepEqual(last().sent.at(-1), { type: 'ping' });
  await wait(20_000);
  assert.equal(sockets[0].readyState, 3);
  assert.equal(page.states.at(-1), 'reconnecting');
});

test('a network that comes back is used at once', async () => {
  await isLiveAt(7);
  listeners.get('offline')();
  listeners.get('online')();
  await settle();
  assert.equal(sockets.length, 2);
  await wait(15_000);
  assert.equal(sockets.length, 2);
});

test('where no socket gets through, the list is read all the same', async () => {
  last().onclose({ code: 1006 });
  await wait(500);
  assert.equal(page.loads, 1);
  last().onclose({ code: 1006 });
  await wait(1000);
  assert.equal(page.loads, 2);
  assert.ok(!page.states.includes('live'));
});

test('a session that is over ends it, whether the socket says so or its handshake fails', async () => {
  await isLiveAt(7);
  last().onclose({ code: 4401 });
  assert.ok(page.isOver);
  page.isOver = false;
  stop();
  stop = follow({ load: async () => {}, take: () => {}, show: () => {}, over: () => { page.isOver = true; } });
  await isLiveAt(7);
  session = 401;
  last().onclose({ code: 1006 });
  await wait(500);
  assert.ok(page.isOver);
});

test('once stopped it says and does nothing more', async () => {
  await isLiveAt(7);
  const socket = last();
  stop();
  socket.onclose({ code: 1006 });
  await wait(60_000);
  assert.equal(sockets.length, 1);
  assert.equal(socket.readyState, 3);
  assert.deepEqual(page.states, ['live']);
});

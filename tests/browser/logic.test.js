// Run by tests/browser/test_modules.py: node --test
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, backoffMs, KEPT, merge, shortTime, stackOf, stateWhenCut, toRow, visible } from '../../static/logic.js';

const row = (position, id = `id-${position}`) => ({
  id, position, level: 'error', service: 'shop', title: `m${position}`, path: '', at: '2026-11-22T12:00:00.000Z',
});
const fresh = (position) => ({ type: 'error:new', ...row(position), createdAt: '2026-11-22T12:00:00.000Z' });
const positions = (rows) => rows.map((one) => one.position);

test('what comes in goes on top, each once', () => {
  assert.deepEqual(positions(merge([row(2), row(1)], [row(3), row(2)])), [3, 2, 1]);
});

test('the list keeps the newest, and no more than it shows', () => {
  const many = Array.from({ length: KEPT + 20 }, (_, index) => row(index + 1));
  const kept = merge([], many);
  assert.equal(kept.length, KEPT);
  assert.equal(kept[0].position, KEPT + 20);
});

test('a frame adds what was reported, takes away what was deleted, and leaves the rest alone', () => {
  const after = apply([row(2), row(1)], [fresh(3), { type: 'error:deleted', id: 'id-1' }, { type: 'issue:opened', id: 'i' }]);
  assert.deepEqual(positions(after), [3, 2]);
});

test('an erased service takes its older reports with it, and nobody else’s', () => {
  const other = { ...row(3), service: 'mail' };
  const later = { ...row(4), at: '2026-11-22T13:30:00.000Z' };
  const erased = { type: 'service:erased', service: 'shop', before: '2026-11-22T13:00:00+00:00' };
  assert.deepEqual(positions(apply([later, other, row(2)], [erased])), [4, 3]);
});

test('a report looks the same from the list and from the live feed', () => {
  const common = { id: 'a', position: 7, level: 'fatal', service: 's', message: 'm', method: 'GET', path: '/x' };
  const live = toRow({ ...common, type: 'error:new', exception_type: 'TypeError', createdAt: '2026-11-22T12:00:00.000Z' });
  assert.deepEqual(toRow({ ...common, type: 'TypeError', occurred_at: '2026-11-22T12:00:00.000Z' }), live);
  assert.equal(live.path, 'GET /x');
  assert.equal(live.title, 'TypeError: m');
  assert.equal(toRow({ ...common, method: null, path: null }).path, '');
});

test('a row says the type once, where there is one', () => {
  assert.equal(toRow({ type: null, message: 'm' }).title, 'm');
  assert.equal(toRow({ type: 'error:new', exception_type: null, message: 'm' }).title, 'm');
  assert.equal(toRow({ type: 'KeyError', message: 'KeyError' }).title, 'KeyError');
});

test('a stack is the one that was sent, or is made of the exceptions, the innermost first', () => {
  const frames = [
    { function: 'main', filename: 'app.py', lineno: 9, context_line: '    pay()' },
    { filename: 'pay.py' },
  ];
  const exceptions = [{ type: 'ValueError', value: 'outer' }, { type: 'KeyError', value: 'k', frames }];
  const made = 'KeyError: k\n    at ? (pay.py)\n    at main (app.py:9)\n        pay()\n\nValueError: outer';
  assert.equal(stackOf({ stack: '', exceptions }), made);
  assert.equal(stackOf({ stack: 'sent', exceptions }), 'sent');
  const resolved = [{ type: 'E', value: '', frames: [{ function: 'f', filename: 'src/f.ts', lineno: 1, resolved: true }] }];
  assert.equal(stackOf({ stack: 'sent', exceptions: resolved }), 'E\n    at f (src/f.ts:1)');
  assert.equal(stackOf({ stack: '' }), '');
});

test('each wait is longer than the one before, up to a bound', () => {
  assert.deepEqual([0, 1, 2, 3].map((n) => backoffMs(n, 1)), [500, 1000, 2000, 4000]);
  assert.equal(backoffMs(50, 1), 15_000);
  assert.equal(backoffMs(50, 0), 7_500);
});

test('the badge says offline without a network, or after several failures', () => {
  assert.equal(stateWhenCut(0, true), 'reconnecting');
  assert.equal(stateWhenCut(0, false), 'offline');
  assert.equal(stateWhenCut(9, true), 'offline');
});

test('a time of today is a clock’s, another has its date', () => {
  const now = new Date('2026-11-22T23:00:00Z');
  assert.equal(shortTime('2026-11-22T09:05:07.123Z', now, 'UTC'), '09:05:07');
  assert.equal(shortTime('2026-11-21T09:05:07.123Z', now, 'UTC'), '21 Nov 2026, 09:05');
  assert.equal(shortTime('2026-11-22T22:30:00.000Z', now, 'Asia/Tokyo'), '07:30:00');
});

test('signs that hide or turn text are shown, and all else is left as it is', () => {
  assert.equal(visible('a\u202egpj.exe\u0000\u001b[2J'), 'a\\u202egpj.exe\\u0000\\u001b[2J');
  assert.equal(visible('<b>é 😀\n\tשלום</b>'), '<b>é 😀\n\tשלום</b>');
  assert.equal(visible(null), '');
});

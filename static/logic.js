// What the page thinks, apart from what it shows: no DOM, no network, no clock of its own.

/** @typedef {{id: string, position: number, level: string, service: string, title: string, path: string, at: string}} Row */

export const KEPT = 100;
const LONGEST_WAIT_MS = 15_000;
const FAILURES_UNTIL_OFFLINE = 4;

/** A report, as the list and as the live feed tell it, in one shape.
 * @param {any} item @returns {Row} */
export const toRow = (item) => ({
  id: item.id,
  position: item.position,
  level: item.level,
  service: item.service,
  title: titleOf(item.type === 'error:new' ? item.exception_type : item.type, item.message),
  path: [item.method, item.path].filter(Boolean).join(' '),
  at: item.createdAt ?? item.occurred_at,
});

/** @param {string | null | undefined} type @param {string} message */
const titleOf = (type, message) => (!type || message?.startsWith(type) ? message : `${type}: ${message}`);

/** The stack of a report as one text: as it was sent, or from its exceptions, the innermost first. Frames that a
 * source map has resolved come before a text that was not.
 * @param {any} report */
export function stackOf({ stack, exceptions = [] }) {
  const isResolved = exceptions.some((/** @type {any} */ one) => one.frames?.some((/** @type {any} */ frame) => frame.resolved));
  if (stack && !isResolved) return stack;
  return exceptions.toReversed().map(exceptionText).join('\n\n') || stack;
}

/** @param {any} exception */
const exceptionText = ({ type, value, frames }) =>
  [[type, value].filter(Boolean).join(': '), ...(frames ?? []).toReversed().map(frameText)].join('\n');

/** @param {any} frame */
const frameText = (frame) => {
  const place = [frame.filename || frame.abs_path || frame.module || '?', frame.lineno].filter(Boolean).join(':');
  const line = frame.context_line?.trim();
  return `    at ${frame.function || '?'} (${place})${line ? `\n        ${line}` : ''}`;
};

/** The rows with fresh ones among them: the last that came on top, each once, `KEPT` at most.
 * @param {Row[]} rows @param {Row[]} fresh @returns {Row[]} */
export function merge(rows, fresh) {
  const byId = new Map([...rows, ...fresh].map((row) => [row.id, row]));
  return [...byId.values()].sort((a, b) => b.position - a.position).slice(0, KEPT);
}

/** The rows after a frame of the live feed.
 * @param {Row[]} rows @param {any[]} items @returns {Row[]} */
export function apply(rows, items) {
  for (const item of items) {
    if (item.type === 'error:new') rows = merge(rows, [toRow(item)]);
    if (item.type === 'error:deleted') rows = rows.filter((row) => row.id !== item.id);
    if (item.type === 'service:erased') rows = rows.filter((row) => row.service !== item.service || new Date(row.at) >= new Date(item.before));
  }
  return rows;
}

/** How long to wait before trying again: longer each time, and not for all pages at once.
 * @param {number} failures @returns {number} */
export function backoffMs(failures, random = Math.random()) {
  return Math.min(LONGEST_WAIT_MS, 500 * 2 ** failures) * (0.5 + random / 2);
}

/** What the badge says while nothing comes in.
 * @param {number} failures how often in a row it could not be reached @param {boolean} hasNetwork */
export const stateWhenCut = (failures, hasNetwork) =>
  !hasNetwork || failures >= FAILURES_UNTIL_OFFLINE ? 'offline' : 'reconnecting';

/** A time of today as a clock shows it, another with its date.
 * @param {string} at @param {Date} now @param {string} [timeZone] */
export function shortTime(at, now, timeZone) {
  const date = new Date(at);
  const day = (/** @type {Date} */ one) => one.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone });
  const clock = date.toLocaleTimeString('en-GB', { timeZone });
  return day(date) === day(now) ? clock : `${day(date)}, ${clock.slice(0, 5)}`;
}

/** Text with the signs that hide or turn what stands beside them (controls, bidi overrides) made visible.
 * @param {unknown} text */
export const visible = (text) =>
  String(text ?? '').replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, (sign) =>
    `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

// The page: login, the live list, one report. A view is a copy of its template in <main>; text goes in as text.
import { request } from './api.js';
import { follow } from './live.js';
import { apply, KEPT, merge, shortTime, stackOf, toRow, visible } from './logic.js';

/** @typedef {import('./logic.js').Row} Row */
/** @type {<T extends HTMLElement = HTMLElement>(selector: string, root?: ParentNode) => T} */
const find = (selector, root = document) => /** @type {any} */ (root.querySelector(selector));
const main = find('main');

/** @type {Row[] | undefined} what the list holds, once it has been read */
let rows;
/** @type {any} */
let user;
let stopLive = () => {};
let startPassword = '';

/** Puts texts into the elements of their names. @param {ParentNode} root @param {Record<string, unknown>} texts */
function fill(root, texts) {
  for (const [name, text] of Object.entries(texts)) find(`[data-field=${name}]`, root).textContent = visible(text);
}

/** @param {string} name @param {string} title @param {Record<string, unknown>} [texts] */
function show(name, title, texts = {}) {
  main.replaceChildren(copy(name));
  main.dataset.view = name;
  document.title = `${visible(title)} · Avalon`;
  fill(main, texts);
  const first = main.querySelector('[data-first]') ?? find('h1', main);
  if (first.tagName === 'H1') first.setAttribute('tabindex', '-1');
  /** @type {HTMLElement} */ (first).focus();
}

/** @param {string} name */
const copy = (name) => /** @type {DocumentFragment} */ (/** @type {HTMLTemplateElement} */ (find(`#${name}`)).content.cloneNode(true));

/** Sends the form that is shown, and says what went wrong.
 * @param {(values: Record<string, string>) => Promise<void>} submit */
function onSubmit(submit) {
  const form = /** @type {HTMLFormElement} */ (find('form', main));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const button = find('button', form), problem = find('.problem', form);
    button.toggleAttribute('disabled', true);
    problem.textContent = '';
    try {
      await submit(/** @type {any} */ (Object.fromEntries(new FormData(form))));
    } catch (error) {
      problem.textContent = visible(/** @type {Error} */ (error).message);
    }
    button.toggleAttribute('disabled', false);
  });
}

function signIn(note = '') {
  stopLive();
  user = rows = undefined;
  find('#nav').hidden = find('#session').hidden = true;
  show('login', 'Sign in', { note });
  onSubmit(async ({ username, password }) => {
    const answer = await request('POST', '/api/auth/login', { username, password });
    startPassword = answer.user.must_change_password ? password : '';
    enter(answer.user);
  });
}

/** @param {any} account */
function enter(account) {
  user = account;
  find('#session').hidden = false;
  find('#nav').hidden = find('#live').hidden = user.must_change_password;
  if (user.must_change_password) return changePassword();
  showLive('reconnecting');
  stopLive = follow({ load, take, show: showLive, over: () => signIn('Your session is over. Sign in again.') });
  route();
}

function changePassword() {
  show('password', 'Choose a password');
  const field = (/** @type {string} */ name) => find(`input[name=${name}]`, main);
  field('username').setAttribute('value', user.username);
  field('current').setAttribute('value', startPassword);
  onSubmit(async ({ current, fresh, again }) => {
    if (fresh !== again) throw new Error('The two new passwords differ.');
    await request('PUT', '/api/auth/profile', { current_password: current, new_password: fresh });
    startPassword = '';
    enter({ ...user, must_change_password: false });
  });
}

// The live list.

async function load() {
  const { items } = await request('GET', `/api/errors?limit=${KEPT}`);
  rows = merge([], items.map(toRow));
  render();
}

/** @param {any[]} items */
function take(items) {
  rows = apply(rows ?? [], items);
  if (items.length) render();
}

/** @param {string} state */
function showLive(state) {
  const badge = find('#live');
  badge.dataset.state = state;
  badge.textContent = { live: 'Live', reconnecting: 'Reconnecting', offline: 'Offline' }[state] ?? state;
}

/** Makes the list say what `rows` holds; what stands already stays, with its focus. */
function render() {
  const list = main.querySelector('#errors');
  if (!list || !rows) return;
  const standing = new Map([...list.children].map((element) => [element.id, element]));
  let next = list.firstElementChild;
  for (const row of rows) {
    const element = standing.get(row.id) ?? rowElement(row);
    standing.delete(row.id);
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
  for (const element of standing.values()) element.remove();
  find('#empty').hidden = rows.length > 0;
}

/** @param {Row} row */
function rowElement(row) {
  const element = find('li', copy('row'));
  element.id = row.id;
  find('a', element).setAttribute('href', `/errors/${row.id}`);
  fill(element, { title: row.title, path: row.path });
  describe(element, row);
  return element;
}

/** @param {ParentNode} root @param {Row} row */
function describe(root, row) {
  fill(root, { level: row.level, service: row.service, time: shortTime(row.at, new Date()) });
  find('.level', root).dataset.level = row.level;
  const time = find('time', root);
  time.setAttribute('datetime', row.at);
  time.title = row.at;
}

function showList() {
  const curl = (/** @type {string} */ key) => `curl ${location.origin}/report -H 'X-API-Key: ${key}' \\
  -H 'Content-Type: application/json' -d '{"error": {"message": "Hello, Avalon"}}'`;
  show('list', 'Errors', { curl: curl('avl_your_api_key') });
  find('#key').hidden = user.role !== 'admin';
  find('#key button').addEventListener('click', async () => {
    const made = await request('POST', '/api/keys', { name: 'First page', service: 'my-app' }).catch((error) => error);
    if (made.key) fill(main, { curl: curl(made.key) });
    find('#key [role=status]').textContent = made.key
      ? `It stands in the command now, and is shown only here. For Sentry’s SDKs: ${made.dsn}` : made.message;
  });
  render();
}

/** One report. @param {string} id */
async function showReport(id) {
  const path = location.pathname;
  try {
    const report = await request('GET', `/api/errors/${id}`);
    if (location.pathname !== path) return;
    show('detail', report.message, { message: report.message, stack: stackOf(report) || 'No stack was sent.' });
    main.append(...PARTS.filter((name) => Object.keys(report[name] ?? {}).length).map((name) => partElement(name, report[name])));
    describe(main, toRow(report));
    const { occurred_at: Time, type: Type, environment: Environment, release: Release, id: ID, issue } = report;
    const facts = { Time, Type, Path: toRow(report).path, Environment, Release, ID, Issue: issue?.id };
    for (const [name, value] of Object.entries(facts)) {
      if (value) find('dl', main).append(textElement('dt', name), textElement('dd', value));
    }
  } catch (error) {
    const { status, message } = /** @type {any} */ (error);
    if (status === 401) signIn();
    else if (location.pathname === path) showProblem(status === 404 ? 'It may have been deleted, or be older than what is kept.' : message);
  }
}

/** What a report may say besides, by its names in the API; the longest stand last. */
const PARTS = ['user', 'tags', 'request', 'breadcrumbs', 'contexts', 'metadata'];

/** @param {string} name @param {unknown} value */
function partElement(name, value) {
  const element = copy('part');
  find('pre', element).dataset.part = name;
  fill(element, { name: name[0].toUpperCase() + name.slice(1), value: JSON.stringify(value, null, 2) });
  return element;
}

const showProblem = (/** @type {string} */ text) => show('problem', 'No report to show', { text });

/** @param {string} tag @param {unknown} text */
function textElement(tag, text) {
  const element = document.createElement(tag);
  element.textContent = visible(text);
  return element;
}

// Where we are.

function route() {
  const report = /^\/errors\/([^/]+)$/.exec(location.pathname);
  scrollTo(0, 0);
  if (report) void showReport(report[1]);
  else showList();
}

addEventListener('popstate', () => user && !user.must_change_password && route());
addEventListener('click', (event) => {
  const link = /** @type {Element} */ (event.target).closest('a[data-route]');
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  history.pushState(null, '', link.getAttribute('href'));
  if (user && !user.must_change_password) route();
});
find('#logout').addEventListener('click', async () => {
  await request('POST', '/api/auth/logout').catch(() => {});
  history.replaceState(null, '', '/');
  signIn();
});

await request('GET', '/api/auth/me').then((me) => enter(me.user), (error) => signIn(error.status === 401 ? '' : error.message));

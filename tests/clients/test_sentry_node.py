"""The real @sentry/node in real programs: what it sent is what the API gives back, and it sees no error."""

from __future__ import annotations

import json
import re
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from tests.clients.conftest import Served
from tests.clients.node import run_node

# Counts what goes out, beside the SDK and not by it; says so at the end.
INIT = """
import * as Sentry from '@sentry/node';
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const answers = [];
subscribe('http.client.response.finish', ({ response }) => answers.push(response.statusCode));
process.on('exit', () => writeSync(1, `ANSWERS ${JSON.stringify(answers)}\\n`));
Sentry.init({
  dsn: process.env.DSN,
  release: 'shop@1.4.2',
  environment: 'staging',
  debug: true,
  tracesSampleRate: 1,
  enableLogs: true,
});
"""
CAUGHT = """
Sentry.setUser({ id: '42', email: 'ada@example.org', username: 'ada' });
Sentry.setTag('region', 'eu-west');
Sentry.setContext('cart', { items: 3 });
Sentry.addBreadcrumb({ category: 'cart', message: 'a teapot went in', level: 'info', data: { price: 12 } });
console.log('a line of the console');
Sentry.logger.info('a log line');
function load(path) {
  return readFileSync(path, 'utf8');
}
function checkout() {
  try {
    load('/nowhere/config.json');
  } catch (cause) {
    throw new RangeError('the checkout failed', { cause });
  }
}
Sentry.startSpan({ name: 'checkout', op: 'task' }, () => {
  try {
    checkout();
  } catch (error) {
    Sentry.captureException(error, { tags: { step: 'pay' }, extra: { order: 17 } });
  }
});
Sentry.captureMessage('stock is low', 'warning');
await Sentry.close(5000);
"""


def run(served: Served, folder: Path, service: str, source: str, **fields: Any) -> CompletedProcess[str]:
    """A program with the SDK in front, under a key of a service of its own."""
    key = served.new_key(service, **fields)
    return run_node(folder, INIT + source, DSN=served.dsn(key))


def answers(done: CompletedProcess[str]) -> list[int]:
    line = next(line for line in done.stdout.splitlines() if line.startswith("ANSWERS "))
    return json.loads(line.removeprefix("ANSWERS "))


def complaints(done: CompletedProcess[str]) -> list[str]:
    """What the SDK says of itself when something is wrong, in what `debug: true` prints."""
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if "Logger [warn]" in line or "Logger [error]" in line]


def own_frames(exception: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame for frame in exception["frames"] if frame.get("in_app")]


def test_what_a_program_catches_comes_back_as_it_was_sent(served: Served, tmp_path: Path) -> None:
    done = run(served, tmp_path, "caught", CAUGHT)
    assert done.returncode == 0, done.stderr
    assert complaints(done) == []
    sent = answers(done)
    assert set(sent) == {200}
    assert len(sent) > 2, "spans and logs, too, which do not disturb"
    report, message = served.reports("caught", 2)

    outer, cause = report["exceptions"]
    assert (outer["type"], outer["value"], outer["handled"]) == ("RangeError", "the checkout failed", True)
    assert cause["value"] == "ENOENT: no such file or directory, open '/nowhere/config.json'"
    last = own_frames(outer)[-1]
    assert last["function"] == "checkout"
    assert last["filename"].endswith("/app.mjs")
    assert last["context_line"] == "    throw new RangeError('the checkout failed', { cause });"
    assert last["pre_context"][-1] == "  } catch (cause) {"
    assert last["post_context"][:2] == ["  }", "}"]
    functions = [frame["function"] for frame in own_frames(cause)]
    assert functions[-2:] == ["checkout", "load"]
    assert any("@sentry/core" in frame["filename"] for frame in outer["frames"] if not frame["in_app"])

    assert report["tags"] == {"region": "eu-west", "step": "pay"}
    assert report["user"] == {"id": "42", "email": "ada@example.org", "username": "ada"}
    assert report["metadata"]["order"] == 17
    assert report["contexts"]["cart"] == {"items": 3}
    assert (report["release"], report["environment"]) == ("shop@1.4.2", "staging")
    assert (report["level"], report["platform"]) == ("error", "node")
    assert report["sdk"]["name"] == "sentry.javascript.node"
    crumbs = [(crumb["category"], crumb["message"]) for crumb in report["breadcrumbs"]]
    assert crumbs == [("cart", "a teapot went in"), ("console", "a line of the console")]
    assert report["breadcrumbs"][0]["data"] == {"price": 12}

    assert (message["message"], message["level"], message["type"]) == ("stock is low", "warning", None)
    assert message["tags"] == {"region": "eu-west"}


UNCAUGHT = """
function total() {
  return undefined.price;
}
total();
"""
REJECTED = """
async function charge() {
  await pause(1);
  throw new RangeError('the charge is out of range');
}
void charge();
"""


def test_what_nobody_catches_is_fatal_and_ends_the_program_as_without_us(
    served: Served, tmp_path: Path
) -> None:
    done = run(served, tmp_path, "uncaught", UNCAUGHT)
    assert done.returncode == 1
    assert "TypeError: Cannot read properties of undefined (reading 'price')" in done.stderr
    assert complaints(done) == []
    (report,) = served.reports("uncaught")
    (error,) = report["exceptions"]
    assert (error["type"], error["handled"], report["level"]) == ("TypeError", False, "fatal")
    assert error["value"] == "Cannot read properties of undefined (reading 'price')"
    assert own_frames(error)[-1]["function"] == "total"
    assert own_frames(error)[-1]["context_line"] == "  return undefined.price;"


def test_a_rejection_that_nobody_handles_is_reported(served: Served, tmp_path: Path) -> None:
    done = run(served, tmp_path, "rejected", REJECTED)
    assert done.returncode == 0, "with the SDK, node goes on"
    assert complaints(done) == []
    (report,) = served.reports("rejected")
    (error,) = report["exceptions"]
    assert (error["type"], error["value"]) == ("RangeError", "the charge is out of range")
    assert (error["handled"], own_frames(error)[-1]["function"]) == (False, "charge")


# Errors until one is refused, and three more. Then the minute is over: the SDK's clock says so, and the key.
OVER_THE_RATE = """
let n = 0;
while (!answers.includes(429)) {
  Sentry.captureException(new Error(`number ${n++}`));
  // The first error's session goes out, too.
  while (answers.length < n + 1) await pause(5);
}
for (let more = 0; more < 3; more++) {
  Sentry.captureException(new Error(`more ${more}`));
  await pause(20);
}
const before = answers.length;
const now = Date.now;
Date.now = () => now() + 61_000;
const headers = { Authorization: process.env.AUTHORIZATION, 'Content-Type': 'application/json' };
const { items } = await (await fetch(`${process.env.API}/api/keys`, { headers })).json();
const { id } = items.find((key) => key.service === 'rated');
const body = JSON.stringify({ rate_per_minute: null });
await fetch(`${process.env.API}/api/keys/${id}`, { method: 'PATCH', headers, body });
Sentry.captureException(new Error('after the minute'));
await Sentry.close(5000);
console.log(`BEFORE ${before}`);
"""


def test_over_its_keys_rate_it_stops_sending_and_tells_later_what_it_dropped(
    served: Served, tmp_path: Path
) -> None:
    key = served.new_key("rated", rate_per_minute=3)
    reports = taken(served, "client_report")
    authorization = served.api.headers["Authorization"]
    done = run_node(
        tmp_path, INIT + OVER_THE_RATE, DSN=served.dsn(key), API=served.url, AUTHORIZATION=authorization
    )
    assert done.returncode == 0, done.stderr
    sent = answers(done)
    refused = sent.index(429)
    assert refused >= 4, "three errors and a session"
    assert f"BEFORE {refused + 1}\n" in done.stdout, "nothing is sent after it"
    assert set(sent[:refused] + sent[refused + 1 :]) == {200}
    assert complaints(done) == ["Sentry Logger [warn]: Sentry responded with status code 429 to sent event."]
    messages = [report["message"] for report in served.reports("rated", refused)]
    assert messages == [*(f"number {n}" for n in range(refused - 1)), "after the minute"]
    assert "reason: 'ratelimit_backoff', category: 'error', quantity: 3" in done.stdout
    assert taken(served, "client_report") == reports + 1


def taken(served: Served, kind: str) -> float:
    """How many items of this kind envelopes have brought, whatever became of them."""
    metrics = served.api.get("/metrics").text
    found = re.findall(rf'^avalon_sentry_items_total{{.*type="{kind}".*}} (\S+)$', metrics, re.MULTILINE)
    return sum(map(float, found))


def test_a_replica_that_is_away_disturbs_no_program(served: Served, tmp_path: Path) -> None:
    nowhere = "http://avl_x@127.0.0.1:9/1"
    done = run_node(
        tmp_path, INIT + "Sentry.captureMessage('unheard'); await Sentry.close(500);", DSN=nowhere
    )
    assert done.returncode == 0, done.stderr
    assert answers(done) == []

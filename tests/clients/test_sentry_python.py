"""Sentry's own SDK for Python in programs of their own: what it sent is what the API gives back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.conftest import Served, run_python
from tests.clients.sentry_wire import ALWAYS, Sent, assert_same, read_wire

PROGRAMS = Path(__file__).parent / "programs"
SECRETS = re.compile(r"hunter2|YW5uOng|abcdef|of a browser|a password")


class Run(NamedTuple):
    """What a program sent, and the reports that came of it, in the order in which it sent their events."""

    wire: list[Sent]
    reports: list[dict[str, Any]]
    output: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for sent in self.wire for event in sent.of("event")]

    @property
    def types(self) -> set[str]:
        return {type for sent in self.wire for type, _ in sent.items}


Program = Callable[..., Run]


@pytest.fixture
def program(served: Served, tmp_path: Path) -> Program:
    """Runs a program, sees to it that the SDK had nothing to complain about, and reads what has arrived."""

    def run(name: str, exit_status: int = 0, filtered: set[str] = ALWAYS) -> Run:
        said, wire = _run(served, tmp_path, name, served.new_key(name))
        assert said.returncode == exit_status, said.stderr
        assert re.findall(r"\[sentry\] (?:WARNING|ERROR|CRITICAL): .*", said.stderr) == []
        assert "[sentry] DEBUG" in said.stderr, "the control: the SDK does say what it does"
        assert {sent.status for sent in wire} == {200}
        events = [event for sent in wire for event in sent.of("event")]
        found = {report["id"].replace("-", ""): report for report in served.reports(name, len(events))}
        assert found.keys() == {event["event_id"] for event in events}, "and nothing else was stored"
        reports = [found[event["event_id"]] for event in events]
        missing: set[str] = set()
        for event, report in zip(events, reports, strict=True):
            missing |= assert_same(event, report)
        assert missing == filtered
        assert not SECRETS.search(repr([_without_sources(report) for report in reports]))
        return Run(wire, reports, said.stdout)

    return run


def _run(served: Served, folder: Path, name: str, key: str) -> tuple[Any, list[Sent]]:
    (folder / "wire.py").write_text((PROGRAMS / "wire.py").read_text())
    settings = {"SENTRY_RELEASE": "shop@1.4.2", "SENTRY_ENVIRONMENT": "staging"}
    source = (PROGRAMS / f"{name}.py").read_text()
    said = run_python(folder, source, SENTRY_DSN=served.dsn(key), **settings)
    return said, read_wire(folder)


def _without_sources(value: Any) -> Any:
    """Lines of the program are no secrets, whatever is written there."""
    if isinstance(value, dict):
        return {key: _without_sources(inner) for key, inner in value.items() if "context" not in key}
    return [_without_sources(inner) for inner in value] if isinstance(value, list) else value


def test_a_plain_program(program: Program) -> None:
    run = program("plain", exit_status=1)
    message, group, last = run.reports
    assert (message["message"], message["level"]) == ("took 3 seconds", "warning")
    assert message["user"]["email"] == "ann@shop.example"
    assert message["tags"] == {"region": "eu", "attempt": "3", "dist": "17"}
    assert message["metadata"]["coupon"] == ["SPRING", 2.5]
    assert message["contexts"]["cart"] == {"items": 3, "empty": None}
    assert [one["type"] for one in group["exceptions"]] == [
        *("ExceptionGroup", "ExceptionGroup", "ImportError", "ImportError", "ValueError", "KeyError")
    ]
    assert group["contexts"]["exception_group"]["parents"] == [None, 0, 1, 1, 0, 4]
    assert group["fingerprint"] == ["imports", "{{ default }}"]
    assert [one["type"] for one in last["exceptions"]] == ["PaymentError", "KeyError"]
    assert (last["exceptions"][0]["handled"], last["transaction"]) == (False, "checkout")
    innermost = last["exceptions"][-1]["frames"][-1]
    assert innermost["function"] == "price_of"
    assert innermost["context_line"] == "    return row[wanted]"
    assert innermost["vars"] == {"row": {"amount": "3"}, "wanted": "'price'"}
    assert [crumb["category"] for crumb in last["breadcrumbs"]] == ["cart", "httplib"]
    assert run.types == {"event", "transaction", "profile", "log"}
    assert {sent.headers["Content-Encoding"] for sent in run.wire} == {"gzip"}


def test_a_program_that_logs(program: Program) -> None:
    run = program("logs")
    named, raised, full = run.reports
    assert named["message_template"] == "order %(id)s of %(who)s failed"
    assert named["message"] == "order 17 of Ann failed"
    assert named["metadata"]["params"] == {"id": "17", "who": "Ann"}
    assert named["metadata"]["step"] == "pay"
    assert named["exceptions"][0]["frames"], "the thread's stack"
    assert raised["exceptions"][0]["type"] == "KeyError"
    assert raised["metadata"]["logentry"] == "could not price a table, 3 times"
    assert raised["metadata"]["params"] == ["a table", 3]
    assert (full["message"], full["level"]) == ("the queue is full", "fatal")
    assert full["breadcrumbs"][0]["data"] == {"cart": {"items": 3}}
    assert {report["tags"]["logger"] for report in run.reports} == {"shop.orders"}
    assert {sent.headers["Content-Encoding"] for sent in run.wire} == {"br"}, "the SDK's default"


def test_asyncio(program: Program) -> None:
    *alone, group = program("tasks", exit_status=1).reports
    assert [report["message"] for report in alone] == [f"task {name} failed" for name in ("alone", "a", "b")]
    assert [report["tags"].get("job") for report in alone] == ["nightly", None, None]
    assert [one["value"] for one in group["exceptions"][1:]] == ["task b failed", "task a failed"]


def test_threads(program: Program) -> None:
    first, *others = program("threads").reports
    assert (first["type"], first["exceptions"][0]["handled"]) == ("TimeoutError", False)
    assert sorted(int(report["tags"]["number"]) for report in others) == list(range(10))


def test_flask(program: Program) -> None:
    run = program("flask_app", filtered=ALWAYS | {"x-forwarded-for", "password", "remote_addr"})
    (report,) = run.reports
    assert (report["method"], report["path"], report["transaction"]) == ("POST", "/orders/17/pay", "pay")
    assert report["user"] == {"id": "ann", "email": "ann@shop.example", "ip_address": "192.0.2.7"}
    request = report["request"]
    assert request["query_string"] == {"step": "2", "lang": "en"}
    assert request["headers"]["Authorization"] == request["headers"]["Cookie"] == "[Filtered]"
    assert request["headers"]["X-Request-Id"] == "r-1"
    assert request["data"] == {"amounts": [], "card": {"password": "[Filtered]"}}
    assert report["breadcrumbs"][0]["message"] == "paying 17"
    assert run.types == {"event", "transaction", "profile", "sessions", "log", "client_report"}


def test_fastapi(program: Program) -> None:
    run = program("fastapi_app", filtered=ALWAYS | {"x-api-key", "cookies", "password", "remote_addr"})
    paid, shown = run.reports
    assert (paid["method"], paid["path"]) == ("POST", "/orders/17/pay")
    assert paid["transaction"] == "/orders/{order}/pay"
    assert paid["request"]["data"] == {"amount": 3, "api_key": "[Filtered]"}
    assert paid["tags"] == {"order": "17"}
    innermost = paid["exceptions"][-1]["frames"][-1]
    assert (innermost["function"], innermost["in_app"]) == ("pay", True)
    assert (shown["type"], shown["request"]["query_string"]) == ("LookupError", {"password": "[Filtered]"})


def test_django(program: Program) -> None:
    run = program("django_app", filtered=ALWAYS | {"cookies", "remote_addr"})
    paid, shown = run.reports
    assert [one["type"] for one in paid["exceptions"]] == ["RuntimeError", "KeyError"]
    assert (paid["path"], paid["transaction"]) == ("/orders/17/pay", "/orders/{order}/pay")
    assert paid["user"]["username"] == "ann"
    assert paid["request"]["data"] == {"amount": "3", "password": "[Filtered]"}
    assert {crumb["category"] for crumb in paid["breadcrumbs"]} == {"query"}
    frame = next(one for one in shown["exceptions"][0]["frames"] if one["filename"].endswith("broken.html"))
    assert (frame["lineno"], frame["context_line"]) == (3, "{% nonsense %}\n")
    assert run.types >= {"event", "transaction"}


def test_the_sdk_obeys_a_rate_limit_as_long_as_it_is_told(served: Served, tmp_path: Path) -> None:
    said, wire = _run(served, tmp_path, "limited", served.new_key("limited", rate_per_minute=1))
    assert said.returncode == 0, said.stderr
    sent, until_s = said.stdout.split()
    first = wire[int(sent) - 1]
    assert first.status == 429
    assert [one.status for one in wire[: int(sent) - 1]] == [200] * (int(sent) - 1)
    assert len(wire) == int(sent) + 1, "nothing was sent while it was silent, and one when that was over"
    retry_after_s = int(first.answer_headers["retry-after"])
    assert first.answer_headers["x-sentry-rate-limits"].startswith(f"{retry_after_s}:")
    assert retry_after_s - 10 < float(until_s) <= retry_after_s <= 60

"""Events as the APIs of Sentry, GlitchTip and Bugsink give them out become what their SDK had sent."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.protocols.sentry.event import decode_event
from avalon.protocols.sentry.export import NoError, read_exported
from avalon.protocols.submission import NO_TERMS, Submission
from tests.protocols.sentry_events import ID, full_event

TIME = "2026-11-02T10:11:12.123Z"


def decode(value: Any) -> Submission:
    exported = read_exported(json.dumps(value).encode())
    return exported.decode(exported.id or uuid4(), NO_TERMS)


def sent() -> dict[str, Any]:
    """An event as an SDK sends it, of what the API of Sentry gives out again."""
    frame = {
        "filename": "shop/orders.py",
        "abs_path": "/srv/shop/orders.py",
        "module": "shop.orders",
        "function": "pay",
        "lineno": 17,
        "colno": 3,
        "in_app": True,
        "pre_context": ["def pay(order):", "    total = 0"],
        "context_line": "    return order['price']",
        "post_context": ["", "def cancel(order):"],
        "vars": {"order": {"id": "17"}},
    }
    exception = {
        "type": "KeyError",
        "value": "'price'",
        "module": "builtins",
        "mechanism": {"type": "django", "handled": False},
        "stacktrace": {"frames": [frame]},
    }
    return {
        "event_id": ID,
        "timestamp": TIME,
        "level": "fatal",
        "platform": "python",
        "logger": "shop.orders",
        "transaction": "/orders/{id}",
        "server_name": "web-1",
        "release": "shop@1.4.2",
        "dist": "17",
        "environment": "prod",
        "sdk": {"name": "sentry.python", "version": "2.75.0"},
        "tags": {"browser": "Firefox"},
        "user": {"id": "17", "email": "a@b.c", "ip_address": "192.0.2.7"},
        "contexts": {"runtime": {"name": "CPython", "version": "3.12.1"}},
        "extra": {"cart": {"items": 3}},
        "modules": {"django": "5.2"},
        "logentry": {"message": "order %s failed", "params": ["17"], "formatted": "order 17 failed"},
        "exception": {"values": [exception]},
        "breadcrumbs": {"values": [{"category": "db", "message": "SELECT 1", "data": {"rows": 1}}]},
        "request": {
            "url": "https://shop.example/orders/17",
            "method": "POST",
            "query_string": [["step", "2"], ["token", "abc"]],
            "headers": [["Host", "shop.example"]],
            "data": {"amount": 3},
        },
    }


def given_out(event: dict[str, Any]) -> dict[str, Any]:
    """The same as `GET /api/0/projects/{organization}/{project}/events/{id}/` answers."""
    (exception,) = event["exception"]["values"]
    (frame,) = exception["stacktrace"]["frames"]
    lines = [*frame["pre_context"], frame["context_line"], *frame["post_context"]]
    of_api = {
        "filename": frame["filename"],
        "absPath": frame["abs_path"],
        "module": frame["module"],
        "package": None,
        "function": frame["function"],
        "rawFunction": None,
        "lineNo": frame["lineno"],
        "colNo": frame["colno"],
        "inApp": frame["in_app"],
        "context": [[15 + n, line] for n, line in enumerate(lines)],
        "vars": frame["vars"],
        "instructionAddr": None,
        "errors": None,
    }
    exception = exception | {
        "threadId": None,
        "rawStacktrace": None,
        "stacktrace": {"frames": [of_api], "framesOmitted": None, "hasSystemFrames": False},
    }
    request = dict(event["request"])
    request |= {
        "query": request.pop("query_string"),
        "fragment": None,
        "inferredContentType": "application/json",
    }
    tags = {
        name: event[name]
        for name in ("level", "logger", "server_name", "environment", "release", "transaction")
    }
    tags |= event["tags"] | {"user": "id:17", "url": "https://shop.example/orders/17", "handled": "no"}
    crumbs = [crumb | {"event_id": None} for crumb in event["breadcrumbs"]["values"]]
    return {
        "id": event["event_id"],
        "eventID": event["event_id"],
        "groupID": "1341191803",
        "projectID": "2",
        "size": 107762,
        "type": "error",
        "title": "KeyError: 'price'",
        "message": "order 17 failed",
        "culprit": "/orders/{id}",
        "dateCreated": event["timestamp"],
        "dateReceived": "2026-11-02T10:11:13Z",
        "platform": event["platform"],
        "dist": event["dist"],
        "release": {"version": event["release"], "shortVersion": "1.4.2"},
        "tags": [{"key": name, "value": value, "_meta": None} for name, value in tags.items()],
        "user": event["user"],
        "contexts": event["contexts"],
        "sdk": event["sdk"],
        "context": event["extra"],
        "packages": event["modules"],
        "metadata": {"type": "KeyError", "value": "'price'"},
        "fingerprints": ["b9d1aa"],
        "errors": [],
        "entries": [
            {
                "type": "exception",
                "data": {"values": [exception], "excOmitted": None, "hasSystemFrames": False},
            },
            {"type": "message", "data": event["logentry"]},
            {"type": "breadcrumbs", "data": {"values": crumbs}},
            {"type": "request", "data": request},
        ],
    }


def test_what_sentrys_api_gives_out_is_what_the_sdk_had_sent() -> None:
    event = sent()
    assert decode(given_out(event)) == decode_event(json.dumps(event).encode())


def test_what_bugsinks_api_gives_out_is_what_the_sdk_had_sent() -> None:
    event = sent()
    listed = {
        "id": str(uuid4()),
        "event_id": str(UUID(ID)),
        "digested_at": TIME,
        "digest_order": 3,
        "issue": "x",
    }
    for data in (event, json.dumps(event)):
        assert decode(listed | {"timestamp": TIME, "data": data}) == decode_event(json.dumps(event).encode())


def test_what_sentrys_server_added_to_an_event_is_left_out() -> None:
    event = full_event()
    del event["culprit"]
    added = {
        "hashes": ["a"],
        "metadata": {"type": "KeyError"},
        "title": "KeyError",
        "received": 1.5,
        "errors": [],
    }
    assert decode(event | added | {"culprit": "pay in shop", "key_id": "1", "_metrics": {}}) == decode_event(
        json.dumps(event).encode()
    )


def test_glitchtip_names_the_culprit_and_no_exception() -> None:
    found = decode(
        {"eventID": ID, "dateCreated": TIME, "culprit": "f", "message": "hello", "tags": [], "entries": []}
    )
    assert (found.report.message, found.report.transaction, found.level) == ("hello", "f", "error")


def test_entries_of_other_kinds_keep_their_meaning() -> None:
    frame = {"function": "f", "filename": "a.c", "lineNo": 3, "context": [[3, "x"]]}
    threads = {"values": [{"id": "1", "crashed": True, "name": "main", "stacktrace": {"frames": [frame]}}]}
    csp = {"effective_directive": "img-src", "blocked_uri": "https://evil.example/x"}
    of_threads = decode({"eventID": ID, "entries": [{"type": "threads", "data": threads}]}).report
    assert (of_threads.exceptions[0].frames[0].context_line, of_threads.contexts["thread"]["name"]) == (
        "x",
        "main",
    )
    of_template = decode({"eventID": ID, "entries": [{"type": "template", "data": frame}]}).report
    assert of_template.exceptions[0].frames[0].lineno == 3
    of_stack = decode(
        {"eventID": ID, "entries": [{"type": "stacktrace", "data": {"frames": [frame]}}]}
    ).report
    assert of_stack.exceptions[0].frames[0].function == "f"
    assert decode({"eventID": ID, "entries": [{"type": "csp", "data": csp}]}).report.message == (
        "CSP img-src blocked https://evil.example"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"eventID": ID, "title": "x"}, "full=1"),
        ({"event_id": ID, "digest_order": 1}, "without its data"),
        ([], "got array"),
        (7, "got number"),
    ],
    ids=["sentry", "bugsink", "array", "number"],
)
def test_what_is_no_whole_event_says_how_to_get_it(value: Any, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        read_exported(json.dumps(value).encode())


def test_a_transaction_is_no_error() -> None:
    for value in (
        {"type": "transaction", "entries": []},
        {"digest_order": 1, "data": {"type": "transaction"}},
    ):
        with pytest.raises(NoError):
            read_exported(json.dumps(value).encode())


NAMES = [
    "entries", "type", "data", "values", "exception", "message", "request", "threads", "breadcrumbs",
    "template", "stacktrace", "frames", "context", "lineNo", "tags", "key", "value", "release", "version",
    "eventID", "user", "digest_order", "contexts", "packages", "query", "sdk",
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(2**80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(
    value=st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
    kinds=st.lists(st.sampled_from(NAMES), max_size=3),
)
def test_odd_events_are_taken_or_refused_and_break_nothing(value: Any, kinds: list[str]) -> None:
    if kinds:
        value["entries"] = [{"type": kind, "data": value.get(kind)} for kind in kinds]
    body = json.dumps(value).encode()
    try:
        exported = read_exported(body)
    except (BadInput, NoError):
        return
    msgspec.json.encode(exported.decode(uuid4(), NO_TERMS).report)

"""Sentry events in all the forms that SDKs send them in become the one report that we know."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from avalon.errors import BadInput
from avalon.grouping import VERSION
from avalon.protocols.sentry import decode_event
from avalon.reports import encode_report
from tests.protocols.sentry_events import ID, decode, full_event, report_of


def test_a_full_event_becomes_the_canonical_report() -> None:
    submission = decode(**full_event())
    assert (submission.level, submission.id) == ("fatal", UUID(ID))
    assert (submission.environment, submission.release) == ("prod", "shop@1.4.2")
    assert submission.occurred_at == datetime(2026, 11, 2, 10, 11, 12, 123000, tzinfo=UTC)
    stored = json.loads(encode_report(submission.report))
    assert stored.pop("grouping")["version"] == VERSION
    assert stored == {
        "message": "'price'",
        "exceptions": [
            {
                "type": "PaymentError",
                "value": "could not pay",
                "handled": False,
                "frames": [{"function": "view", "lineno": 5}],
            },
            {
                "type": "KeyError",
                "value": "'price'",
                "module": "builtins",
                "handled": True,
                "frames": [
                    {
                        "function": "pay",
                        "module": "shop.orders",
                        "filename": "shop/orders.py",
                        "abs_path": "/srv/shop/orders.py",
                        "lineno": 17,
                        "colno": 3,
                        "in_app": True,
                        "context_line": "    total = row['price']",
                        "pre_context": ["def pay(row):"],
                        "post_context": ["    return total"],
                        "vars": {"row": {}},
                    }
                ],
            },
        ],
        "path": "/orders/17",
        "method": "POST",
        "request": {
            "url": "https://shop.example/orders/17?step=2",
            "headers": {"Host": "shop.example", "Authorization": "[Filtered]"},
            "query_string": {"step": "2", "token": "[Filtered]"},
            "cookies": "[Filtered]",
            "data": {"amount": 3},
            "env": {"SERVER_NAME": "web-1"},
        },
        "metadata": {
            "cart": {"items": 3},
            "logentry": "order 17 failed",
            "params": ["17"],
            "culprit": "shop.orders in pay",
            "modules": {"django": "5.2"},
            "template": {"filename": "pay.html", "lineno": 3, "context_line": "{{ price }}"},
            "csp": {"effective_directive": "script-src", "blocked_uri": "https://evil.example/x.js"},
        },
        "tags": {"browser": "Firefox", "logger": "shop.orders", "dist": "17"},
        "user": {"email": "a@b.c", "ip_address": "192.0.2.7", "plan": "pro", "id": "17"},
        "breadcrumbs": [{"category": "db", "message": "SELECT 1", "data": {"rows": 1}}],
        "contexts": {
            "mechanism": {"type": "django", "data": {"code": 1}},
            "thread": {"id": 1, "name": "main", "crashed": True},
            "runtime": {"name": "CPython", "version": "3.12.1"},
        },
        "sdk": {"name": "sentry.python", "version": "2.75.0"},
        "platform": "python",
        "server_name": "web-1",
        "transaction": "/orders/{id}",
        "fingerprint": ["{{ default }}", "orders"],
    }


def test_an_empty_event_is_a_report_too() -> None:
    submission = decode()
    assert (submission.level, submission.id, submission.occurred_at) == ("error", None, None)
    assert submission.report.message == "(no message)"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"text"', b"17", b"{", b"\xff", b'{"a\xff', b"[" * 10_000]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        decode_event(body)


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    report = decode_event(b'{"message": "caf\xe9", "extra": {"password\xff": "x"}}').report
    assert (report.message, report.metadata) == ("caf\ufffd", {"password\ufffd": "[Filtered]"})


def test_fields_that_are_not_known_are_kept_beside_the_extra_ones() -> None:
    report = report_of(extra={"a": 1}, a=2, modules={"x": "1"}, debug_meta={"images": []}, spans=[{}])
    assert report.metadata == {"a": 1, "a_2": 2, "modules": {"x": "1"}}


@pytest.mark.parametrize("name", ["transaction", "platform", "server_name", "release", "logger", "event_id"])
def test_a_text_that_is_none_is_kept_in_the_metadata(name: str) -> None:
    assert report_of(**{name: {"a": 1}}).metadata == {name: {"a": 1}}


@pytest.mark.parametrize("id", [ID, ID.upper(), str(UUID(ID)), f" {ID} "])
def test_an_id_is_read_with_and_without_dashes(id: str) -> None:
    assert decode(event_id=id).id == UUID(ID)


@pytest.mark.parametrize("id", ["0" * 32, "f" * 32, "17", "x" * 32, "", 17])
def test_an_event_with_an_unusable_id_gets_one_of_ours(id: Any) -> None:
    submission = decode(event_id=id)
    assert submission.id is None
    assert submission.report.metadata == ({"event_id": str(id)} if id else {})


@pytest.mark.parametrize(
    ("said", "level"),
    [
        *((level, level) for level in ("fatal", "error", "warning", "info", "debug", "critical")),
        *(("log", "info"), ("sample", "debug"), ("WARN", "warning"), (40, "error"), ("20", "info")),
        *((None, "error"), ("", "error"), ({}, "error"), ([], "error")),
    ],
)
def test_a_level_is_one_of_ours(said: Any, level: str) -> None:
    submission = decode(level=said)
    assert (submission.level, submission.report.tags) == (level, {})


def test_a_level_of_the_clients_own_stays_readable() -> None:
    submission = decode(level="meltdown")
    assert (submission.level, submission.report.tags) == ("error", {"level": "meltdown"})


@pytest.mark.parametrize("time", [1793614272.5, "2026-11-02T10:11:12.5Z", "2026-11-02T10:11:12.5"])
def test_a_time_is_read_as_a_number_and_as_a_text(time: Any) -> None:
    assert decode(timestamp=time).occurred_at == datetime(2026, 11, 2, 10, 11, 12, 500000, tzinfo=UTC)


@pytest.mark.parametrize("time", ["soon", 0, [], {"a": 1}, True])
def test_a_time_that_cannot_be_right_is_kept(time: Any) -> None:
    submission = decode(timestamp=time)
    assert (submission.occurred_at, submission.report.metadata) == (None, {"timestamp": time})


@pytest.mark.parametrize(
    "tags",
    [
        {"a": "1", "b": True},
        [["a", 1], ["b", "true"]],
        [{"key": "a", "value": "1"}, {"key": "b", "value": True}],
        [None, ["a"], 7, ["a", "1"], ["b", "true"], ["a", "2"], [{}, "x"], ["c", None], {"value": 1}],
    ],
    ids=["object", "pairs", "keys and values", "odd"],
)
def test_tags_come_in_many_forms(tags: Any) -> None:
    assert report_of(tags=tags).tags == {"a": "1", "b": "true"}


def test_a_tag_that_is_no_text_is_kept_in_the_metadata() -> None:
    report = report_of(tags={"a": {"password": "x"}, "b": "1"})
    assert (report.tags, report.metadata) == ({"b": "1"}, {"tags": {"a": {"password": "[Filtered]"}}})


def test_the_logger_does_not_overwrite_the_clients_tag() -> None:
    assert report_of(logger="a", tags={"logger": "b"}).tags == {"logger": "b", "logger_2": "a"}
    assert report_of(logger="a", tags={"logger": "a"}).tags == {"logger": "a"}


@pytest.mark.parametrize("name", ["release", "sentry:release"])
def test_environment_and_release_may_stand_among_the_tags(name: str) -> None:
    tags = [["environment", "prod"], [name, "1.4"]]
    submission = decode(tags=tags)
    assert (submission.environment, submission.release) == ("prod", "1.4")
    submission = decode(tags=tags, environment="stage", release="1.5")
    assert (submission.environment, submission.release) == ("stage", "1.5")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"id": 1234, "email": None}, {"id": "1234"}),
        ({"ip_address": "{{auto}}", "id": {}}, {}),
        ("ann", {"id": "ann"}),
        ([], {}),
    ],
    ids=["number", "auto", "text", "list"],
)
def test_a_user_has_texts_and_an_address_of_its_own(user: Any, expected: dict[str, Any]) -> None:
    assert report_of(user=user).user == expected


@pytest.mark.parametrize("form", [lambda crumbs: {"values": crumbs}, lambda crumbs: crumbs])
def test_breadcrumbs_come_wrapped_and_bare(form: Any) -> None:
    crumbs = form([{"message": "a"}, None, "b", 7, {"type": "http", "data": {"url": "/"}}])
    expected = [{"message": "a"}, {"message": "b"}, {"type": "http", "data": {"url": "/"}}]
    assert report_of(breadcrumbs=crumbs).breadcrumbs == expected


def test_a_context_of_null_is_none() -> None:
    report = report_of(contexts={"a": None, "b": {"x": None}})
    assert report.contexts == {"b": {"x": None}}
    assert report_of(contexts=[1]).metadata == {"contexts": [1]}


@pytest.mark.parametrize(
    ("fingerprint", "parts"),
    [(["a", 1, True, 1.5], ["a", "1", "true", "1.5"]), ("a", ["a"]), ([None, {}, "", "b"], ["b"]), ([], [])],
)
def test_a_fingerprint_is_a_list_of_texts(fingerprint: Any, parts: list[str]) -> None:
    assert report_of(fingerprint=fingerprint).fingerprint == parts


def test_a_checksum_is_the_fingerprint_of_an_old_sdk() -> None:
    assert report_of(checksum="abc").fingerprint == ["abc"]
    assert report_of(checksum="abc", fingerprint=["own"]).fingerprint == ["own"]


def test_old_names_of_the_interfaces_are_understood() -> None:
    report = decode_event(
        json.dumps(
            {
                "sentry.interfaces.Message": {"message": "a %s", "params": ["b"]},
                "sentry.interfaces.Http": {"url": "http://x/y", "method": "GET"},
                "sentry.interfaces.User": {"id": 1},
                "sentry.interfaces.Exception": {"type": "KeyError", "value": "x"},
                "sentry.interfaces.Stacktrace": {"frames": [{"function": "f"}]},
                "user": {"id": 2},
            }
        ).encode()
    ).report
    assert (report.type, report.message, report.metadata["logentry"]) == ("KeyError", "x", "a b")
    assert (report.path, report.method, report.user) == ("/y", "GET", {"id": "2"})
    assert [frame.function for frame in report.exceptions[0].frames] == ["f"]

"""OpenTelemetry's log records and span events, in both encodings, become the one report that we know."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs

from avalon.protocols.otlp import JSON, LOGS, PROTOBUF, SPANS, decode_request, json_mapping, requests
from avalon.protocols.otlp import report as translation
from avalon.protocols.submission import NO_MESSAGE, NO_TERMS, Submission, Terms
from avalon.reports import Privacy, Report, encode_report
from tests.protocols.otlp_records import (
    AT,
    ENCODINGS,
    EXCEPTION,
    RESOURCE,
    SPAN_ID,
    STACK,
    TRACE_ID,
    a_log,
    a_span,
    an_event,
    attributes_of,
    encode,
    logs_of,
    outcomes,
    spans_of,
    submissions,
)


def log_report(*arguments: Any, encoding: str = PROTOBUF, **fields: Any) -> Report:
    (submission,) = submissions(LOGS, logs_of(a_log(*arguments, **fields)), encoding)
    return submission.report


def span_report(attributes: dict[str, Any], event: dict[str, Any] | None = None) -> Report:
    (submission,) = submissions(SPANS, spans_of(a_span(an_event(event), attributes=attributes)))
    return submission.report


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_full_record_becomes_the_canonical_report(encoding: str) -> None:
    log = a_log(
        "could not pay order 17",
        EXCEPTION
        | {"exception.escaped": True, "sku": "A-1", "user.id": "7", "user.email": "ada@example.org"}
        | {"http.request.method": "POST", "url.full": "https://shop.example/orders/17?step=2"},
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        severity_number=21,
    )
    (submission,) = submissions(LOGS, logs_of(log), encoding)
    assert (submission.level, submission.environment, submission.release) == ("fatal", "prod", "1.4.2")
    assert submission.occurred_at == datetime.fromtimestamp(AT / 1e9, UTC)
    assert submission.id is not None
    report = json.loads(encode_report(submission.report))
    assert report.pop("grouping")["culprit"] == "shop.orders.pay"
    assert report == {
        "message": "'price'",
        "exceptions": [{"type": "KeyError", "value": "'price'", "handled": False}],
        "stack": STACK,
        "path": "/orders/17",
        "method": "POST",
        "request": {"url": "https://shop.example/orders/17?step=2"},
        "metadata": {"sku": "A-1", "body": "could not pay order 17"},
        "tags": {"service.name": "shop", "logger": "shop.orders"},
        "user": {"id": "7", "email": "ada@example.org"},
        "contexts": {
            "resource": {"process.pid": 17},
            "trace": {"trace_id": TRACE_ID.hex(), "span_id": SPAN_ID.hex()},
        },
        "sdk": {"name": "opentelemetry", "version": "1.45.2"},
        "platform": "python",
        "server_name": "web-1",
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_exception_of_a_span_has_the_spans_attributes_and_its_own(encoding: str) -> None:
    event = an_event(EXCEPTION | {"attempt": 2, "queue": "fast"}, time_unix_nano=0)
    parent = bytes.fromhex("00f067aa0ba902b7")
    attributes = {"http.request.method": "POST", "url.path": "/orders/17", "queue": "slow", "ratio": 0.5}
    span = a_span(event, attributes=attributes, parent_span_id=parent, end_time_unix_nano=AT)
    (submission,) = submissions(SPANS, spans_of(span, a_span()), encoding)
    report = submission.report
    assert submission.level == "error"
    assert submission.occurred_at == datetime.fromtimestamp(AT / 1e9, UTC)
    assert (report.method, report.path, report.transaction) == ("POST", "/orders/17", "POST /orders")
    assert report.metadata == {"attempt": 2, "queue": "fast", "ratio": 0.5}
    assert report.contexts["trace"] == {
        "trace_id": TRACE_ID.hex(),
        "span_id": SPAN_ID.hex(),
        "parent_span_id": parent.hex(),
    }


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [
        *((1, "", None), (8, "", None), (9, "INFO", None), (12, "ERROR", None)),
        *((13, "", "warning"), (16, "", "warning"), (17, "INFO", "error"), (20, "", "error")),
        *((21, "", "fatal"), (24, "", "fatal"), (99, "", "fatal")),
        *((0, "", None), (0, "info", None), (0, "verbose", None), (0, "WARNING", "warning")),
        *((0, "Error", "error"), (0, " SEVERE", "error"), (0, "emerg", "fatal"), (0, "CRITICAL", "critical")),
    ],
)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_at_least_a_warning_is_a_report(
    number: int, text: str, level: str | None, encoding: str
) -> None:
    log = a_log(severity_number=number, severity_text=text)
    found = submissions(LOGS, logs_of(log), encoding)
    assert [one.level for one in found] == ([level] if level else [])


@pytest.mark.parametrize(("number", "level"), [(0, "error"), (1, "debug"), (9, "info")])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_tells_of_an_exception_is_a_report_of_any_level(number: int, level: str, encoding: str) -> None:
    for attributes in (EXCEPTION, {"exception.message": "boom"}, {"exception.stacktrace": STACK}):
        request = logs_of(a_log("x", attributes, severity_number=number))
        assert [one.level for one in submissions(LOGS, request, encoding)] == [level]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_events_of_spans_are_none(encoding: str) -> None:
    span = a_span(an_event(name="retry"), an_event(EXCEPTION, name="Exception"))
    assert submissions(SPANS, spans_of(span), encoding) == []


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("boom", "boom"),
        (17, "17"),
        (True, "true"),
        (2.5, "2.5"),
        (b"\xff\x00", "/wA="),
        (["a", 1, None, [False]], '["a",1,null,[false]]'),
        ({"user": {"password": "hunter2", "name": "ada"}}, '{"user":{"password":"[Filtered]","name":"ada"}}'),
        (None, NO_MESSAGE),
        (" \n", NO_MESSAGE),
    ],
    ids=["text", "int", "bool", "float", "bytes", "list", "object", "none", "blank"],
)
def test_a_body_of_any_kind_is_the_message(body: Any, message: str, encoding: str) -> None:
    report = log_report(body, encoding=encoding)
    assert report.message == message
    assert b"hunter2" not in encode_report(report)
    assert ("body" in report.metadata) is isinstance(body, list | dict)


def test_a_message_is_found_where_there_is_no_body() -> None:
    assert log_report(None, {"exception.type": "KeyError"}).message == "KeyError"
    assert log_report(None, event_name="device.crash").message == "device.crash"
    assert log_report(" ", {"exception.type": "KeyError", "exception.message": ""}).message == "KeyError"
    assert log_report("could not pay", {"exception.type": "KeyError"}).message == "could not pay"
    assert span_report({}, {}).message == "POST /orders"


@pytest.mark.parametrize(
    ("attributes", "method", "path"),
    [
        ({"http.request.method": "GET", "url.path": "/a", "http.route": "/{x}"}, "GET", "/a"),
        ({"http.method": "GET", "http.target": "/a?b=c"}, "GET", "/a"),
        ({"http.url": "https://x.example/a?b"}, "", "/a"),
        ({"url.full": "https://x.example"}, "", "/"),
        ({"http.route": "/{x}"}, "", "/{x}"),
        ({"http.request.method": 7, "url.path": ["/a"]}, "7", ""),
    ],
    ids=["stable", "old", "old address", "address", "route", "odd"],
)
def test_the_request_is_found_under_its_new_and_old_names(
    attributes: dict[str, Any], method: str, path: str
) -> None:
    report = log_report("boom", attributes)
    assert (report.method, report.path) == (method, path)


@pytest.mark.parametrize(
    ("escaped", "handled"),
    [("True", False), ("true", False), (True, False), ("False", None), (False, None), ("", None)],
)
def test_only_an_exception_that_is_said_to_escape_is_unhandled(escaped: Any, handled: bool | None) -> None:
    report = log_report("x", EXCEPTION | {"exception.escaped": escaped})
    assert report.exceptions[0].handled is handled


@pytest.mark.parametrize(
    ("language", "platform"), [("nodejs", "node"), ("webjs", "javascript"), ("go", "go")]
)
def test_the_platform_is_called_as_elsewhere(language: str, platform: str) -> None:
    request = logs_of(a_log(), resource={"telemetry.sdk.language": language})
    assert submissions(LOGS, request)[0].report.platform == platform


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_time_is_the_records_or_else_the_collectors(encoding: str) -> None:
    seen = a_log(time_unix_nano=0, observed_time_unix_nano=AT)
    never = a_log(time_unix_nano=0)
    absurd = a_log(time_unix_nano=2**64 - 1)
    found = submissions(LOGS, logs_of(seen, never, absurd), encoding)
    at = datetime.fromtimestamp(AT / 1e9, UTC)
    assert [one.occurred_at for one in found] == [at, None, None]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_sent_again_has_the_ids_that_it_had(encoding: str) -> None:
    """Equal records of one request are two; the control of both is a request that differs."""
    first, again = (ids(LOGS, logs_of(a_log(), a_log()), encoding) for _ in range(2))
    assert first == again
    assert len(set(first)) == 2
    assert not set(first) & set(ids(LOGS, logs_of(a_log(), a_log(), a_log("other")), encoding))
    spans = ids(SPANS, spans_of(a_span(an_event(), an_event())), encoding)
    assert len({*first, *spans}) == 4


def ids(signal: Any, request: Any, encoding: str) -> list[Any]:
    return [one.id for one in submissions(signal, request, encoding)]


def test_what_tells_no_time_is_new_every_time() -> None:
    """Nothing tells a record that is sent again from another one like it."""
    assert ids(LOGS, logs_of(a_log(time_unix_nano=0)), PROTOBUF) == [None]


def test_the_scope_and_the_rest_of_the_resource_are_contexts() -> None:
    scope = InstrumentationScope(
        name="shop", version="2.1", attributes=attributes_of({"kind": "library", "api_token": "t0psecret"})
    )
    logs = ScopeLogs(scope=scope, log_records=[a_log()])
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[logs])])
    (submission,) = submissions(LOGS, request)
    assert submission.report.contexts == {
        "scope": {"kind": "library", "api_token": "[Filtered]", "version": "2.1"}
    }
    assert (submission.environment, submission.release) == (None, None)


def test_the_old_name_of_the_environment_counts_too() -> None:
    request = logs_of(a_log(), resource={"deployment.environment": "staging"})
    assert submissions(LOGS, request)[0].environment == "staging"


SECRETS = {
    "text": "login with password=hunter2 failed",
    "address": "postgres://shop:hunter2@db/shop",
    "bearer": "Authorization: Bearer hunter2hunter2",
    "card": "card 4111 1111 1111 1111 refused",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_secrets_are_taken_out_wherever_they_stand(secret: str, encoding: str) -> None:
    log = a_log(
        secret,
        {"exception.type": secret, "exception.stacktrace": secret, "x": secret, "y": [{"z": secret}]}
        | {"url.full": secret, "user.name": secret, "http.request.header.authorization": ["hunter2"]},
    )
    resource = {name: secret for name in RESOURCE} | {"process.command": secret}
    span = a_span(an_event({"exception.message": secret, "x": secret}), name=secret)
    found = submissions(LOGS, logs_of(log, resource=resource), encoding)
    found += submissions(SPANS, spans_of(span), encoding)
    assert len(found) == 2
    for submission in found:
        stored = encode_report(submission.report).decode() + f"{submission.environment} {submission.release}"
        assert "hunter2" not in stored
        assert "1111 1111" not in stored


def test_one_look_over_a_report_finds_what_a_look_at_each_text_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    request = logs_of(*[a_log(secret, {"x": secret}) for secret in SECRETS.values()])
    quick = submissions(LOGS, request)
    monkeypatch.setattr(translation, "_source", lambda *_: None)
    assert submissions(LOGS, request) == quick


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_a_key_keeps_out_is_nowhere(encoding: str) -> None:
    ssn, address = "078-05-1120", "203.0.113.7"
    secret = {"ssn": ssn, "x": [{"SSN": ssn}], "client": address}
    request = logs_of(a_log(secret, {"y": secret, "client.address": address}), resource={"r": secret})
    terms = Terms(privacy=Privacy(["ssn"], drop_ip_addresses=True))
    for kept in (terms, NO_TERMS):
        _, found = decode_request(encode(request, encoding), LOGS.readers[encoding], kept)
        ((submission,), *_), *_ = found
        stored = encode_report(submission.report).decode()
        assert (ssn in stored) is (address in stored) is (kept is NO_TERMS)


def test_bounds_are_kept_and_said() -> None:
    attributes = {f"k{n}": n for n in range(1200)} | {"long": "x" * 20_000}
    report = log_report("m" * 20_000, dict(reversed(attributes.items())))
    assert len(report.message) == 8_192
    assert report.truncated["message"] == 20_000
    assert len(report.metadata) == 1000


class TestRefusals:
    """A record that can't be taken costs no other."""

    def messages(self, body: bytes, encoding: str = PROTOBUF) -> list[str]:
        return [
            one.refusal.message if one.refusal else one.submissions[0].report.message
            for one in outcomes(LOGS, body, encoding)
        ]

    def test_a_text_that_is_not_utf8(self) -> None:
        """The control is the official decoder, which refuses all of it for this."""
        body = encode(logs_of(a_log("one"), a_log(severity_text="??"), a_log("three")), PROTOBUF)
        body = body.replace(b"??", b"\xff\xff")
        with pytest.raises(DecodeError):
            ExportLogsServiceRequest.FromString(body)
        first, second, third = self.messages(body)
        assert (first, third) == ("one", "three")
        assert second == "this LogRecord can't be read: String field had bad UTF-8"

    def test_a_text_of_json_that_is_not_utf8(self) -> None:
        body = encode(logs_of(a_log("one"), a_log("??"), a_log("three")), JSON)
        first, second, third = self.messages(body.replace(b"??", b"\xff\xff"), JSON)
        assert (first, third) == ("one", "three")
        assert "not UTF-8" in second

    def test_a_resource_that_cannot_be_read(self) -> None:
        good = logs_of(a_log("good"))
        bad = encode(logs_of(a_log("bad"), resource={"host.name": "??"}), PROTOBUF)
        body = bad.replace(b"??", b"\xff\xff") + good.SerializeToString()
        assert self.messages(body) == ["this Resource can't be read: String field had bad UTF-8", "good"]

    @pytest.mark.parametrize("odd", ["7", '"x"', "[]", "true"])
    def test_a_record_of_json_that_is_no_object(self, odd: str) -> None:
        body = encode(logs_of(a_log("one"), a_log("three")), JSON)
        body = body.replace(b'"logRecords": [', b'"logRecords": [' + odd.encode() + b", ")
        refused, *taken = self.messages(body, JSON)
        assert refused.startswith("expected a message as a JSON object")
        assert taken == ["one", "three"]

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_a_record_that_is_too_large(self, encoding: str) -> None:
        body = encode(logs_of(a_log("one"), a_log("x" * 1_100_000), a_log("three")), encoding)
        assert self.messages(body, encoding) == ["one", "a record is larger than 1048576 bytes", "three"]

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_more_reports_than_there_is_room_for(
        self, encoding: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(requests, "MAX_REPORTS", 3)
        spans = [a_span(*[an_event()] * count) for count in (1, 2, 3, 0)]
        found = outcomes(SPANS, spans_of(*spans), encoding)
        assert [len(one.submissions) for one in found] == [1, 2, 0, 0]
        assert [one.refusal is None for one in found] == [True, True, False, True]
        assert "send smaller batches" in str(found[2].refusal)

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_more_than_there_is_room_for_with_what_is_shared(
        self, encoding: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A large resource is stored with each of its records, a large span with each of its events."""
        monkeypatch.setattr(requests, "MAX_REPORTS_BYTES", 1_000_000)
        request = logs_of(*[a_log()] * 100, resource={"x": "x" * 50_000})
        taken = [one for one in outcomes(LOGS, request, encoding) if one.submissions]
        assert len(taken) == 19
        spans = spans_of(a_span(an_event(), attributes={"x": "x" * 50_000}), a_span(*[an_event()] * 30))
        assert [len(one.submissions) for one in outcomes(SPANS, spans, encoding)] == [1, 30]
        spans = spans_of(a_span(*[an_event()] * 30, attributes={"x": "x" * 50_000}), a_span(an_event()))
        assert [len(one.submissions) for one in outcomes(SPANS, spans, encoding)] == [0, 0]

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_of_one_span_as_many_events_are_read_as_sdks_keep(self, encoding: str) -> None:
        (outcome,) = outcomes(SPANS, spans_of(a_span(*[an_event()] * 200)), encoding)
        assert len(outcome.submissions) == 128


class TestJson:
    """What protobuf's mapping allows, and what senders of JSON make of it."""

    def read(self, record: dict[str, Any], **resource: Any) -> Submission:
        record = {"severityNumber": 17, "timeUnixNano": str(AT), "body": {"stringValue": "boom"}} | record
        logs = {"scopeLogs": [{"logRecords": [record]}], "resource": resource}
        (submission,) = submissions(LOGS, json.dumps({"resourceLogs": [logs]}).encode(), JSON)
        return submission

    def test_numbers_may_be_texts(self) -> None:
        plain = self.read({"timeUnixNano": AT, "severityNumber": "21"})
        assert plain.occurred_at == self.read({}).occurred_at
        assert plain.level == "fatal"

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            ({"intValue": "17"}, 17),
            ({"intValue": -17}, -17),
            ({"intValue": "9" * 5000}, "9" * 5000),
            ({"intValue": 10**400}, str(10**400)),
            ({"doubleValue": "NaN"}, "NaN"),
            ({"doubleValue": "-Infinity"}, "-Infinity"),
            ({"boolValue": True}, True),
            ({"bytesValue": "/wA="}, "/wA="),
            ({"arrayValue": {}}, []),
            ({"arrayValue": None}, None),
            ({"kvlistValue": {"values": [{"key": "a"}, 7, {"value": {"intValue": 1}}]}}, {"a": None, "": 1}),
            ({"newValue": 1}, None),
            ({}, None),
            (None, None),
            (7, None),
        ],
        ids=lambda value: None if isinstance(value, dict) else "kept",
    )
    def test_a_value_is_what_it_says(self, value: Any, kept: Any) -> None:
        report = self.read({"attributes": [{"key": "x", "value": value}]}).report
        assert report.metadata == {"x": kept}

    def test_ids_are_hexadecimal_in_any_case(self) -> None:
        report = self.read({"traceId": TRACE_ID.hex().upper(), "spanId": 7}).report
        assert report.contexts["trace"] == {"trace_id": TRACE_ID.hex()}

    def test_unknown_fields_and_nulls_are_passed_over(self) -> None:
        nulls = dict.fromkeys(("attributes", "traceId", "severityText", "eventName", "flags"))
        report = self.read({"new": [1, {}]} | nulls, new={}, attributes=None).report
        assert report.message == "boom"

    @pytest.mark.parametrize("logs", ["null", "[]", "[{}]", '[{"scopeLogs": null}]', '[{"scopeLogs": [{}]}]'])
    def test_nothing_is_nothing(self, logs: str) -> None:
        assert outcomes(LOGS, f'{{"resourceLogs": {logs}}}'.encode(), JSON) == []

    def test_what_is_not_quite_json_is_read(self) -> None:
        """Half of an emoji, where JavaScript cut a text, and Python's NaN."""
        half = {"body": {"stringValue": "cut \ud83d"}}
        assert self.read(half).report.message == "cut ?"
        odd = {"attributes": [{"key": "x", "value": {"doubleValue": float("nan")}}]}
        assert self.read(odd).report.metadata == {"x": "NaN"}

    def test_depth_has_a_bound(self) -> None:
        value: Any = {"stringValue": "deep"}
        for _ in range(40):
            value = {"arrayValue": {"values": [value]}}
        assert self.read({"body": value}).report.message.startswith("[[[[")
        assert json_mapping.MAX_DEPTH == 200

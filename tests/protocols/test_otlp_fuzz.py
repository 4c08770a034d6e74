"""Hostile requests of OTLP: whatever the bytes are, they are refused in words or are reports to be stored."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from avalon.errors import BadInput, PayloadTooLarge
from avalon.protocols.otlp import JSON, LOGS, PROTOBUF, SPANS, Outcome, Signal, decode_request
from avalon.protocols.otlp.records import MAX_EVENTS_BYTES, MAX_RECORD_BYTES
from avalon.protocols.submission import Submission, to_event
from tests.protocols.otlp_records import (
    ENCODINGS,
    EXCEPTION,
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
from tests.protocols.test_avalon_fuzz import check_submission

ODD = {"list": ["a", 1, None], "object": {"b": 2.5, "password": "x"}, "bytes": b"\xff", "int": -(2**63)}
REQUESTS = {
    "logs": (LOGS, logs_of(a_log("one", EXCEPTION | ODD), a_log(ODD, trace_id=TRACE_ID), a_log("three"))),
    "spans": (SPANS, spans_of(a_span(an_event(EXCEPTION | ODD), an_event(), attributes=ODD), a_span())),
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["password", "4111111111111111", "Bearer abc123def456", "\0", "a://b:c@d", "exception.type", "user.id"]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.binary(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
edits = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "cut", "copy"]), st.integers(0, 2**16), st.binary(max_size=4)
    ),
    min_size=1,
    max_size=4,
)


def edited(body: bytes, changes: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, new in changes:
        place %= len(body) + 1
        match kind:
            case "set":
                body = body[:place] + new + body[place + len(new) :]
            case "insert":
                body = body[:place] + new + body[place:]
            case "cut":
                body = body[:place] + body[place + 1 + len(new) :]
            case "copy":
                body = body[:place] + body[place : place + 40] * 2 + body[place + 40 :]
    return body


def read(signal: Signal, body: bytes, encoding: str) -> list[Outcome]:
    """What becomes of the records; [] where the whole request is refused, in words."""
    try:
        return list(decode_request(body, signal.readers[encoding])[1])
    except BadInput as refused:
        assert 0 < len(refused.message) < 1000
        return []


def check(found: list[Outcome]) -> None:
    for outcome in found:
        if outcome.refusal is not None:
            assert 0 < len(outcome.refusal.message) < 1000
        for submission in outcome.submissions:
            check_submission(submission)
            to_event(submission, "shop", "key:1").encode()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", REQUESTS)
@given(changes=edits)
@settings(max_examples=120, deadline=None)
def test_any_byte_may_be_any_other(name: str, encoding: str, changes: list[tuple[str, int, bytes]]) -> None:
    signal, request = REQUESTS[name]
    check(read(signal, edited(encode(request, encoding), changes), encoding))


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(body=st.binary(max_size=60))
def test_any_bytes_may_be_a_body(encoding: str, body: bytes) -> None:
    for signal in (LOGS, SPANS):
        check(read(signal, body, encoding))


@given(changes=edits)
@settings(max_examples=150, deadline=None)
def test_what_the_official_decoder_takes_is_taken_and_has_as_many_records(
    changes: list[tuple[str, int, bytes]],
) -> None:
    body = edited(encode(REQUESTS["logs"][1], PROTOBUF), changes)
    try:
        official = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        return
    try:
        found = list(decode_request(body, LOGS.readers[PROTOBUF])[1])
    except BadInput as refused:
        assert "wire type" in refused.message  # a group, unknown to both
        return
    scopes = [scope for resource in official.resource_logs for scope in resource.scope_logs]
    assert len(found) == sum(len(scope.log_records) for scope in scopes)
    assert [one.refusal for one in found if one.refusal] == []


@given(body=values, attributes=st.dictionaries(texts, values, max_size=4))
@settings(deadline=None)
def test_both_encodings_say_the_same(body: Any, attributes: dict[str, Any]) -> None:
    """NaN and infinity aside, which JSON has as texts."""
    request = logs_of(a_log(body, attributes, severity_number=17))
    in_protobuf, in_json = (submissions(LOGS, request, encoding) for encoding in ENCODINGS)
    check_submission(in_protobuf[0])
    assert [without_id(one) for one in in_protobuf] == [without_id(one) for one in in_json]


def without_id(submission: Submission) -> Submission:
    return msgspec.structs.replace(submission, id=None)


def nested(depth: int) -> bytes:
    """A log record whose body is a list in a list, in protobuf."""
    value = b"\x0a\x01x"
    for _ in range(depth):
        inner = b"\x0a" + varint(len(value)) + value
        value = b"\x2a" + varint(len(inner)) + inner
    return b"\x10\x11\x2a" + varint(len(value)) + value


def varint(number: int) -> bytes:
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def in_request(records: bytes) -> bytes:
    """Log records, each with its tag and length, as a request."""
    for tag in (b"\x12", b"\x0a"):
        records = tag + varint(len(records)) + records
    return records


def test_depth_has_a_bound_and_costs_no_other_record() -> None:
    deep, good = nested(2000), b"\x10\x11\x2a\x06\x0a\x04good"
    body = in_request(b"".join(b"\x12" + varint(len(one)) + one for one in (deep, good)))
    first, second = outcomes(LOGS, body)
    assert first.refusal is not None
    assert second.submissions[0].report.message == "good"
    check(outcomes(LOGS, in_request(b"\x12" + varint(len(nested(40))) + nested(40))))


BOMBS: dict[str, Callable[[], bytes]] = {
    "resources": lambda: b"\x0a\x00" * 2_000_000,
    "scopes": lambda: b"\x0a" + varint(4_000_000) + b"\x12\x00" * 2_000_000,
    "records": lambda: in_request(b"\x12\x02\x10\x11" * 1_000_000),
    "numbers": lambda: b"\x08\x00" * 2_000_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_more_messages_than_anybody_sends_are_refused_before_they_are_read(bomb: Callable[[], bytes]) -> None:
    with pytest.raises(PayloadTooLarge, match="more than 100000"):
        outcomes(LOGS, bomb())


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[' + b",".join([b"{}"] * 100_001) + b"]}]}]}",
        b'{"resourceLogs":[{"scopeLogs":[' + b",".join([b"{}"] * 100_001) + b"]}]}",
        b'{"resourceLogs":[' + b",".join([b"{}"] * 100_001) + b"]}",
    ],
    ids=["records", "scopes", "resources"],
)
def test_as_many_messages_of_json_are_refused_too(body: bytes) -> None:
    with pytest.raises(PayloadTooLarge, match="more than 100000"):
        outcomes(LOGS, body, JSON)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_ten_thousand_resources_are_ten_thousand_reports(encoding: str) -> None:
    one = logs_of(a_log("boom"), resource={"service.version": "1"})
    if encoding == PROTOBUF:
        body = one.SerializeToString() * 10_000
    else:
        part = json.loads(encode(one, JSON))["resourceLogs"][0]
        body = json.dumps({"resourceLogs": [part] * 10_000}).encode()
    found = outcomes(LOGS, body, encoding)
    assert sum(len(outcome.submissions) for outcome in found) == 10_000
    assert len({outcome.submissions[0].id for outcome in found}) == 10_000


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_scopes_share_what_their_resource_says(encoding: str) -> None:
    """A copy of a thousand attributes for each of a hundred thousand scopes would fill the memory."""
    request = logs_of(a_log(), resource={f"k{number}": number for number in range(1_000)})
    scopes = request.resource_logs[0].scope_logs
    scopes.extend([scopes[0]] * 50)
    reports = [one.report for one in submissions(LOGS, request, encoding)]
    assert len(reports) == 51
    items = LOGS.readers[encoding].split(encode(request, encoding))
    assert len({id(item.resource) for item in items}) == 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_resources_are_read_one_after_the_other(encoding: str) -> None:
    """Read, they take many times their bytes, and packed as gzip a thousandth of them comes in."""
    one = logs_of(a_log(severity_number=9), resource=dict.fromkeys(map(str, range(1_000)), 1))
    part = json.loads(encode(one, JSON))["resourceLogs"][0]
    many = json.dumps({"resourceLogs": [part] * 60}).encode()
    body = one.SerializeToString() * 200 if encoding == PROTOBUF else many
    tracemalloc.start()
    try:
        count, found = decode_request(body, LOGS.readers[encoding])
        assert sum(1 for _ in found) == count
        assert tracemalloc.get_traced_memory()[1] < 4 * len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("part", ["resource", "scope"])
def test_a_resource_or_a_scope_that_is_larger_than_a_record_may_be_is_refused(
    part: str, encoding: str
) -> None:
    request = logs_of(a_log("lost"), resource={})
    common = getattr(request.resource_logs[0], part, None) or request.resource_logs[0].scope_logs[0].scope
    common.attributes.extend(attributes_of({"a": "x" * MAX_RECORD_BYTES}))
    request.resource_logs.extend(logs_of(a_log("kept")).resource_logs)
    lost, kept = outcomes(LOGS, request, encoding)
    assert lost.refusal is not None
    assert f"a {part} is larger" in lost.refusal.message
    assert [one.report.message for one in kept.submissions] == ["kept"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_of_a_large_span_so_many_exceptions_are_read_as_fit_into_memory(encoding: str) -> None:
    """Each is a report with all that its span says."""
    span = a_span(*[an_event()] * 128, attributes={"a": "x" * 500_000})
    size = len(encode(spans_of(span), encoding))
    (found,) = outcomes(SPANS, spans_of(span), encoding)
    assert len(found.submissions) == MAX_EVENTS_BYTES // size
    assert found.size <= MAX_EVENTS_BYTES


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_attributes_behind_the_thousandth_are_not_read(encoding: str) -> None:
    """An exception that stands there is none."""
    first = {f"k{number}": number for number in range(1_000)}
    log = a_log("boom", first | EXCEPTION)
    assert submissions(LOGS, logs_of(log), encoding)[0].report.exceptions == []
    quiet = a_log("boom", first | EXCEPTION, severity_number=9)
    assert submissions(LOGS, logs_of(quiet), encoding) == []


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 1e308, 5e-324, -0.0])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_numbers_at_the_edge_are_stored(number: float, encoding: str) -> None:
    for submission in submissions(LOGS, logs_of(a_log(number, {"x": number})), encoding):
        check_submission(submission)

"""Avalon's own protocol: what is taken, what is refused and how, alone and among neighbours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from avalon.errors import BadInput, PayloadTooLarge
from avalon.grouping import VERSION
from avalon.inflate import inflate
from avalon.protocols.avalon import MAX_BATCH, MAX_REPORT_BYTES, decode_batch, decode_report, split_batch
from avalon.protocols.submission import Submission
from avalon.reports import encode_report
from tests.bad_input import CORPUS, STORED, Case, as_array, as_lines, report
from tests.storable import assert_storable

IN_BATCHES = [case for case in CORPUS if not case.alone]
NDJSON = "application/x-ndjson; charset=utf-8"


def decode(**fields: Any) -> Submission:
    return decode_report(json.dumps(report(**fields)).encode())


def refusal(**fields: Any) -> str:
    with pytest.raises(BadInput) as refused:
        decode(**fields)
    assert (refused.value.status, refused.value.code) == (400, "bad_input")
    return refused.value.message


def test_a_full_report_becomes_the_canonical_one() -> None:
    submission = decode(
        error={
            "message": "Order 17 not found",
            "stack": "LookupError: …\n  at a",
            "path": "/api/orders/17",
            "method": "GET",
            "type": "LookupError",
        },
        level="critical",
        metadata={"cart": {"items": 3}},
        id="0b9f7f3e-5f2f-4c8e-9d61-3f1f4e1c2a77",
        timestamp="2026-11-02T10:11:12.123+02:00",
        environment="prod",
        release="1.4.2",
        tags={"browser": "Firefox"},
        user={"id": "17", "email": "a@b.c", "plan": "pro"},
        fingerprint=["orders"],
    )
    assert submission.level == "critical"
    assert submission.id == UUID("0b9f7f3e-5f2f-4c8e-9d61-3f1f4e1c2a77")
    assert (submission.environment, submission.release) == ("prod", "1.4.2")
    assert submission.occurred_at == datetime(2026, 11, 2, 8, 11, 12, 123000, tzinfo=UTC)
    assert json.loads(encode_report(submission.report)) == {
        "message": "Order 17 not found",
        "exceptions": [{"type": "LookupError", "value": "Order 17 not found"}],
        "stack": "LookupError: …\n  at a",
        "path": "/api/orders/17",
        "method": "GET",
        "metadata": {"cart": {"items": 3}},
        "tags": {"browser": "Firefox"},
        "user": {"id": "17", "email": "a@b.c", "plan": "pro"},
        "fingerprint": ["orders"],
        "grouping": {
            "version": VERSION,
            "key_parts": ["orders"],
            "type": "LookupError",
            "culprit": "/api/orders/17",
            "hashes": ["910096d720d12801", "1d5e1b9cbcea8961"],
        },
    }


def test_a_message_is_all_that_a_report_needs() -> None:
    submission = decode()
    assert (submission.level, submission.id, submission.occurred_at) == ("error", None, None)
    assert (submission.environment, submission.release) == (None, None)
    assert json.loads(encode_report(submission.report)) == {
        "message": "boom",
        "grouping": {"version": VERSION, "key_parts": ["", "boom"], "hashes": ["", "592a532d463f51b7"]},
    }


@pytest.mark.parametrize(
    ("said", "level", "tags"),
    [
        ("debug", "debug", {}),
        ("info", "info", {}),
        ("warning", "warning", {}),
        ("warn", "warning", {}),
        ("WARN", "warning", {}),
        ("error", "error", {}),
        ("fatal", "fatal", {}),
        (" Critical ", "critical", {}),
        ("emerg", "error", {"level": "emerg"}),
        (50, "error", {"level": "50"}),
        (True, "error", {"level": "true"}),
        ("", "error", {}),
        (None, "error", {}),
    ],
)
def test_a_level_is_one_of_ours_and_the_clients_word_stays(
    said: Any, level: str, tags: dict[str, str]
) -> None:
    submission = decode(level=said)
    assert (submission.level, submission.report.tags) == (level, tags)


def test_a_tag_that_is_called_level_is_not_overwritten() -> None:
    tags = decode(level="emerg", tags={"level": "own"}).report.tags
    assert tags == {"level": "own", "level_2": "emerg"}


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02t03:04:05z", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05+00:00"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456+00:00"),
        ("2026-01-02T03:04:05-05:30", "2026-01-02T08:34:05+00:00"),
        ("2026-01-02", "2026-01-02T00:00:00+00:00"),
        (1767323045, "2026-01-02T03:04:05+00:00"),
        (1767323045.5, "2026-01-02T03:04:05.500000+00:00"),
        ("1767323045.5", "2026-01-02T03:04:05.500000+00:00"),
        (1767323045123, "2026-01-02T03:04:05.123000+00:00"),
        (1767323045123456, "2026-01-02T03:04:05.123456+00:00"),
        ("2000-01-01T00:00:00Z", "2000-01-01T00:00:00+00:00"),
        ("2099-12-31T23:59:59Z", "2099-12-31T23:59:59+00:00"),
    ],
)
def test_a_time_is_read_in_every_usual_form(timestamp: Any, expected: str) -> None:
    submission = decode(timestamp=timestamp)
    assert submission.occurred_at is not None
    assert submission.occurred_at.isoformat() == expected
    assert submission.report.metadata == {}


@pytest.mark.parametrize(
    "timestamp",
    ["yesterday", "", 0, -1, "1999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"],
)
def test_a_time_that_cannot_be_right_is_kept_as_metadata(timestamp: Any) -> None:
    submission = decode(timestamp=timestamp, metadata={"timestamp": "own"})
    assert submission.occurred_at is None
    assert submission.report.metadata == {"timestamp": "own", "timestamp_2": timestamp}


def test_unknown_fields_are_kept_in_metadata_beside_the_clients_own() -> None:
    submission = decode(error={"code": 17}, code=18, service="other", metadata={"code": 16, "a": 1})
    assert submission.report.metadata == {"code": 16, "a": 1, "code_2": 17, "code_3": 18, "service": "other"}


def test_scalars_become_text_where_a_text_is_wanted() -> None:
    submission = decode(
        error={"message": 42, "path": True}, release=1.5, tags={"a": 1, "b": None}, user={"id": 7}
    )
    assert (submission.report.message, submission.report.path, submission.release) == ("42", "true", "1.5")
    assert (submission.report.tags, submission.report.user) == ({"a": "1"}, {"id": "7"})


@pytest.mark.parametrize("message", ["", " ", "\n\t"])
def test_an_empty_message_says_so(message: str) -> None:
    assert decode(error={"message": message}).report.message == "(no message)"


def test_a_wrong_type_is_refused_with_the_fields_name() -> None:
    assert refusal(error={"message": {}}) == "error.message: expected a string, got object"
    assert refusal(tags={"browser": ["x"]}) == "tags.browser: expected a string, got array"
    assert refusal(user={"id": {}}) == "user.id: expected a string, got object"
    assert refusal(fingerprint=["a", {}]) == "fingerprint[1]: expected a string, got object"
    assert refusal(metadata=[1]) == "metadata: expected an object, got array"
    assert refusal(id=17) == "id: expected a UUID, got number"


def test_a_refusal_can_be_written_whatever_the_field_is_called() -> None:
    refusal(tags={"\ud800\0\u202e" + "x" * 10_000: []}).encode("ascii")
    assert len(refusal(tags={"\ud800" * 10_000: []})) < 500


def test_an_id_is_read_in_any_of_its_forms() -> None:
    id = UUID("0b9f7f3e-5f2f-4c8e-9d61-3f1f4e1c2a77")
    assert decode(id=id.hex).id == decode(id=str(id).upper()).id == decode(id=f" {id} ").id == id


def test_environment_and_release_are_scrubbed_bounded_and_named_when_cut() -> None:
    submission = decode(environment="e" * 65, release="token=abc\0", tags={"a\0": "b"})
    assert (submission.environment, submission.release) == ("e" * 64, "token=[Filtered]")
    assert submission.report.truncated == {"environment": 65}


def test_the_key_of_a_group_holds_no_secret() -> None:
    report = decode(
        error={"message": "card 4111111111111111"}, fingerprint=["{{ default }}", "Bearer abc123def"]
    ).report
    assert report.grouping is not None
    assert report.grouping.key_parts == ["", "card [Filtered]", "Bearer [Filtered]"]


@pytest.mark.parametrize("case", CORPUS, ids=str)
def test_bad_input_is_stored_or_refused_by_name(case: Case) -> None:
    try:
        body = inflate(case.body, case.headers.get("content-encoding", ""), MAX_REPORT_BYTES)
        submission = decode_report(body)
    except BadInput as refused:
        assert refused.status in case.statuses
        assert (case.field or "") in refused.message
        refused.message.encode()
    else:
        assert case.statuses == STORED
        assert_storable(encode_report(submission.report))


@pytest.mark.parametrize("case", IN_BATCHES, ids=str)
@pytest.mark.parametrize("form", ["array", "lines"])
def test_bad_input_does_not_fail_its_neighbours(case: Case, form: str) -> None:
    body, index = as_array(case) if form == "array" else as_lines(case)
    if form == "array" and case.breaks_array:
        with pytest.raises(BadInput, match="array"):
            decode_batch(body, "application/json")
        return
    results = decode_batch(body, "application/json" if form == "array" else NDJSON)
    assert len(results) == 100
    assert isinstance(results[index], Submission) is (case.statuses == STORED)
    neighbours = [result for number, result in enumerate(results) if number != index]
    messages = [result.report.message for result in neighbours if isinstance(result, Submission)]
    assert messages == [f"good neighbour {number}" for number in range(99)]


def test_a_batch_of_more_than_a_thousand_is_too_large() -> None:
    line = json.dumps(report()).encode()
    assert len(decode_batch(b"[" + b",".join([line] * MAX_BATCH) + b"]", "")) == MAX_BATCH
    for body, content_type in (
        (b"[" + b",".join([line] * (MAX_BATCH + 1)) + b"]", "application/json"),
        (b"[NaN," + b",".join([line] * MAX_BATCH) + b"]", "application/json"),
        (b"\n".join([line] * (MAX_BATCH + 1)), NDJSON),
    ):
        with pytest.raises(PayloadTooLarge):
            split_batch(body, content_type)


def test_blank_lines_are_no_reports() -> None:
    line = json.dumps(report()).encode()
    assert len(decode_batch(b"\n" + line + b"\r\n \r\n" + line + b"\n\n", NDJSON)) == 2
    assert decode_batch(b"\n", NDJSON) == decode_batch(b" [ ] ", "application/json") == []


@pytest.mark.parametrize("body", [b"", b"{}", b'{"error": {"message": "boom"}}', b"null", b"[", b"[{}"])
def test_a_batch_that_is_no_array_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput, match="array") as refused:
        decode_batch(body, "application/json")
    assert refused.value.status == 400

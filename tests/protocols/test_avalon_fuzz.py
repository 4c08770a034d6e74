"""Input that nobody thought of: every body is a report that Postgres takes, or is refused in words."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.protocols.avalon import decode_batch, decode_report
from avalon.protocols.submission import Submission
from avalon.reports import encode_report
from tests.bad_input import CORPUS, as_array, as_lines, report
from tests.storable import assert_storable

SMALL = [case for case in CORPUS if len(case.body) < 2000 and not case.headers]

texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    [
        "password",
        "4111111111111111",
        "Bearer abc123def456",
        "2026-01-01T00:00:00Z",
        "\ud800",
        "\0",
        "a://b:c@d",
    ]
)
numbers = st.integers() | st.integers(-(10**30), 10**30) | st.floats() | st.integers(0, 2**62)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
scalars = st.none() | st.booleans() | numbers | texts
objects = st.dictionaries(texts, values, max_size=3)
well_typed = st.fixed_dictionaries(
    {
        "error": st.fixed_dictionaries(
            {"message": texts | numbers},
            optional={"stack": scalars, "path": scalars, "method": scalars, "type": scalars, "x": values},
        )
    },
    optional={
        "level": scalars,
        "metadata": objects,
        "timestamp": numbers | texts,
        "environment": scalars,
        "release": scalars,
        "tags": st.dictionaries(texts, scalars, max_size=3),
        "user": st.dictionaries(texts | st.sampled_from(["id", "email"]), scalars, max_size=3),
        "fingerprint": st.lists(scalars, max_size=3),
        "x": values,
        "y": objects,
    },
)
FIELDS = (
    "error",
    "level",
    "metadata",
    "id",
    "timestamp",
    "environment",
    "release",
    "tags",
    "user",
    "fingerprint",
)
wrongly_typed = st.builds(
    lambda good, name, value: {**good, name: value}, well_typed, st.sampled_from(FIELDS), values
)
bodies = well_typed | wrongly_typed


def check(body: bytes) -> None:
    try:
        check_submission(decode_report(body))
    except BadInput as refused:
        assert 400 <= refused.status < 500
        assert 0 < len(refused.message.encode()) < 1000


def check_submission(submission: Submission) -> None:
    encoded = encode_report(submission.report)
    assert_storable(encoded)
    # Not as a part of a longer number, which is no card's.
    assert not re.search(rb"(?<!\d)4111111111111111(?!\d)", encoded)
    for column in (submission.level, submission.environment or "", submission.release or ""):
        assert "\0" not in column
        column.encode()


@settings(max_examples=500, deadline=None)
@given(bodies | values, st.booleans())
def test_any_json_is_stored_or_refused(value: Any, escaped: bool) -> None:
    check(json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60)
    | st.text('{}[]",:\\u0d8e 1-.ntfNI\ud800').map(lambda t: t.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_stored_or_refused(body: bytes) -> None:
    check(body)


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(SMALL),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_the_corpus_with_bytes_changed_is_stored_or_refused(
    case: Any, changes: list[tuple[int, int]]
) -> None:
    body = bytearray(case.body or b" ")
    for place, byte in changes:
        body[place % len(body)] = byte
    check(bytes(body))


@settings(max_examples=100, deadline=None)
@given(st.lists(bodies | values, max_size=5), st.booleans())
def test_any_batch_has_a_result_for_each_element(elements: list[Any], lines: bool) -> None:
    written = [json.dumps(element).encode() for element in elements]
    body = b"\n".join(written) if lines else b"[" + b",".join(written) + b"]"
    results = decode_batch(body, "application/x-ndjson" if lines else "application/json")
    assert len(results) == len(elements)
    for result in results:
        if isinstance(result, Submission):
            check_submission(result)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SMALL), st.integers(0, 255), st.integers(0, 10_000))
def test_a_changed_byte_in_a_batch_is_refused_or_stays_with_its_report(
    case: Any, byte: int, place: int
) -> None:
    for make, content_type in ((as_array, "application/json"), (as_lines, "application/x-ndjson")):
        body = bytearray(make(case, 5)[0])
        body[place % len(body)] = byte
        try:
            results = decode_batch(bytes(body), content_type)
        except BadInput as refused:
            assert refused.status in (400, 413)
        else:
            good = [result for result in results if isinstance(result, Submission)]
            assert len(good) >= 3
            for result in good:
                check_submission(result)


def test_the_fuzz_would_notice_what_postgres_refuses() -> None:
    for body in (
        b'{"a": "\\u0000"}',
        b'{"a": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": 1e308}',
        b"9223372036854775808",
    ):
        try:
            assert_storable(body)
        except (AssertionError, UnicodeEncodeError):
            continue
        raise AssertionError(body)
    assert_storable(json.dumps(report()).encode())

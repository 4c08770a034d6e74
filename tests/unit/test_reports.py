"""Bounds and repairs: what comes out of a report can be stored, and says what was cut."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.reports import ExceptionInfo, Frame, Report, Sdk, bound_and_scrub, encode_report
from avalon.reports.limits import MAX_DEPTH, MAX_ENTRIES, MAX_FREE_FORM_BYTES, MAX_KEY, MAX_TEXT
from tests.storable import assert_storable


def cleaned(**fields: Any) -> Report:
    return bound_and_scrub(Report(message="boom", **fields))


def chain(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "field", ["message", "stack", "path", "method", "platform", "server_name", "transaction"]
)
def test_a_long_text_is_cut_and_its_length_is_kept(field: str) -> None:
    limit = MAX_TEXT[field]
    report = bound_and_scrub(Report(**{"message": "boom", field: "é" * (limit + 7)}))
    assert getattr(report, field) == "é" * limit
    assert report.truncated == {field: limit + 7}


@pytest.mark.parametrize(
    "field", ["message", "stack", "path", "method", "platform", "server_name", "transaction"]
)
def test_a_text_of_exactly_its_limit_is_not_cut(field: str) -> None:
    report = bound_and_scrub(Report(**{"message": "boom", field: "x" * MAX_TEXT[field]}))
    assert len(getattr(report, field)) == MAX_TEXT[field]
    assert report.truncated == {}


def test_tags_are_cut_in_number_and_length() -> None:
    report = cleaned(tags={f"t{number}": "x" * 300 for number in range(150)})
    assert list(report.tags) == [f"t{number}" for number in range(100)]
    assert set(map(len, report.tags.values())) == {200}
    assert report.truncated["tags"] == 150
    assert report.truncated["tags.t0"] == 300


def test_a_long_key_is_cut() -> None:
    report = cleaned(metadata={"k" * 1000: {"k" * 999: 1}}, tags={"t" * 1000: "x"})
    assert report.metadata == {"k" * MAX_KEY: {"k" * MAX_KEY: 1}}
    assert report.tags == {"t" * 200: "x"}
    assert report.truncated["metadata.*"] == 1000


def test_a_secret_key_is_recognised_although_it_is_cut() -> None:
    assert cleaned(metadata={"k" * 500 + "_password": "x"}).metadata == {"k" * MAX_KEY: "[Filtered]"}


def test_free_form_texts_lists_and_objects_are_cut_where_they_stand() -> None:
    limit = MAX_ENTRIES["free"]
    values = {
        "a": {"b": "x" * 9000},
        "c": list(range(limit + 5)),
        "d": {f"k{n}": n for n in range(limit + 6)},
    }
    report = cleaned(metadata=values)
    assert len(report.metadata["a"]["b"]) == MAX_TEXT["free"]
    assert len(report.metadata["c"]) == len(report.metadata["d"]) == limit
    expected = {"metadata.a.b": 9000, "metadata.c": limit + 5, "metadata.d": limit + 6}
    assert report.truncated == expected


def test_free_form_content_has_a_size_in_all_and_names_what_is_left_out() -> None:
    report = cleaned(metadata={f"k{number}": "x" * 8000 for number in range(30)} | {"last": 1})
    assert len(json.dumps(report.metadata)) <= MAX_FREE_FORM_BYTES
    assert list(report.metadata) == [*(f"k{number}" for number in range(16)), "last"]
    assert set(report.truncated) == {f"metadata.k{number}" for number in range(16, 30)}


def test_no_more_cuts_are_named_than_anybody_reads() -> None:
    report = cleaned(tags={f"t{number}": "x" * 300 for number in range(100)})
    assert len(report.truncated) == MAX_ENTRIES["truncated"] + 1
    assert report.truncated["*"] == 50


def test_of_many_frames_the_first_and_the_last_stay() -> None:
    frames = [Frame(function=f"f{number}") for number in range(1000)]
    report = cleaned(exceptions=[ExceptionInfo(type="RecursionError", frames=frames)])
    functions = [frame.function for frame in report.exceptions[0].frames]
    assert functions == [*(f"f{n}" for n in range(128)), *(f"f{n}" for n in range(872, 1000))]
    assert report.truncated == {"exceptions[].frames": 1000}


def test_a_frame_is_bounded_and_scrubbed() -> None:
    frame = Frame(
        function="f" * 600,
        lineno=2**40,
        colno=-1,
        in_app=True,
        context_line="token=abc",
        pre_context=[str(number) for number in range(20)],
        post_context=[str(number) for number in range(20)],
        vars={"password": "x", "self": "y" * 2000, "n": 2**70},
    )
    [kept] = cleaned(exceptions=[ExceptionInfo(frames=[frame])]).exceptions[0].frames
    assert (len(kept.function), kept.lineno, kept.colno, kept.in_app) == (512, None, None, True)
    assert kept.context_line == "token=[Filtered]"
    assert (kept.pre_context[0], kept.post_context[-1]) == ("10", "9")
    assert kept.vars == {"password": "[Filtered]", "self": "y" * 1024, "n": str(2**70)}


def test_of_many_breadcrumbs_the_last_stay() -> None:
    report = cleaned(breadcrumbs=[{"message": str(number)} for number in range(150)])
    assert [crumb["message"] for crumb in report.breadcrumbs] == [str(number) for number in range(50, 150)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, str(2**63)),
        (-(2**63) - 1, str(-(2**63) - 1)),
        (10**4000, "1" + "0" * 4000),
        (1e20, 1e20),
        (1e22, "1e+22"),
        (1e-300, "1e-300"),
        (-0.0, 0.0),
        (math.inf, "inf"),
        (math.nan, "nan"),
        (True, True),
        (None, None),
    ],
)
def test_numbers_that_jsonb_cannot_store_or_print_become_text(value: Any, expected: Any) -> None:
    assert cleaned(metadata={"a": value}).metadata == {"a": expected}


def test_what_is_too_deep_is_left_out() -> None:
    report = cleaned(metadata=chain(100))
    assert encode_report(report).count(b"{") == MAX_DEPTH + 2
    assert report.metadata != chain(100)


def test_empty_fields_take_no_room() -> None:
    assert encode_report(cleaned()) == b'{"message":"boom"}'


def test_the_type_is_that_of_the_innermost_exception() -> None:
    assert cleaned(exceptions=[ExceptionInfo(type="A"), ExceptionInfo(type="B")]).type == "B"
    assert cleaned().type == ""


texts = st.text(st.characters(), max_size=12)
numbers = st.integers() | st.integers(-(10**40), 10**40) | st.floats()
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=4)
frames = st.builds(Frame, function=texts, lineno=st.none() | st.integers(), context_line=texts, vars=objects)


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Report,
        message=texts,
        exceptions=st.lists(
            st.builds(ExceptionInfo, type=texts, frames=st.lists(frames, max_size=2)), max_size=2
        ),
        tags=st.dictionaries(texts, texts, max_size=3),
        metadata=objects,
        user=objects,
        request=objects,
        contexts=objects,
        breadcrumbs=st.lists(objects, max_size=2),
        fingerprint=st.lists(texts, max_size=2),
        sdk=st.none() | st.builds(Sdk, name=texts, version=texts),
    )
)
def test_any_report_becomes_json_that_postgres_takes(report: Report) -> None:
    assert_storable(encode_report(bound_and_scrub(report)))

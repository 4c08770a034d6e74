"""Hostile Sentry events: every JSON object is a report that Postgres takes, whatever stands in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import to_event
from avalon.reports import encode_report
from tests.protocols.sentry_events import ID, full_event, report_of
from tests.protocols.test_avalon_fuzz import check_submission, texts, values

Path = tuple[str | int, ...]

REPLACEMENTS: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 10**400, "", "text", "\0\ud800", "4111111111111111", "9" * 5_000),
    *([], {}, [None], [[]], [{}], ["a", "b"], [["a", "b"]], [["a", ["b"]]], [[{}, {}]]),
    *({"": None}, {"values": None}, {"values": {}}, {"values": [None, 7, "a", []]}, {"frames": [[], 1]}),
    *({"key": [], "value": {}}, {"message": {}, "params": 1, "formatted": []}),
)


def nodes_of(value: Any, path: Path = ()) -> Iterator[Path]:
    """The places of all values inside a JSON value."""
    if path:
        yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from nodes_of(child, (*path, key))


PATHS = list(nodes_of(full_event()))


def replaced(event: dict[str, Any], path: Path, replacement: Any) -> dict[str, Any]:
    event = copy.deepcopy(event)
    inner: Any = event
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = replacement
    return event


def check(event: dict[str, Any]) -> None:
    submission = decode_event(json.dumps(event).encode())
    check_submission(submission)
    assert submission.report.message
    to_event(submission, "shop", "key:1")


@pytest.mark.parametrize("part", sorted(full_event()))
def test_any_value_may_be_anything(part: str) -> None:
    event = full_event()
    paths = [path for path in nodes_of(event) if path[0] == part]
    assert paths
    for path in paths:
        for replacement in REPLACEMENTS:
            check(replaced(event, path, replacement))


@pytest.mark.parametrize("part", sorted({*full_event()} - {"extra", "exception"}))
def test_a_part_that_is_wrong_spoils_no_other(part: str) -> None:
    whole = report_of(**full_event())
    spoilt = report_of(**replaced(full_event(), (part,), {"odd": [None]}))
    changed = {name for name in whole.__struct_fields__ if getattr(whole, name) != getattr(spoilt, name)}
    other = {"logger": "tags", "dist": "tags", "logentry": "metadata", "checksum": "metadata"}
    assert changed <= {
        part,
        other.get(part, part),
        "metadata",
        "contexts",
        "request",
        "path",
        "method",
        "grouping",
    }


parts = st.sampled_from(PATHS)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(parts, values), min_size=1, max_size=4), st.booleans())
def test_any_values_in_any_places_are_stored(changes: list[tuple[Path, Any]], escaped: bool) -> None:
    event = full_event()
    for path, value in changes:
        try:
            event = replaced(event, path, value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has replaced what this one stands in
    body = json.dumps(event, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    check_submission(decode_event(body))


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(full_event())) | texts, values, max_size=6))
def test_any_object_is_stored(event: dict[str, Any]) -> None:
    check(event)


@pytest.mark.parametrize(
    "place", ["extra", "contexts", "breadcrumbs", "exception", "unknown", "request", "tags"]
)
def test_a_deep_event_is_kept_to_its_first_levels(place: str) -> None:
    value: Any = "bottom"
    for _ in range(45):
        value = {"a": [value]}
    check({place: value})
    check({place: [value]})
    check({place: {"values": [value]}})


def test_what_no_decoder_should_meet_is_refused() -> None:
    for deep in (b'{"a":' * 50_000, b'{"a":' + b"[" * 101 + b"]" * 101 + b"}"):
        with pytest.raises(BadInput, match="nested deeper than 100 levels"):
            decode_event(deep)


GROUP: dict[str, Any] = {"is_exception_group": True}

HUGE: dict[str, dict[str, Any]] = {
    "exceptions": {"exception": {"values": [{"type": str(i), "value": "v"} for i in range(10_000)]}},
    "group": {
        "exception": [
            {"mechanism": {**GROUP, "exception_id": i, "parent_id": i - 1}, "type": "E"}
            for i in range(10_000)
        ]
    },
    "frames": {"exception": {"type": "E", "stacktrace": {"frames": [{"function": "f"}] * 30_000}}},
    "threads": {"threads": [{"id": i, "stacktrace": {"frames": [{}]}} for i in range(5_000)]},
    "pairs of tags": {"tags": [["a", "b"]] * 50_000},
    "tags": {"tags": {str(i): i for i in range(30_000)}},
    "headers and query": {"request": {"headers": [["a", "b"]] * 50_000, "query_string": "a=b&" * 100_000}},
    "breadcrumbs": {"breadcrumbs": [{"message": "m"}] * 30_000},
    "fingerprint": {"fingerprint": ["a"] * 50_000},
    "names that are taken": {
        "modules": 1,
        "extra": {"modules": 1} | {f"modules_{i}": 1 for i in range(50_000)},
    },
    "unknown fields": {str(i): i for i in range(50_000)},
    "braces": {"logentry": {"message": "{" * 8_000, "params": ["a"] * 1_000}},
    "names of printf": {"logentry": {"message": "%(" * 4_000, "params": {"a": "b"}}},
    "places of printf": {"logentry": {"message": "%1$s" * 2_000, "params": ["x" * 500_000]}},
    "type in a value": {"exception": {"value": "a." * 400_000 + "Error"}},
    "policy": {"csp": {"blocked_uri": "://" * 200_000}},
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_lists_and_texts_are_bounded(name: str) -> None:
    check(HUGE[name])
    assert len(encode_report(report_of(**HUGE[name]))) < 300_000


def test_the_ids_of_fuzzed_events_are_not_all_lost() -> None:
    """The control: replacing a part keeps the rest, so the checks above look at full events."""
    event = replaced(full_event(), ("exception", "values", 0, "type"), 17)
    submission = decode_event(json.dumps(event).encode())
    assert submission.id is not None
    assert (submission.id.hex, submission.report.type) == (ID, "17")

"""JSON from strangers: its depth is known before it is decoded, and an array is split without being read."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput, PayloadTooLarge
from avalon.reports.limits import MAX_DEPTH
from avalon.reports.untrusted import MANY_ESCAPES, MAX_BRACKETS, exceeds_depth, parse_json, split_array

texts = st.text(st.characters(), max_size=12) | st.text('[]{}",\\\n', max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("depth", [1, MAX_DEPTH, MAX_DEPTH + 1, 500, 100_000])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_depth_is_counted_exactly(depth: int, brackets: str) -> None:
    body = (brackets[0] * depth + brackets[1] * depth).encode()
    assert exceeds_depth(body, MAX_DEPTH) is (depth > MAX_DEPTH)


@pytest.mark.parametrize(
    "body",
    [b"[" + b"[]," * 100_000 + b"1]", b'["' + b"[" * 100_000 + b'"]', rb'["\"' + b"[" * 99 + rb'\\", "[["]'],
)
def test_brackets_side_by_side_or_in_strings_are_not_depth(body: bytes) -> None:
    assert not exceeds_depth(body, MAX_DEPTH)


@given(
    st.recursive(
        st.none(), lambda inner: st.lists(inner, min_size=1, max_size=2) | st.fixed_dictionaries({"]": inner})
    )
)
def test_depth_is_what_a_walk_would_count(value: Any) -> None:
    def walk(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value or ()
        return 1 + max(map(walk, inner), default=0) if isinstance(value, dict | list) else 0

    depth = walk(value)
    body = json.dumps(value).encode()
    assert not exceeds_depth(body, depth)
    assert depth == 0 or exceeds_depth(body, depth - 1)


@pytest.mark.parametrize("count", [1, MANY_ESCAPES + 1], ids=["few", "many"])
def test_escapes_hide_no_depth_and_make_none(count: int) -> None:
    """However many there are: strings full of brackets, quotes and backslashes in lists of a known depth."""
    signs = random.Random(count)
    texts = ["".join(signs.choices('[]{}"\\\n', k=12)) for _ in range(count)]
    for depth in range(1, 6):
        body = b"[" * (depth - 1) + json.dumps(texts).encode() + b"]" * (depth - 1)
        assert not exceeds_depth(body, depth)
        assert exceeds_depth(body, depth - 1)


@given(values)
def test_what_python_writes_as_json_is_read(value: Any) -> None:
    read = parse_json(json.dumps(value).encode())
    assert type(read) in (type(value), str)


@pytest.mark.parametrize("body", [b"", b"{", b"tru", b'"\xff"', b"[1,]", b"\x80", b"[" * 50, b"1 2"])
def test_what_is_no_json_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput):
        parse_json(body)


@settings(deadline=None)
@given(st.lists(values, max_size=5), st.sampled_from(["", " ", "\n\t "]))
def test_an_array_is_split_into_its_elements(elements: list[Any], blank: str) -> None:
    body = f"{blank}[{blank}{f'{blank},{blank}'.join(map(json.dumps, elements))}{blank}]{blank}"
    assert list(map(json.loads, split_array(body.encode()))) == json.loads(body)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[", b"[1", b"[1,", b"[1,,2]", b"[1]]", b"[1] x", b'["a]', b"[,]", b"[1,]"]
)
def test_an_array_that_is_broken_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput, match="array"):
        list(split_array(body))


def test_an_array_of_nothing_but_brackets_is_not_looked_through() -> None:
    with pytest.raises(PayloadTooLarge):
        list(split_array(b"[" + b"[]," * MAX_BRACKETS + b"1]"))

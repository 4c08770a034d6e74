"""Files of exported events: every element by itself, whatever stands around it, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadInput
from avalon.importing import Bad, Element, open_source, reading
from avalon.importing.reading import Brackets, Source


def read(content: bytes) -> list[Element | Bad]:
    return list(Source("x", io.BytesIO(content), len(content)).elements())


def bodies(content: bytes) -> list[object]:
    return [json.loads(e.body) if isinstance(e, Element) else e.reason for e in read(content)]


EVENTS = [{"a": 1}, {"b": '}]\\"{['}, {"c": [{"d": {}}, "é"]}]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(map(json.dumps, EVENTS)),
        "\r\n\r\n".join(map(json.dumps, EVENTS)) + "\n",
        "\ufeff" + "\n".join(map(json.dumps, EVENTS)),
        json.dumps(EVENTS),
        json.dumps(EVENTS, indent=2),
        json.dumps(EVENTS[:1]) + "\n" + json.dumps(EVENTS[1:]),
        "\n".join(json.dumps(event, indent=2) for event in EVENTS),
        json.dumps([EVENTS[:2], EVENTS[2:]]),
    ],
    ids=["lines", "crlf", "bom", "array", "indented", "pages", "objects", "slurped"],
)
def test_events_are_found_in_every_form(content: str) -> None:
    assert bodies(content.encode()) == EVENTS
    assert bodies(gzip.compress(content.encode())) == EVENTS


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(
        st.dictionaries(
            st.text('{}[]"\\,é', max_size=4), st.text('{}[]"\\,é\n', max_size=6) | st.lists(st.just({}))
        ),
        max_size=5,
    ),
    size=st.integers(1, 40),
    indent=st.sampled_from([None, 1]),
)
def test_an_array_is_cut_alike_wherever_its_chunks_end(
    values: list[object], size: int, indent: int | None
) -> None:
    content = json.dumps(values, indent=indent, ensure_ascii=False).encode()
    brackets = Brackets()
    found: list[Element | Bad] = []
    for start in range(0, len(content), size):
        found += brackets.feed(content[start : start + size])
    found += brackets.end()
    assert [json.loads(e.body) for e in found if isinstance(e, Element)] == values
    assert [e.line for e in found] == sorted(e.line for e in found)


def test_what_is_bad_is_named_by_its_line_and_hurts_no_other() -> None:
    found = read(b'{"a": 1}\n\n{"b": \nrubbish\n{"c": 3}\n')
    assert [(e.line, e.body) for e in found if isinstance(e, Element)] == [
        (1, b'{"a": 1}'),
        (3, b'{"b":'),
        (4, b"rubbish"),
        (5, b'{"c": 3}'),
    ]
    assert bodies(b'[1, {"a": 1}, "x{"]') == [
        "neither an object nor an array of objects",
        {"a": 1},
        "neither an object nor an array of objects",
    ]
    assert bodies(b'[{"a": 1}, {"b": ') == [{"a": 1}, "the file ends in the middle of it"]
    assert read(b"") == read(b" \n") == []


def test_a_file_that_breaks_off_gives_what_it_held() -> None:
    content = "\n".join(json.dumps({"n": n, "pad": str(n * 17) * 40}) for n in range(3000)).encode()
    found = read(gzip.compress(content)[:-2000])
    assert len([e for e in found if isinstance(e, Element)]) > 500
    assert isinstance(found[-1], Bad) and "can't be read" in found[-1].reason


@pytest.mark.parametrize("form", ["lines", "array"])
def test_what_is_too_large_is_passed_over_in_bounded_memory(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_EVENT_BYTES", 1024 * 1024)
    large = b'{"a": "' + b"x" * 60_000_000 + b'"}'
    content = (
        b'{"a": 1}\n' + large + b'\n{"b": 2}' if form == "lines" else b'[{"a": 1},' + large + b',{"b": 2}]'
    )
    bomb = gzip.compress(content)
    assert len(bomb) < 100_000
    del large, content
    tracemalloc.start()
    found = bodies(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [{"a": 1}, "larger than 1 MB", {"b": 2}]
    assert peak < 12_000_000


@pytest.mark.parametrize(
    "piece", [b"[", b"{", b'"', b"\\", b'\\"', b'{"a":', b"[[{", b"\x1f\x8b", b"}", b"[,", b"\n"]
)
def test_nothing_takes_longer_than_its_length(piece: bytes) -> None:
    content = (piece * 300_000)[:300_000]
    started = time.process_time()
    for _ in read(b"[" + content):
        pass
    for _ in read(content):
        pass
    assert time.process_time() - started < 3


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a folder"):
        open_source(str(tmp_path))

"""What the commands show to people and keep of jobs."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.cli import explain
from avalon.cli.console import escape, replay_progress
from avalon.cli.passthrough import CaptureEnd
from avalon.errors import Unavailable
from avalon.projections import Progress


@given(st.text())
def test_what_is_escaped_is_the_same_json_and_moves_no_cursor(text: str) -> None:
    shown = escape(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == text
    assert not any(sign in shown for sign in "\x1b\x07\x9b\x7f\u202e\u2066\u2028\r\n")


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_the_end_of_a_stream_is_kept(parts: list[bytes], limit: int) -> None:
    end = CaptureEnd(limit)
    for part in parts:
        end.feed(part)
    whole = b"".join(parts)
    if len(whole) <= limit:
        assert end.text() == whole.decode(errors="replace")
    else:
        kept = whole[-limit:]
        assert end.text() == (kept.partition(b"\n")[2] or kept).decode(errors="replace")


class TestProgress:
    def test_short_work_shows_nothing(self, capsys: pytest.CaptureFixture[str]) -> None:
        with replay_progress() as show:
            show(Progress(position=5, head=10, events=5, seconds=0.1))
        assert capsys.readouterr().err == ""

    def test_long_work_shows_lines_where_there_is_no_terminal(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = iter((100.0, 101.0, 111.0, 112.0, 122.0))
        monkeypatch.setattr(time, "monotonic", lambda: next(clock))
        with replay_progress() as show:
            for _ in range(4):
                show(Progress(position=2_500, head=5_000, events=2_400, seconds=1.0))
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 2
        assert " 50%  2,400 events  218/s" in lines[0]


def test_an_expected_error_is_one_line_and_a_fault_is_none() -> None:
    try:
        try:
            raise OSError("refused\nand more")
        except OSError as error:
            raise Unavailable("Postgres is away") from error
    except Unavailable as error:
        assert explain(error) == "Postgres is away (refused)"
    assert explain(KeyError("x")) is None

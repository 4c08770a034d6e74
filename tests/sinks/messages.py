"""Messages for the tests of every kind of sink, plain ones and nasty ones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from avalon.sinks import Alert, Digest, DigestLine, Message, Note, Target

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ID = UUID(int=7)


def an_alert(**fields: Any) -> Alert:
    values: dict[str, Any] = {
        "position": 42,
        "issue": UUID(int=8),
        "title": "boom",
        "report": ID,
        "service": "api",
        "level": "critical",
        "message": "boom",
        "occurred_at": NOW,
        "url": f"https://avalon.example.org/errors/{ID}",
    }
    return Alert(**values | fields)


def a_line(**fields: Any) -> DigestLine:
    values: dict[str, Any] = {"issue": ID, "service": "api", "level": "fatal", "title": "boom", "count": 3}
    return DigestLine(**values | fields)


def a_digest(lines: list[DigestLine]) -> Digest:
    return Digest(lines=lines, first_position=1, last_position=9, since=NOW, until=NOW)


def a_note() -> Note:
    return Note(key="test-1", title="Avalon can reach you here", text="Nothing is wrong.")


def a_target(kind: str, url: str | None = None, **fields: Any) -> Target:
    return Target(**{"sink": UUID(int=5), "kind": kind, "name": "Ops", "url": url} | fields)


NASTY = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="`\\*_[]()<@>#|~-\n\r\t \u200b\u202e😀\x00\x9b", max_size=60),
    st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=5), st.integers(1, 9000)),
)
# What could call people, break out of a fence, or break out of a header.
TRAPS = (
    "@channel @here @all @everyone <!channel> <!here|x> <@U123> <#C1> <http://evil.example|click> `` ``` ```",
    "a\r\nBcc: eve@evil.example\r\n\r\nbody </pre><script>alert(1)</script> & &amp; * _ ~ [x](http://evil.example)",
)
TEXTS = ("message", "stack", "path", "method", "type", "environment", "release", "reason", "culprit", "title")


def with_everywhere(text: str, level: str = "critical") -> list[Message]:
    """Messages of every sort whose every foreign text is this one."""
    return [
        an_alert(level=level, what="issue.regressed", **dict.fromkeys(TEXTS, text)),
        a_digest([a_line(title=text, level=level)] * 3),
    ]

"""What every sink says of a message, before it is escaped: headings, details, the lines of a digest.

Discord, Slack, Mattermost and e-mail differ in limits and escapes, not in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from avalon.events import LEVELS
from avalon.sinks import Alert, Counts, Digest, DigestLine, Message, Note
from avalon.sinks.text import units

COLOURS = {
    "critical": 0xDC143C,
    "fatal": 0x8B0000,
    "error": 0xFF0000,
    "warning": 0xFFA500,
    "info": 0x00BFFF,
    "debug": 0x808080,
}
EMOJIS = {"critical": "🚨", "fatal": "💀", "error": "❌", "warning": "⚠️", "info": "ℹ️", "debug": "🐛"}
HEADINGS = {"issue.opened": "NEW ISSUE", "issue.regressed": "REGRESSED", "issue.passed": "MANY EVENTS"}
LINK = 400


class Detail(NamedTuple):
    """Something that is known of an alert, and in how many units it is told."""

    name: str
    text: str
    limit: int
    is_short: bool = True


def level_of(message: Message) -> str:
    """The level that gives a message its colour: a digest's is its worst."""
    match message:
        case Alert():
            return known_level(message.level)
        case Digest():
            return max((known_level(line.level) for line in message.lines), key=LEVELS.index, default="error")
        case Note():
            return "info"


def known_level(level: str) -> str:
    return level if level in COLOURS else "error"


def heading(message: Message) -> str:
    """The first line, with its emoji."""
    match message:
        case Alert():
            level = known_level(message.level)
            return f"{EMOJIS[level]} {HEADINGS.get(message.what, level.upper())} · {message.service}"
        case Digest():
            issues = many(len(message.lines), "issue")
            return f"📊 {many(message.reports, 'report')} of {issues} held back"
        case Note():
            return f"🛡️ {message.title}"


def body(alert: Alert) -> str:
    """What people read first."""
    return alert.message if alert.message.strip() else alert.title


def details(alert: Alert) -> list[Detail]:
    """What is known of it, together under 1,500 units."""
    found = [
        Detail("Why", alert.reason, 200, is_short=False),
        Detail("Service", alert.service, 150),
        Detail("Level", known_level(alert.level), 10),
        Detail("Type", alert.type, 150),
        Detail("Culprit", alert.culprit, 150),
        Detail("Path", f"{alert.method} {alert.path}", 300, is_short=False),
        Detail("Environment", alert.environment, 80),
        Detail("Release", alert.release, 100),
        *_counts(alert.counts),
    ]
    return [detail._replace(text=detail.text.strip()) for detail in found if detail.text.strip()]


def _counts(counts: Counts | None) -> list[Detail]:
    if counts is None:
        return []
    users = [Detail("Users", str(counts.users), 40)] if counts.users else []
    return [Detail("Events", str(counts.events), 40), *users]


def duration(seconds: int) -> str:
    """A window in words."""
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % length == 0:
            return many(seconds // length, unit)
    return many(seconds, "second")


def footer(message: Message) -> str:
    """Where in the log it stands, and of what it tells: a link may not open, or not be there."""
    match message:
        case Alert():
            return f"Avalon · position {message.position} · issue {message.issue} · report {message.report}"
        case Digest():
            return f"Avalon · positions {message.first_position}–{message.last_position}"
        case Note():
            return "Avalon"


def digest_lines(digest: Digest, room: int, line: Callable[[DigestLine], str]) -> str:
    """A line an issue while there is room; the last line counts those that it leaves out."""
    shown: list[str] = []
    room -= 80
    for index, issue in enumerate(digest.lines):
        text = line(issue)
        if units(text) + 1 > room:
            left = digest.lines[index:]
            reports = many(sum(one.count for one in left), "report")
            shown.append(f"… and {many(len(left), 'more issue')} with {reports}")
            break
        shown.append(text)
        room -= units(text) + 1
    return "\n".join(shown) or "(empty)"


def link(url: str | None) -> str | None:
    """The URL where it can stand in a message as it is."""
    return None if not url or len(url) > LINK or re.search(r"[\s()<>|]", url) else url


def is_known_everywhere(url: str) -> bool:
    """Whether its host has a top-level domain; Discord refuses a message with any other
    (bugsink/bugsink #280, go-gitea/gitea #14379)."""
    return re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", urlsplit(url).hostname or "") is not None


def many(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")

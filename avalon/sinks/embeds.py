"""Messages as Discord embeds: colour and emoji by level, within every limit that Discord has.

Limits (docs.discord.com, resources/message.mdx): title 256, description 4096, 25 fields of 256 and 1024,
footer 2048, and 6000 for all of them together. The parts here are sized so that the sum is never reached.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from avalon.events import LEVELS
from avalon.sinks import Alert, Digest, DigestLine, Message, Note
from avalon.sinks.markdown import fence, quote, units

COLOURS = {
    "critical": 0xDC143C,
    "fatal": 0x8B0000,
    "error": 0xFF0000,
    "warning": 0xFFA500,
    "info": 0x00BFFF,
    "debug": 0x808080,
}
EMOJIS = {"critical": "🚨", "fatal": "💀", "error": "❌", "warning": "⚠️", "info": "ℹ️", "debug": "🐛"}

DESCRIPTION = 4096
MESSAGE = 1500
LINE_TITLE = 120
LINK = 400

Embed = dict[str, Any]


def payload(message: Message) -> dict[str, Any]:
    """The body of the request. No text of ours or of a client's may ever call anybody."""
    match message:
        case Alert():
            embed = _alert(message)
        case Digest():
            embed = _digest(message)
        case Note():
            embed = _note(message)
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _alert(alert: Alert) -> Embed:
    level = _level(alert.level)
    embed: Embed = {
        "title": f"{EMOJIS[level]} {level.upper()} · {quote(alert.service, 150)}",
        "description": _words_and_stack(alert),
        "color": COLOURS[level],
        "fields": _fields(alert),
        "timestamp": alert.occurred_at.isoformat(timespec="milliseconds"),
        "footer": {"text": f"Avalon · position {alert.position}"},
    }
    return _linked(embed, alert.url)


def _words_and_stack(alert: Alert) -> str:
    words = quote(alert.message, MESSAGE)
    if not alert.stack.strip():
        return words
    return f"{words}\n{fence(alert.stack, DESCRIPTION - units(words) - 1)}"


def _fields(alert: Alert) -> list[dict[str, Any]]:
    """What is known of it; together under 1,300 units."""
    path = f"{alert.method} {alert.path}".strip()
    known = [
        ("Service", quote(alert.service, 150), True),
        ("Level", _level(alert.level), True),
        ("Type", quote(alert.type, 150) if alert.type.strip() else "", True),
        ("Path", quote(path, 300) if path else "", False),
        ("Environment", quote(alert.environment, 80) if alert.environment.strip() else "", True),
        ("Release", quote(alert.release, 100) if alert.release.strip() else "", True),
        ("ID", f"`{alert.id}`", False),
    ]
    if alert.url and len(alert.url) <= LINK:
        known.append(("Link", alert.url, False))
    return [{"name": name, "value": value, "inline": inline} for name, value, inline in known if value]


def _digest(digest: Digest) -> Embed:
    issues = len(digest.lines)
    level = max((_level(line.level) for line in digest.lines), key=LEVELS.index, default="error")
    embed: Embed = {
        "title": f"📊 {_many(digest.reports, 'report')} of {_many(issues, 'issue')} held back",
        "description": _lines(digest.lines),
        "color": COLOURS[level],
        "fields": [
            {"name": "Reports", "value": str(digest.reports), "inline": True},
            {"name": "Issues", "value": str(issues), "inline": True},
            {
                "name": "Between",
                "value": f"<t:{int(digest.since.timestamp())}:T> and <t:{int(digest.until.timestamp())}:T>",
                "inline": True,
            },
        ],
        "timestamp": digest.until.isoformat(timespec="milliseconds"),
        "footer": {"text": f"Avalon · positions {digest.first_position}–{digest.last_position}"},
    }
    return _linked(embed, digest.url)


def _lines(lines: list[DigestLine]) -> str:
    """A line an issue while there is room; the last line counts those that it leaves out."""
    shown: list[str] = []
    room = DESCRIPTION - 80
    for index, line in enumerate(lines):
        text = _line(line)
        if units(text) + 1 > room:
            left = lines[index:]
            reports = _many(sum(line.count for line in left), "report")
            shown.append(f"… and {_many(len(left), 'more issue')} with {reports}")
            break
        shown.append(text)
        room -= units(text) + 1
    return "\n".join(shown) or "(empty)"


def _line(line: DigestLine) -> str:
    title = quote(" ".join(line.title.split()), LINE_TITLE)
    linked = f"[{title}]({line.url})" if _is_clickable(line.url) else title
    return f"{EMOJIS[_level(line.level)]} **{line.count}** × {linked} · {quote(line.service, 100)}"


def _note(note: Note) -> Embed:
    embed: Embed = {
        "title": f"🛡️ {quote(note.title, 200)}",
        "description": quote(note.text, MESSAGE),
        "color": COLOURS["info"],
    }
    return _linked(embed, note.url)


def _linked(embed: Embed, url: str | None) -> Embed:
    return embed | {"url": url} if _is_clickable(url) else embed


def _is_clickable(url: str | None) -> bool:
    """Whether Discord takes it for a URL: a host without a top-level domain is refused with the whole message
    (bugsink/bugsink #280, go-gitea/gitea #14379)."""
    if not url or len(url) > LINK or re.search(r"[\s()<>]", url):
        return False
    return re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", urlsplit(url).hostname or "") is not None


def _level(level: str) -> str:
    return level if level in COLOURS else "error"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")

"""Messages as Discord embeds: colour and emoji by level, within every limit that Discord has.

Limits (docs.discord.com, resources/message.mdx): title 256, description 4096, 25 fields of 256 and 1024,
footer 2048, and 6000 for all of them together. The parts here are sized so that the sum is never reached.
"""

from __future__ import annotations

from typing import Any

from avalon.sinks import Alert, Digest, DigestLine, Message, Note, words
from avalon.sinks.markdown import fence, quote
from avalon.sinks.text import units

DESCRIPTION = 3600
MESSAGE = 1500
LINE_TITLE = 120

Embed = dict[str, Any]


def payload(message: Message) -> dict[str, Any]:
    """The body of the request. No text of ours or of a client's may ever call anybody."""
    embed: Embed = {
        "title": quote(words.heading(message), 250),
        "color": words.COLOURS[words.level_of(message)],
        **_content(message),
    }
    url = words.link(message.url)
    if url and words.is_known_everywhere(url):
        embed["url"] = url
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def _content(message: Message) -> Embed:
    match message:
        case Alert():
            return _alert(message)
        case Digest():
            return _digest(message)
        case Note():
            return {"description": quote(message.text, MESSAGE)}


def _alert(alert: Alert) -> Embed:
    return {
        "description": _words_and_stack(alert),
        "fields": _fields(alert),
        "timestamp": alert.occurred_at.isoformat(timespec="milliseconds"),
        "footer": {"text": words.footer(alert)},
    }


def _words_and_stack(alert: Alert) -> str:
    text = quote(words.body(alert), MESSAGE)
    if not alert.stack.strip():
        return text
    return f"{text}\n{fence(alert.stack, DESCRIPTION - units(text) - 1)}"


def _fields(alert: Alert) -> list[dict[str, Any]]:
    """What is known of it; together under 2,000 units."""
    known = [(d.name, quote(d.text, d.limit), d.is_short) for d in words.details(alert)]
    if alert.report:
        known.append(("ID", f"`{alert.report}`", False))
    if alert.url and len(alert.url) <= words.LINK:
        known.append(("Link", alert.url, False))
    return [{"name": name, "value": value, "inline": inline} for name, value, inline in known]


def _digest(digest: Digest) -> Embed:
    between = f"<t:{int(digest.since.timestamp())}:T> and <t:{int(digest.until.timestamp())}:T>"
    known = [("Reports", str(digest.reports)), ("Issues", str(len(digest.lines))), ("Between", between)]
    return {
        "description": words.digest_lines(digest, DESCRIPTION, _line),
        "fields": [{"name": name, "value": value, "inline": True} for name, value in known],
        "timestamp": digest.until.isoformat(timespec="milliseconds"),
        "footer": {"text": words.footer(digest)},
    }


def _line(line: DigestLine) -> str:
    title = quote(" ".join(line.title.split()), LINE_TITLE)
    url = words.link(line.url)
    linked = f"[{title}]({url})" if url and words.is_known_everywhere(url) else title
    emoji = words.EMOJIS[words.known_level(line.level)]
    return f"{emoji} **{line.count}** × {linked} · {quote(line.service, 100)} · issue {line.issue}"

"""Foreign text in Discord's Markdown: cut by Discord's measure, escaped, and never able to break out.

Lengths are counted in UTF-16 units. Discord itself counts code points (discord/discord-api-docs #1315), which
are never more, so a text that fits here fits there whoever counts.
"""

from __future__ import annotations

import re

ELLIPSIS = "…"
ZERO_WIDTH_SPACE = "\u200b"

# Controls but tab and newline, C1, line separators, and what turns the direction of writing.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SPECIAL = re.compile(r"[\\*_~`|\[\]()<>@#]")
_LIST = re.compile(r"^(\s*)([-+]|\d+\.)(?=\s)", re.MULTILINE)


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def quote(text: str, limit: int) -> str:
    """The text to be read as it is, whatever it holds, in at most `limit` units; never blank."""
    escaped = _SPECIAL.sub(r"\\\g<0>", _clean(text, limit))
    escaped = _LIST.sub(lambda m: m[1] + m[2][:-1] + "\\" + m[2][-1], escaped)
    if units(escaped) > limit or len(text) > limit:
        escaped = _head(escaped, limit - 1).rstrip("\\") + ELLIPSIS
    return escaped if is_visible(escaped) else "(empty)"


def fence(text: str, limit: int) -> str:
    """The text as a block of code in at most `limit` units; what is too long loses its middle."""
    # A stack is cut in its middle: Python's cause stands at the end, JavaScript's at the beginning.
    apart = re.sub("`(?=`)", "`" + ZERO_WIDTH_SPACE, _clean(_ends(text, limit), 2 * limit + 1)).strip("\n")
    room = limit - units("```\n\n```")
    if units(apart) > room:
        half = (room - 3) // 2
        apart = f"{_head(apart, half)}\n{ELLIPSIS}\n{_tail(apart, half)}"
    return f"```\n{apart}\n```"


def is_visible(text: str) -> bool:
    """Whether anything of it can be seen; Discord refuses a field that is blank after its own trimming."""
    return any(character.isprintable() and not character.isspace() for character in text)


def _clean(text: str, limit: int) -> str:
    """At most `limit` characters of it, without what can't be sent or would not be seen."""
    start = text[: limit + 1].replace("\r\n", "\n").replace("\r", "\n")
    whole = start.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _INVISIBLE.sub("\ufffd", whole)


def _ends(text: str, limit: int) -> str:
    """The text where it may fit, otherwise its two ends: enough of each, and cheap however long it is."""
    return text if len(text) <= 2 * limit else text[:limit] + "\n" + text[-limit:]


def _head(text: str, limit: int) -> str:
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")


def _tail(text: str, limit: int) -> str:
    return text.encode("utf-16-le")[-2 * limit :].decode("utf-16-le", "ignore")

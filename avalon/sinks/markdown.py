"""Foreign text in Discord's Markdown: cut by Discord's measure, escaped, and never able to break out.

Discord counts code points (discord/discord-api-docs #1315), and UTF-16 units are never fewer.
"""

from __future__ import annotations

import re

from avalon.sinks.text import ELLIPSIS, ZERO_WIDTH_SPACE, clean, clean_ends, is_visible, units

_SPECIAL = re.compile(r"[\\*_~`|\[\]()<>@#]")
_LIST = re.compile(r"^(\s*)([-+]|\d+\.)(?=\s)", re.MULTILINE)


def quote(text: str, limit: int) -> str:
    """The text to be read as it is, whatever it holds, in at most `limit` units; never blank."""
    escaped = _SPECIAL.sub(r"\\\g<0>", clean(text, limit))
    escaped = _LIST.sub(lambda m: m[1] + m[2][:-1] + "\\" + m[2][-1], escaped)
    if units(escaped) > limit or len(text) > limit:
        escaped = _head(escaped, limit - 1).rstrip("\\") + ELLIPSIS
    return escaped if is_visible(escaped) else "(empty)"


def fence(text: str, limit: int) -> str:
    """The text as a block of code in at most `limit` units; what is too long loses its middle."""
    apart = re.sub("`(?=`)", "`" + ZERO_WIDTH_SPACE, clean_ends(text, limit)).strip("\n")
    room = limit - units("```\n\n```")
    if units(apart) > room:
        half = (room - 3) // 2
        apart = f"{_head(apart, half)}\n{ELLIPSIS}\n{_tail(apart, half)}"
    return f"```\n{apart}\n```"


def _head(text: str, limit: int) -> str:
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")


def _tail(text: str, limit: int) -> str:
    return text.encode("utf-16-le")[-2 * limit :].decode("utf-16-le", "ignore")

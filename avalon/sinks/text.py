"""Foreign text, cut to measure: what every sink does to it before it escapes it in its own way.

Lengths are counted in UTF-16 units: who counts code points instead counts never more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

ELLIPSIS = "…"
ZERO_WIDTH_SPACE = "\u200b"

# Controls but tab and newline, C1, line separators, and what turns the direction of writing.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

# How one character is written where it is sent.
Escape = Callable[[str], str]


def units(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def is_visible(text: str) -> bool:
    """Whether anything of it can be seen."""
    return any(character.isprintable() and not character.isspace() for character in text)


def clean(text: str, limit: int) -> str:
    """At most `limit` and one characters of it, without what can't be sent or would not be seen."""
    start = text[: limit + 1].replace("\r\n", "\n").replace("\r", "\n")
    whole = start.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _INVISIBLE.sub("\ufffd", whole)


def clean_ends(text: str, limit: int) -> str:
    """The text where it may fit, otherwise `limit` of each end: cheap however long it is."""
    return clean(text if len(text) <= 2 * limit else text[:limit] + "\n" + text[-limit:], 2 * limit + 1)


def one_line(text: str, limit: int) -> str:
    """The text on one line, in at most `limit` units; never blank."""
    line = " ".join(clean(text, 2 * limit).split())
    cut = line if units(line) <= limit else _taken(line, limit - 1) + ELLIPSIS
    return cut if is_visible(cut) else "(empty)"


def fit(text: str, limit: int, escape: Escape) -> str:
    """As much of its beginning as has room once it is escaped; never blank."""
    pieces = [escape(character) for character in clean(text, limit)]
    if len(text) > limit or sum(map(units, pieces)) > limit:
        pieces = [_taken(pieces, limit - 1), ELLIPSIS]
    found = "".join(pieces)
    return found if is_visible(found) else "(empty)"


def fit_ends(text: str, limit: int, escape: Escape) -> str:
    """As `fit`, but of a text that is too long both ends are kept: Python's cause stands at the end of a
    stack, JavaScript's at its beginning."""
    pieces = [escape(character) for character in clean_ends(text, limit).strip("\n")]
    if sum(map(units, pieces)) <= limit:
        return "".join(pieces)
    half = (limit - 3) // 2
    head, tail = _taken(pieces, half), _taken(pieces[::-1], half, backwards=True)
    return f"{head}\n{ELLIPSIS}\n{tail}"


def _taken(pieces: Iterable[str], limit: int, *, backwards: bool = False) -> str:
    """The first of the pieces that have room together."""
    found: list[str] = []
    for piece in pieces:
        limit -= units(piece)
        if limit < 0:
            break
        found.append(piece)
    return "".join(found[::-1] if backwards else found)

"""The wildcards of rules. In a name `*` is whatever there is, in a message it stays within a word.

Time grows with the length of the text alone: a fixed part is taken where it stands first, and what does not
fit from the first place of a word is not tried from its others, for it would fail at the same place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

# No blank, no bracket, no quote, no mark between two words.
_IN_WORD: Final = r"[^\s\"'`,;()\[\]{}<>]"
_STOP: Final = re.compile(r"[\s\"'`,;()\[\]{}<>]")
_KEPT: Final = 512


def fits_name(parts: Sequence[str], name: str) -> bool:
    """Whether the whole name is these parts with anything between them."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return name == first
    if not name.startswith(first) or not name.endswith(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in parts[1:-1]:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def replace_words(pattern: str, datum: str, text: str) -> str:
    """The text with `datum` for each word, or words, that the pattern fits as a whole."""
    if not _has_in_order(pattern.split("*"), text):
        return text
    expression = _expression(pattern)
    pieces: list[str] = []
    # Behind what fitted, the rest of its word counts as another.
    while found := expression.search(text):
        pieces += (text[: found.end(1)], datum)
        text = text[found.end() :]
    return "".join((*pieces, text))


def _has_in_order(parts: Sequence[str], text: str) -> bool:
    """Most messages have not even the fixed parts of most rules."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


@lru_cache(_KEPT)
def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern's; its first group is what stands before the words."""
    first, *others = pattern.split("*")
    begin = r"(?<!\w)" if re.match(r"\w", first) else ""
    end = r"(?!\w)" if re.search(r"\w$", pattern) else ""
    if not others:
        return re.compile(f"(){begin}{re.escape(first)}{end}")
    *middle, last = map(re.escape, others)
    parts = [f"(?>{_IN_WORD}*?{part})" for part in middle]
    # A sentence may end behind the word.
    parts.append(f"(?>{_IN_WORD}*?{last}{end})" if last else rf"{_IN_WORD}*(?<![.:!?])")
    if not first:
        return re.compile(f"()(?<!{_IN_WORD}){''.join(parts)}")
    if _STOP.search(first):  # such a place ends a word, so that no two of them are followed by the same one
        return re.compile(f"(){begin}{re.escape(first)}{''.join(parts)}")
    return re.compile(f"(?<!{_IN_WORD})(?>({_IN_WORD}*?){begin}{re.escape(first)}){''.join(parts)}")

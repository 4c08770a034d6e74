"""Masks what differs between two occurrences of one message: numbers, addresses, paths, names of users, data.

One pass of one expression over a bounded beginning. Every word with a digit in it becomes `<num>`, be it a
count, a date, a UUID or `blk_-17`: a column of ids reads as a number in one line and as hex in the next, and
both must give one text. What tells one mistake from another stays: words, classes, true and false, and a
quoted identifier (`reading 'price'`). Where only placeholders would be left, the words stay.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from avalon.grouping import mask_parts as parts

# A message is told from others by its beginning; the rest is often a dump.
MAX_MASKED: Final = 500

# What each kind looks like, the first that fits. Only what stands in a named group is replaced.
_WHO: Final = (
    r"(?:(?:(?:for|by|of|as|[Ii]nvalid|[Ii]llegal|[Uu]nknown) user "
    r"|(?:password|publickey) for (?!invalid |illegal |user ))(?P<user>[\"']?+[\w.@$\\-]++[\"']?+)"
    rf"|failed for (?P<whom>[\w.@$-]++)(?=:| from )|(?:user|role|account) (?P<quoted>{parts.QUOTED}))"
)
# Where one may begin: each alternative starts with its letter, since this is tried at every word.
_WHO_STARTS: Final = (
    r"for user |by user |of user |as user |[Ii]nvalid user |[Ii]llegal user |[Uu]nknown user "
    r"|p(?:assword|ublickey) for |failed for |user [\"']|role [\"']|account [\"']"
)
_EMAIL: Final = rf"(?P<email>{parts.EMAIL})"
_AFTER_KEY: Final = (
    rf"=(?<![=!<>]=)(?:{parts.NAMING_KEY} ?(?P<key>{parts.NAME})"
    rf"|(?!{parts.TELLING_KEY}) ?(?P<value>{parts.DATUM}))"
    rf"|:{parts.NAMING_KEY} (?P<named>[\w.@$-]++(?=[,;)]|$))"
)
_ANY: Final = (
    rf"{_AFTER_KEY}|(?P<str>{parts.STRING})|(?P<path>{parts.PATH})|(?P<url>{parts.URL})|{parts.CLASS}|(?P<app>{parts.APP})"
    rf"|(?P<host>{parts.HOSTS})|(?P<num>{parts.NUMBERS})"
)
_SHOWN: Final = {"key": "value", "named": "value", "whom": "user", "quoted": "user"}

# Where no part can start is passed over in one go: else each character would be tried with every part, which
# takes five times as long.
_SIGNS: Final = r"\"'=:/~.\\\[<+$@-"
_PASSED: Final = rf"[^\w{_SIGNS}]++|\.(?=\s|$)|:(?!{parts.NAMING_KEY})(?=\s)"
_OTHER: Final = r"[\w$]++(?:[.-]\w++)*+|[\s\S]|$"

# Any word with a digit, for a message of which nothing else would be left.
_WITH_DIGIT: Final = re.compile(r"[A-Za-z_]*+\d\w*+(?:[.:-]\w++)*+", re.ASCII)
_NO_WORD: Final = re.compile(r"(?:<[a-z]+>|[^A-Za-z<]|<)*+", re.ASCII)
_IDENTIFIER: Final = re.compile(r".[A-Za-z_$][A-Za-z_$.:-]*(?:\(\))?.", re.ASCII)


def mask(message: str) -> str:
    """The message's beginning with `<kind>` in the place of what varies."""
    return mask_whole(message[:MAX_MASKED])


def mask_whole(beginning: str) -> str:
    """As `mask`, for a text that is bounded already."""
    has_who = " for " in beginning or "user " in beginning or "role " in beginning or "account " in beginning
    masked = _pattern(has_who, "@" in beginning).sub(_replacement, beginning)
    if ("<str>" in masked or "<path>" in masked) and _NO_WORD.fullmatch(masked):
        return _WITH_DIGIT.sub("<num>", beginning)
    return masked


@cache
def _pattern(has_who: bool, has_at: bool) -> re.Pattern[str]:
    """What a message without the signs of people need not be tried with is left out."""
    who, tokens = "", _ANY
    if has_at:
        tokens = f"{_EMAIL}|{tokens}"
    if has_who:
        who, tokens = f"(?!{_WHO_STARTS})", f"{_WHO}|{tokens}"
    end = rf"(?=[^\w{_SIGNS}]|\.(?:\s|$)|:\s|$)"
    word = rf"{who}(?!{parts.DATE_NAME}[\dA-Z])[A-Za-z]++{end}"
    return re.compile(f"(?:{_PASSED}|{word})*+(?:{tokens}|{_OTHER})", re.ASCII)


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind is None or (kind == "str" and _IDENTIFIER.fullmatch(match[kind])):
        return match[0]
    passed = match[0][: match.start(kind) - match.start()]
    return f"{passed}<{_SHOWN.get(kind, kind)}>"

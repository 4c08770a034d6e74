"""Masks what differs between two occurrences of one message: ids, numbers, addresses, dates, quoted data.

One pass of one expression over a bounded beginning. Quoted text is masked only where it is data; a quoted
identifier (`reading 'price'`) tells one mistake from another.
"""

from __future__ import annotations

import re
from typing import Final

# A message is told from others by its beginning; the rest is often a dump.
MAX_MASKED: Final = 500

_PARTS: Final = {
    "uuid": r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b",
    "date": r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b",
    "email": r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}",
    "ip": r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.])"
    r"|(?<![\w:])(?=[0-9A-Fa-f]*+:[0-9A-Fa-f]*+:)[0-9A-Fa-f:]{3,45}+(?![\w:])",
    "hex": r"\b0[xX][0-9A-Fa-f]++|\b(?=\d{0,64}[A-Fa-f])(?=[A-Fa-f]{0,64}\d)[0-9A-Fa-f]{8,}+\b",
    "str": r""""[^"\n]{0,500}"|(?<!\w)'[^'\n]{0,500}'(?!\w)""",
    "num": r"\d++(?:\.\d++)*+",
}


def _pattern(*absent: str) -> re.Pattern[str]:
    parts = (f"(?P<{kind}>{part})" for kind, part in _PARTS.items() if kind not in absent)
    return re.compile("|".join(parts), re.ASCII)


# Looking for addresses at every word is most of the work: it is spared where the signs that they need are
# absent. Whether there is an @, and whether a dot or a colon.
_PATTERNS: Final = {
    (True, True): _pattern(),
    (True, False): _pattern("ip"),
    (False, True): _pattern("email"),
    (False, False): _pattern("email", "ip"),
}
_IDENTIFIER: Final = re.compile(r".[A-Za-z_$][A-Za-z_$.]*.", re.ASCII)
_MAY_MATCH: Final = re.compile(r"""[0-9@'":]""")


def mask(message: str) -> str:
    """The message's beginning with `<kind>` in the place of what varies."""
    beginning = message[:MAX_MASKED]
    if not _MAY_MATCH.search(beginning):
        return beginning
    pattern = _PATTERNS["@" in beginning, "." in beginning or ":" in beginning]
    return pattern.sub(_replacement, beginning)


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "str" and _IDENTIFIER.fullmatch(match[0]):
        return match[0]
    return f"<{kind}>"

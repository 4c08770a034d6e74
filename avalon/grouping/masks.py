"""Masks what differs between two occurrences of one message: ids, numbers, addresses, dates, quoted data.

One pass of one expression over a bounded beginning. Quoted text is masked only where it is data; a quoted
identifier (`reading 'price'`) tells one mistake from another.
"""

from __future__ import annotations

import re
from typing import Final

# A message is told from others by its beginning; the rest is often a dump.
MAX_MASKED: Final = 500

_PATTERN: Final = re.compile(
    r"""
      (?P<uuid>  \b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b )
    | (?P<date>  \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?
               | \b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b )
    | (?P<email> (?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8} )
    | (?P<ip>    (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.])
               | (?<![\w:])(?=[0-9A-Fa-f]*+:[0-9A-Fa-f]*+:)[0-9A-Fa-f:]{3,45}+(?![\w:]) )
    | (?P<hex>   \b0[xX][0-9A-Fa-f]++ | \b(?=\d{0,64}[A-Fa-f])(?=[A-Fa-f]{0,64}\d)[0-9A-Fa-f]{8,}+\b )
    | (?P<str>   "[^"\n]{0,500}" | (?<!\w)'[^'\n]{0,500}'(?!\w) )
    | (?P<num>   \d++(?:\.\d++)*+ )
    """,
    re.VERBOSE | re.ASCII,
)
_IDENTIFIER: Final = re.compile(r".[A-Za-z_$][A-Za-z_$.]*.", re.ASCII)
_MAY_MATCH: Final = re.compile(r"""[0-9@'":]""")


def mask(message: str) -> str:
    """The message's beginning with `<kind>` in the place of what varies."""
    beginning = message[:MAX_MASKED]
    if not _MAY_MATCH.search(beginning):
        return beginning
    return _PATTERN.sub(_replacement, beginning)


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "str" and _IDENTIFIER.fullmatch(match[0]):
        return match[0]
    return f"<{kind}>"

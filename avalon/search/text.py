"""Free text for texts that have no vector, those of single reports, as a regular expression of Postgres.

It finds what `log.search_query` would find in a vector: the parts of identifiers and of paths, one behind the
other, the last of them also as the beginning of a longer one. What it does not find is snake_case without
its gaps.
"""

from __future__ import annotations

import re
from typing import Final

# As in log.search_parts: neither letters nor digits. Python and Postgres read the same escapes.
_GAP: Final = (
    r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b6-\u00b8\u00bb\u00bf"
    r"\u2000-\u206f\u3000-\u3004\u3008-\u3020]"
)
# Between two parts of an identifier. A part in capitals ends before the last of them: getHTTPServer.
_HUMP: Final = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
_BETWEEN: Final = re.compile(f"{_GAP}+|{_HUMP}")


def parts_of(text: str) -> list[str]:
    """The parts of a text, as they are written there."""
    return [part for part in _BETWEEN.split(text) if part]


def pattern_of(parts: list[str], *, is_prefix: bool) -> str:
    """The regular expression of these parts. Capitals begin parts, so each letter tells of both its cases."""
    between = f"(?:{_GAP}+|{_HUMP})"
    end = "" if is_prefix else "(?![a-z0-9])"
    begin = f"(?:(?<![A-Za-z0-9])|{_HUMP})" if parts[0][0].isascii() else ""
    return f"{begin}{between.join(''.join(map(_letter, part)) for part in parts)}{end}"


def _letter(letter: str) -> str:
    both = letter.lower() + letter.upper()
    return f"[{both}]" if len(both) == 2 and both[0] != both[1] else letter

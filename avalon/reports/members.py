"""Expressions that find secrets by their names where JSON or Python's repr stands in a text.

As `{"token": "…"}`, `{\"token\": \"…\"}`, `{'token': b'…'}`: a body or a dictionary that was written into a
message or a variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def members_in_text(names: Iterable[str]) -> re.Pattern[str]:
    """Finds the colon behind one of the names and the value; group 1 is what opens the value."""
    named = "|".join(f"(?<={name}{end})" for name in names for end in (r"""["']:""", r"""\\["']:"""))
    return re.compile(
        rf""":(?<=["']:)(?:{named})(\s?b?(\\?["']))(?:(?!\2)(?:\\.|.))+""",
        re.ASCII | re.IGNORECASE | re.DOTALL,
    )


def members_in_source(names: Iterable[str]) -> tuple[re.Pattern[bytes], ...]:
    """Find whether such a text may stand in a JSON source, which is in lower case.

    A quote and a backslash of a text stand behind a backslash there. Each expression begins with two or three
    characters, for which a search is quick, and then looks at one more before it looks for names.
    """
    names = tuple(names)
    last = "".join(sorted({name[-1] for name in names}))

    def behind(end: str) -> str:
        return "|".join(f"(?<={name}{end})" for name in names)

    expressions = []
    for end in ("':", r'\\":'):
        escaped = rf"\\\\{end}"
        pattern = f"{end}(?:(?<=[{last}]{end})(?:{behind(end)})|(?<={escaped})(?:{behind(escaped)}))"
        expressions.append(re.compile(pattern.encode()))
    return tuple(expressions)

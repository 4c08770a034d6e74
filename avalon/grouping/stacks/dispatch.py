"""Which language printed a stack, by a look at the signs that only its stacks have.

A text that no parser knows gives no exception: the report is then grouped by its message.
"""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks import dotnet, golang, java, javascript, php, python, ruby
from avalon.reports import ExceptionInfo

# Where a stack's own form shows; a long message may stand before its first frame.
_LOOKED_AT: Final = 16_384
_AT: Final = re.compile(r"(?:^|\n)[ \t]*+at ([^\n]++)")
_JAVA: Final = re.compile(
    r"[^()]*+\((?:[\w$-]++\.(?:java|kt|scala|groovy|clj)\b|Native Method|Unknown Source|SourceFile)"
)
_GECKO: Final = re.compile(r"(?:^|\n)[^\n@]{0,200}+@[^\n]*?:\d++(?::\d++)?(?:\n|$)")


def parse_stack(text: str) -> list[ExceptionInfo]:
    """The exceptions of a printed stack, innermost last, as a report has them; [] for what is none."""
    if 'File "' in text and ", line " in text:
        return python.parse(text)
    if "goroutine " in text or ".go:" in text:
        return golang.parse(text)
    if "#0 " in text or "#1 " in text:
        return php.parse(text)
    if ":in '" in text or ":in `" in text:
        return ruby.parse(text)
    beginning = text[:_LOOKED_AT]
    if at := _AT.search(beginning):
        return _parse_at(at[1], text)
    if "@" in beginning and _GECKO.search(beginning):
        return javascript.parse_gecko(text)
    return []


def _parse_at(call: str, text: str) -> list[ExceptionInfo]:
    """Three families print `at`; what stands behind it in the first such line tells which it was."""
    if _JAVA.match(call):
        return java.parse(text)
    if ":line " in call or _is_dotnet(call):
        return dotnet.parse(text)
    return javascript.parse_v8(text)


def _is_dotnet(call: str) -> bool:
    """`A.B.C(String d)`: parameters stand directly behind the name, and no place does."""
    name, parenthesis, rest = call.partition("(")
    return bool(parenthesis) and not name.endswith(" ") and not rest.rstrip(")")[-1:].isdecimal()

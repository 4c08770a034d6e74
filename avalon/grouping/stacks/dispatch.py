"""Which language printed a stack, by a look at the signs that only its stacks have.

A text that no parser knows gives no exception: the report is then grouped by its message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from avalon.grouping.stacks import dotnet, golang, java, javascript, php, python, ruby, rust
from avalon.reports import ExceptionInfo

# Most stacks show what they are in their first lines, but a long message may stand before the first frame.
_BEGINNING: Final = 800
_LOOKED_AT: Final = 16_384
_AT: Final = re.compile(r"(?:^|\n)[ \t]*+at ([^\n]++)")
_JAVA: Final = re.compile(
    r"[^()]*+\((?:[\w$-]++\.(?:java|kt|scala|groovy|clj)\b|Native Method|Unknown Source|SourceFile)"
)
_GECKO: Final = re.compile(r"(?:^|\n)[^\n@]{0,200}+@[^\n]*?:\d++(?::\d++)?(?:\n|$)")


def parse_stack(text: str) -> list[ExceptionInfo]:
    """The exceptions of a printed stack, innermost last, as a report has them; [] for what is none."""
    parse = _parser_for(text[:_BEGINNING]) or _parser_for(text)
    return parse(text) if parse else []


def _parser_for(text: str) -> Callable[[str], list[ExceptionInfo]] | None:
    if 'File "' in text and ", line " in text:
        return python.parse
    if _is_rust(text):
        return rust.parse
    if "goroutine " in text or ".go:" in text:
        return golang.parse
    if "#0 " in text or "#1 " in text:
        return php.parse
    if ":in '" in text or ":in `" in text:
        return ruby.parse
    beginning = text[:_LOOKED_AT]
    if at := _AT.search(beginning):
        return _parser_at(at[1])
    if "@" in beginning and _GECKO.search(beginning):
        return javascript.parse_gecko
    return None


def _is_rust(text: str) -> bool:
    if "panicked at " in text and rust.PANICKED.search(text):
        return True
    return ".rs:" in text and rust.BACKTRACE.search(text) is not None


def _parser_at(call: str) -> Callable[[str], list[ExceptionInfo]]:
    """Three families print `at`; what stands behind it in the first such line tells which it was."""
    if _JAVA.match(call):
        return java.parse
    if ":line " in call or _is_dotnet(call):
        return dotnet.parse
    return javascript.parse_v8


def _is_dotnet(call: str) -> bool:
    """`A.B.C(String d)`: parameters stand directly behind the name, and no place does."""
    name, parenthesis, rest = call.partition("(")
    return bool(parenthesis) and not name.endswith(" ") and not rest.rstrip(")")[-1:].isdecimal()

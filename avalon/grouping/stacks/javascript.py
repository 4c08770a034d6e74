"""JavaScript's stacks: V8 (Node, Chrome, Edge), and the common form of Firefox and Safari."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, make_exception, make_frames
from avalon.reports import ExceptionInfo, Frame

# Node prints causes and an AggregateError's members into its braces.
_PRINTED: Final = re.compile(r"\[cause\]: |\[errors\]: \[\s*+")
# Clients join stacks; VError writes the words small, nested-error-stacks writes both large.
_JOINED: Final = re.compile(r"\n[ \t]*+(?i:caused by): ")
_JOINED_ERROR: Final = re.compile(_JOINED.pattern + r"(?=[\w.$]*(?:Error|Exception)\b)")
_UNTOLD: Final = "[object Object]"
_PLACE: Final = r"(?:([^\n]*):(\d{1,9}):(\d{1,9})|([^\n]++))"
_V8_FRAME: Final = re.compile(r"\n[ \t]*+at (async )?+" + _PLACE)
_GECKO_FRAME: Final = re.compile(r"\n([^\n@]{0,512}+)@" + _PLACE)
_Found = tuple[str, str, str, str, str]  # what stands in front, then the place's parts


def parse_v8(text: str) -> list[ExceptionInfo]:
    """The error and its causes, the innermost last."""
    parsed = _parse(text, _V8_FRAME, _v8_frame)
    # Prose has lines that begin with `at`, too, but no place in them.
    return parsed if any(frame.lineno for one in parsed for frame in one.frames) else []


def parse_gecko(text: str) -> list[ExceptionInfo]:
    """The same of Firefox and Safari, which print frames only; but clients write the error above them."""
    return _parse(text, _GECKO_FRAME, _gecko_frame)


def _parse(text: str, pattern: re.Pattern[str], make: Callable[[_Found], Frame]) -> list[ExceptionInfo]:
    sections: list[str] = []
    for printed in _PRINTED.split(text, MAX_EXCEPTIONS):
        sections += _split_joined("\n" + printed, pattern)
    told = [section for section in sections if section.strip() != _UNTOLD]
    return [_parse_one("\n" + section, pattern, make) for section in told[:MAX_EXCEPTIONS]]


def _split_joined(text: str, pattern: re.Pattern[str]) -> list[str]:
    """At each `Caused by: `; above all frames that may be the message's own, unless an error follows."""
    first = pattern.search(text)
    at = first.start() if first else len(text)
    *outer, header = _JOINED_ERROR.split(text[:at], MAX_EXCEPTIONS)
    frames, *causes = _JOINED.split(text[at:], MAX_EXCEPTIONS)
    return [*outer, header + frames, *causes]


def _parse_one(text: str, pattern: re.Pattern[str], make: Callable[[_Found], Frame]) -> ExceptionInfo:
    first = pattern.search(text)
    header = text[: first.start()] if first else text
    return make_exception(_without_uncaught(header), make_frames(pattern.findall(text), make))


def _without_uncaught(header: str) -> str:
    """Browsers and consoles say `Uncaught (in promise)` before the type; Node prints the source above it."""
    header = header.strip().removeprefix("Uncaught ").removeprefix("(in promise) ")
    _, pointer, below = header.rpartition("^\n\n")
    return below if pointer else header


def _v8_frame(found: _Found) -> Frame:
    _, place, line, column, other = found
    if not line:  # `Array.map (<anonymous>)`, `Promise.all (index 0)`
        function, _, file = other.rstrip(" {)\r").partition(" (")
        return Frame(function=function, filename="<native>")
    function, parenthesis, file = place.partition(" (")
    if not parenthesis:
        function, file = "", place
    elif file.startswith("eval at "):
        return Frame(function=function, filename="<eval>")
    return Frame(function=function, filename=file, lineno=int(line), colno=int(column))


def _gecko_frame(found: _Found) -> Frame:
    function, place, line, column, other = found
    function = function.rstrip("/<")
    if not line:  # `map@[native code]`
        return Frame(function=function, filename=other.rstrip())
    # Firefox: `file line 12 > eval:1:1`.
    return Frame(
        function=function, filename=place.partition(" line ")[0], lineno=int(line), colno=int(column)
    )

"""JavaScript's stacks: V8 (Node, Chrome, Edge), and the common form of Firefox and Safari."""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, make_exception, make_frames
from avalon.reports import ExceptionInfo, Frame

_CAUSE: Final = "[cause]: "
_PLACE: Final = r"(?:([^\n]*):(\d{1,9}):(\d{1,9})|([^\n]++))"
_V8_FRAME: Final = re.compile(r"\n[ \t]*+at (?:async )?+" + _PLACE)
_GECKO_FRAME: Final = re.compile(r"\n([^\n@]{0,512}+)@" + _PLACE)


def parse_v8(text: str) -> list[ExceptionInfo]:
    """The error, and the causes that Node prints into its braces."""
    sections = text.split(_CAUSE, MAX_EXCEPTIONS)[:MAX_EXCEPTIONS] if _CAUSE in text else [text]
    parsed = [_parse_one(section) for section in sections]
    # Prose has lines that begin with `at`, too, but no place in them.
    return parsed if any(frame.lineno for one in parsed for frame in one.frames) else []


def _parse_one(text: str) -> ExceptionInfo:
    text = "\n" + text
    first = _V8_FRAME.search(text)
    header = text[: first.start()] if first else text
    return make_exception(_without_uncaught(header), make_frames(_V8_FRAME.findall(text), _v8_frame))


def _without_uncaught(header: str) -> str:
    """Browsers and consoles say `Uncaught (in promise)` before the type; Node prints the source above it."""
    header = header.strip().removeprefix("Uncaught ").removeprefix("(in promise) ")
    _, pointer, below = header.rpartition("^\n\n")
    return below if pointer else header


def _v8_frame(found: tuple[str, str, str, str]) -> Frame:
    place, line, column, other = found
    if not line:  # `Array.map (<anonymous>)`, `Promise.all (index 0)`
        function, _, file = other.rstrip(" {)\r").partition(" (")
        return Frame(function=function, filename="<native>")
    function, parenthesis, file = place.partition(" (")
    if not parenthesis:
        function, file = "", place
    elif file.startswith("eval at "):
        return Frame(function=function, filename="<eval>")
    return Frame(function=function, filename=file, lineno=int(line), colno=int(column))


def parse_gecko(text: str) -> list[ExceptionInfo]:
    """Firefox and Safari print frames only, but clients write the error above them."""
    text = "\n" + text
    found = _GECKO_FRAME.findall(text)
    first = _GECKO_FRAME.search(text)
    header = text[: first.start()] if first else ""
    return [make_exception(_without_uncaught(header), make_frames(found, _gecko_frame))]


def _gecko_frame(found: tuple[str, str, str, str, str]) -> Frame:
    function, place, line, column, other = found
    function = function.rstrip("/<")
    if not line:  # `map@[native code]`
        return Frame(function=function, filename=other.rstrip())
    # Firefox: `file line 12 > eval:1:1`.
    return Frame(
        function=function, filename=place.partition(" line ")[0], lineno=int(line), colno=int(column)
    )

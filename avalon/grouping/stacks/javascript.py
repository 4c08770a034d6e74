"""JavaScript's stacks: V8 (Node, Chrome, Edge), and the common form of Firefox and Safari."""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, make_exception, make_frames, split_place
from avalon.reports import ExceptionInfo, Frame

_CAUSE: Final = "[cause]: "
_V8_FRAME: Final = re.compile(r"\n[ \t]*+at (?:async )?+([^\n]++)")
_GECKO_FRAME: Final = re.compile(r"\n([^\n@]{0,512}+)@([^\n]++)")


def parse_v8(text: str) -> list[ExceptionInfo]:
    """The error, and the causes that Node prints into its braces."""
    sections = text.split(_CAUSE, MAX_EXCEPTIONS)[:MAX_EXCEPTIONS] if _CAUSE in text else [text]
    return [_parse_one(section) for section in sections]


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


def _v8_frame(call: str) -> Frame:
    call = call.rstrip(" {\r")
    if call[-1:] == ")":
        function, _, place = call[:-1].partition(" (")
    else:
        function, place = "", call
    file, line, column = split_place(place)
    if file.startswith("eval at "):
        file, line, column = "<eval>", None, None
    return Frame(function=function, filename=file, lineno=line, colno=column)


def parse_gecko(text: str) -> list[ExceptionInfo]:
    """Firefox and Safari print frames only, but clients write the error above them."""
    text = "\n" + text
    found = _GECKO_FRAME.findall(text)
    first = _GECKO_FRAME.search(text)
    header = text[: first.start()] if first else ""
    return [make_exception(_without_uncaught(header), make_frames(found, _gecko_frame))]


def _gecko_frame(found: tuple[str, str]) -> Frame:
    function, place = found
    # Firefox: `file line 12 > eval:1:1`.
    file, line, column = split_place(place.partition(" line ")[0] if " > eval" in place else place)
    return Frame(function=function.rstrip("/<"), filename=file, lineno=line, colno=column)

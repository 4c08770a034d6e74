"""Rust's panics: the place and the message on top, below them the backtrace, if one was asked for.

Since 1.73 the message stands on the lines below the place; before, it stood in quotes before it. A backtrace
may come alone, too, as an error type keeps it.
"""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.names import without_arguments
from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, line_number, make_frames
from avalon.reports import ExceptionInfo, Frame
from avalon.reports.limits import MAX_TEXT

PANICKED: Final = re.compile(r"(?:^|\n)thread '[^\n]*' (?:\(\d++\) )?+panicked at ")
BACKTRACE: Final = re.compile(r"(?:^|\n)[ \t]*+\d++: [^\n]++\n[ \t]++at [^\n]*\.rs:\d")
# Below it stands the backtrace, or how to get one.
_BELOW: Final = re.compile(r"\n(?:stack backtrace:|note: )")
# The call's line, and the place's below it; a full backtrace has addresses.
_FRAME: Final = re.compile(r"\n[ \t]*+\d++: [ \t]*+(?:0x[0-9a-f]++ - )?+([^\n]++)(?:\n[ \t]++at ([^\n]++))?+")
# What a compiler puts behind names: hashes of two kinds, closures.
_GENERATED: Final = re.compile(r"::h[0-9a-f]{16}$|\[[0-9a-f]{8,16}\]|::\{\{closure\}\}|::\{[a-z_]++#\d++\}")
_REFERENCE: Final = re.compile(r"[<&*]*+(?:(?:mut|const|dyn|impl) )*+")


def parse(text: str) -> list[ExceptionInfo]:
    """One exception per panic, the first one last: the next ones are of who joined its thread."""
    above, *panics = PANICKED.split(text, MAX_EXCEPTIONS)
    if not panics:
        frames = _frames(above)
        return [ExceptionInfo(frames=frames)] if frames else []
    return [_parse_one(panic) for panic in reversed(panics[:MAX_EXCEPTIONS])]


def _parse_one(text: str) -> ExceptionInfo:
    below = _BELOW.search(text)
    said = text[: below.start()] if below else text
    if said[:1] == "'":
        value, _, place = said[1:].rpartition("', ")
    else:
        place, _, value = said.partition("\n")
    frames = _frames(text[below.start() :]) if below else []
    return ExceptionInfo(
        type="panic",
        value=value.strip()[: MAX_TEXT["message"]],
        frames=frames or [_at(place.strip().removesuffix(":"))],
    )


def _frames(text: str) -> list[Frame]:
    found = [one for one in _FRAME.findall("\n" + text) if one[0] != "<unknown>"]
    return make_frames(found, _frame)


def _frame(found: tuple[str, str]) -> Frame:
    name, place = found
    plain = without_arguments(_GENERATED.sub("", name.rstrip()).replace("::<", "<"))
    module, _, function = plain.rpartition("::")
    if module[:1] == "<":  # `<shop::Cart as core::fmt::Display>::fmt`
        module = _REFERENCE.sub("", module, 1).partition(" as ")[0].rstrip(">")
    return _at(place, module, function)


def _at(place: str, module: str = "", function: str = "") -> Frame:
    """The frame at `src/main.rs:4:5`; older compilers print no column."""
    rest, _, last = place.rstrip().rpartition(":")
    file, _, line = rest.rpartition(":")
    lineno, colno = line_number(line), line_number(last)
    if lineno is None:
        file, lineno, colno = (rest, colno, None) if colno is not None else (place, None, None)
    return Frame(module=module, function=function, filename=file, lineno=lineno, colno=colno)

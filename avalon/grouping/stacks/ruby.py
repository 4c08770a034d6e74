"""Ruby's backtraces: `file:line:in 'call'`, the message behind the first; causes follow in the same form."""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, line_number, make_frames
from avalon.reports import ExceptionInfo, Frame
from avalon.reports.limits import MAX_TEXT

_FRAME: Final = re.compile(
    r"\n[ \t]*+(?:\d++: )?+(?:from )?+((?:[A-Za-z]:)?+[^\n:]++):(\d++):in [`']([^\n]++)"
)
_TYPE: Final = re.compile(r"([^\n]*) \(([A-Z][\w:]*+)\)$")
Found = tuple[str, str, str]


def parse(text: str) -> list[ExceptionInfo]:
    """The exceptions; a backtrace without a message is one without a type."""
    exceptions: list[ExceptionInfo] = []
    own: list[Found] = []
    message = ""
    for found in _FRAME.findall("\n" + text):
        call, said, behind = found[2].partition("': ")
        if said and own and len(exceptions) < MAX_EXCEPTIONS - 1:
            exceptions.append(_exception(message, own))
            own = []
        if said:
            message = behind
        own.append((found[0], found[1], call))
    if own:
        exceptions.append(_exception(message, own))
    return exceptions


def _exception(message: str, found: list[Found]) -> ExceptionInfo:
    frames = make_frames(found, _frame)
    message = message[: MAX_TEXT["message"]]
    if match := _TYPE.fullmatch(message):
        return ExceptionInfo(type=match[2], value=match[1], frames=frames)
    return ExceptionInfo(value=message, frames=frames)


def _frame(found: Found) -> Frame:
    file, line, call = found
    return Frame(function=call.rstrip("'"), filename=file, lineno=line_number(line))

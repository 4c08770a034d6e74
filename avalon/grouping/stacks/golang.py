"""Go's panics and the stacks of its error packages: the panicking goroutine stands first."""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, line_number, make_frames
from avalon.reports import ExceptionInfo, Frame
from avalon.reports.limits import MAX_TEXT

# The call's line, and the place's below it.
_FRAME: Final = re.compile(r"\n([^\s][^\n]*+)\n[ \t]++([^\n]++)")
_PANIC: Final = re.compile(r"\n\t?panic: ([^\n]*+)")


def parse(text: str) -> list[ExceptionInfo]:
    """One exception per panic, the first panic last; the frames are the last one's."""
    start = text.find("goroutine ")
    panics = _PANIC.findall("\n" + text[:start])[:MAX_EXCEPTIONS] if start > 0 else []
    found = _FRAME.findall(_first_goroutine(text, start))
    frames = make_frames([one for one in found if ".go:" in one[1]], _frame)
    if not panics:
        return [ExceptionInfo(frames=frames)] if frames else []
    exceptions = [_exception(message, []) for message in reversed(panics)]
    return [_exception(panics[-1], _before_panic(frames)), *exceptions[1:]]


def _first_goroutine(text: str, start: int) -> str:
    if start < 0:
        return "\n" + text
    end = text.find("\n\ngoroutine ", start)
    return text[start : end if end >= 0 else len(text)]


def _before_panic(frames: list[Frame]) -> list[Frame]:
    """Without what ran after the panic: deferred calls and the runtime's own."""
    for index, frame in enumerate(frames):
        if frame.function == "panic" and not frame.module:
            return frames[:index]
    return frames


def _exception(message: str, frames: list[Frame]) -> ExceptionInfo:
    value = _without_recovered(message[: MAX_TEXT["message"]])
    runtime, colon, rest = value.partition("runtime error: ")
    if colon and not runtime:
        return ExceptionInfo(type="runtime error", value=rest, frames=frames)
    return ExceptionInfo(type="panic", value=value, frames=frames)


def _without_recovered(message: str) -> str:
    """Without ` [recovered]`, or ` [recovered, repanicked]`, which says nothing of the mistake."""
    before, mark, behind = message.rpartition(" [recovered")
    return before if mark and behind.find("]") == len(behind) - 1 else message


def _frame(found: tuple[str, str]) -> Frame:
    name, place = found
    if name[-1] == ")":
        name = name[: name.rfind("(")]
    elif name.startswith("created by "):
        name = name.removeprefix("created by ").partition(" in goroutine ")[0]
    folder, slash, own = name.rpartition("/")
    package, _, function = own.partition(".")
    file, _, line = place.partition(" +0x")[0].rpartition(":")
    return Frame(
        function=function or package,
        module=f"{folder}{slash}{package}" if function else "",
        filename=file,
        lineno=line_number(line),
    )

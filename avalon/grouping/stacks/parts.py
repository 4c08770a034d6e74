"""What the parsers share: how much is kept, and how a printed type is cut into its parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from avalon.reports import ExceptionInfo, Frame
from avalon.reports.limits import MAX_ENTRIES, MAX_TEXT

T = TypeVar("T")

MAX_EXCEPTIONS: Final = MAX_ENTRIES["exceptions"]
_HALF: Final = MAX_ENTRIES["frames"] // 2
# `module.Type: message`; a type has no blank in it, but Node and .NET may put a code behind it.
_HEADER: Final = re.compile(
    r"([\w.$\\/+`\[\],<>]{1,256}+)(?: [\[(]\w{1,64}[\])])?+(?:: ?([^\0]*+))?+", re.ASCII
)


def ends(entries: Sequence[T]) -> Sequence[T]:
    """The first and the last half of what a report keeps."""
    if len(entries) <= 2 * _HALF:
        return entries
    return [*entries[:_HALF], *entries[-_HALF:]]


def make_frames(found: Sequence[T], make: Callable[[T], Frame]) -> list[Frame]:
    """The frames of what was found, innermost first as most languages print it, in the report's order."""
    return [make(one) for one in ends(found)][::-1]


def make_exception(header: str, frames: list[Frame]) -> ExceptionInfo:
    """The exception of a printed `module.Type: message`; the type stays empty where none is printed."""
    match = _HEADER.fullmatch(header.strip()[: MAX_TEXT["message"]])
    if match is None:
        return ExceptionInfo(value=header.strip()[: MAX_TEXT["message"]], frames=frames)
    module, type = split_name(match[1])
    return ExceptionInfo(type=type, module=module, value=(match[2] or "").rstrip(), frames=frames)


def split_name(name: str) -> tuple[str, str]:
    """`java.io.IOException` is `IOException` of `java.io`; PHP's names have backslashes."""
    module, _, own = name.rpartition("\\" if "\\" in name else ".")
    return module, own


def line_number(digits: str) -> int | None:
    return int(digits) if 0 < len(digits) < 10 and digits.isdecimal() else None

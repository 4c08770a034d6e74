"""PHP's stacks: `#0 file(line): call()` says where a call was made, so its function is the line above's.

The exception that was raised first stands on top, the next ones behind `Next`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, line_number, make_exception, make_frames
from avalon.reports import ExceptionInfo, Frame

_CALL: Final = re.compile(r"\n#\d++ (?:\[internal function\]|([^\n(]++)\((\d++)\))?+(?:: )?+([^\n]*+)")
_NEXT: Final = re.compile(r"\n\nNext ")
_PREFIX: Final = re.compile(r"(?:PHP )?+(?:Fatal error: ++)?+(?:Uncaught )?+")


def parse(text: str) -> list[ExceptionInfo]:
    """The exceptions, each with its place as the innermost frame."""
    sections = _NEXT.split(text, MAX_EXCEPTIONS)[:MAX_EXCEPTIONS]
    parsed = [_parse_one("\n" + section) for section in reversed(sections)]
    return [one for one in parsed if one is not None]


def _parse_one(text: str) -> ExceptionInfo | None:
    calls = _CALL.findall(text)
    if not calls:
        return None
    above = text[: text.find("\n#")].strip().removesuffix("Stack trace:").rstrip()
    header, _, place = above[_PREFIX.match(above).end() :].rpartition(" in ")  # type: ignore[union-attr]
    if not header:
        header, place = place, ""
    file, _, line = place.rpartition(":")
    # The place of each line with the function of the line above it.
    shifted = pairwise([(file, line, ""), *calls])
    frames = make_frames([(file, line, call) for (file, line, _), (_, _, call) in shifted], _frame)
    return make_exception(header, frames)


def _frame(found: tuple[str, str, str]) -> Frame:
    file, line, call = found
    return Frame(function=call.partition("(")[0].strip(), filename=file, lineno=line_number(line))

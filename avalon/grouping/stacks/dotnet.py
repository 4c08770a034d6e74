""".NET's stacks: all types stand on top, outermost first, the innermost's frames first below them."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final

from avalon.grouping.stacks.parts import (
    MAX_EXCEPTIONS,
    line_number,
    make_exception,
    make_frames,
)
from avalon.reports import ExceptionInfo, Frame

_FRAME: Final = re.compile(r"\n[ \t]*+at ([^\n(]{1,1024}+)(?:\([^\n)]*+\))?+(?: in ([^\n]++))?+")
_END_OF_INNER: Final = "--- End of inner exception stack trace ---"
# The blanks before it stay with the header above, which is stripped: sought here, each of a run of blanks
# would be tried as the first.
_ARROW: Final = re.compile(r"---> (?:\(Inner Exception #0\) )?+")


def parse(text: str) -> list[ExceptionInfo]:
    """The exceptions; where an await went on (`--- End of stack trace from previous …`) frames just go on."""
    text = "\n" + text.partition("<---")[0]
    first = _FRAME.search(text)
    above = text[: first.start()] if first else text
    headers = _ARROW.split(above.strip().removeprefix("Unhandled exception. "), MAX_EXCEPTIONS)
    parts = text.split(_END_OF_INNER, MAX_EXCEPTIONS)
    frames = [make_frames(_FRAME.findall(part), _frame) for part in parts]
    pairs = zip_longest(reversed(headers), frames[: len(headers)], fillvalue=None)
    return [make_exception(header or "", own or []) for header, own in pairs][::-1]


def _frame(found: tuple[str, str]) -> Frame:
    name, place = found
    method = name.strip()
    if method.endswith(".MoveNext"):
        # `Shop.Cart.<TotalAsync>d__12.MoveNext` is the state machine of one method.
        method = method.removesuffix(".MoveNext")
    module, _, function = method.rpartition(".")
    if not place:
        return Frame(function=function, module=module)
    file, _, line = place.rpartition(":line ")
    return Frame(function=function, module=module, filename=file or place, lineno=line_number(line.rstrip()))

"""The JVM's stacks (Java, Kotlin, Scala): causes follow, what was suppressed is left out."""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, make_exception, make_frames
from avalon.reports import ExceptionInfo, Frame

_FRAME: Final = re.compile(r"\n[ \t]*+at ([^\n(]{1,1024}+)\(([^\n)]*+)\)")
# `java.base/java.util.ArrayList.get`, `app//com.acme.Cart.total`: class loader and module stand in front.
_LOADER: Final = re.compile(r"(?:[\w.@-]*+/){1,2}")
# A cause of something that was suppressed is indented as that is.
_SECTION: Final = re.compile(r"\n([ \t]*+)(Caused by|Suppressed): (?:\[CIRCULAR REFERENCE: ?)?+")
_THREAD: Final = re.compile(r'Exception in thread "[^"\n]*+" ')


def parse(text: str) -> list[ExceptionInfo]:
    """The exceptions, each with its own frames; those that `... 23 more` stands for are the enclosing's."""
    pieces = _SECTION.split(text, maxsplit=4 * MAX_EXCEPTIONS)
    sections = [pieces[0]]
    for indent, kind, section in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        if not indent and kind == "Caused by":
            sections.append(section)
    return [_parse_one(section) for section in sections[-MAX_EXCEPTIONS:]]


def _parse_one(text: str) -> ExceptionInfo:
    text = "\n" + text
    first = _FRAME.search(text)
    header = (text[: first.start()] if first else text).strip()
    if thread := _THREAD.match(header):
        header = header[thread.end() :]
    return make_exception(header, make_frames(_FRAME.findall(text), _frame))


def _frame(found: tuple[str, str]) -> Frame:
    name, place = found
    if "/" in name and (loader := _LOADER.match(name)):
        name = name[loader.end() :]
    module, _, function = name.rpartition(".")
    file, _, line = place.partition(":")
    if "." not in file:  # Native Method, Unknown Source
        return Frame(function=function, module=module)
    lineno = int(line) if line.isdecimal() and len(line) < 10 else None
    return Frame(function=function, module=module, filename=file, lineno=lineno)

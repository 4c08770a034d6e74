"""Which frames of a report can be looked up, by what, and how they read once they were. Pure.

A frame is found by the debug id that its client says of the script, or else by release, distribution and
address: `https://shop.example/static/js/app.js` is the uploaded `~/static/js/app.js`, and where there is none
such `~/js/app.js` or `~/app.js`, unless a library's path says that it is somebody else's `app.js`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import unquote
from uuid import UUID

import msgspec
from msgspec.structs import replace

from avalon.grouping.in_app import is_library
from avalon.grouping.stacks import parse_stack
from avalon.reports import MAX_TEXT, Cleaner, ExceptionInfo, Frame, Report
from avalon.source_maps.bundles import read_debug_id
from avalon.source_maps.wire import Origin

# Looked up of one report, from the innermost frame of each exception on.
MAX_FRAMES: Final = 128
_MAX_FOLDERS: Final = 12

_SCRIPT: Final = re.compile(
    r"\.(?:[cm]?js|bundle|jsbundle|hbc)(?:$|[?#])|^(?:https?|app|file|webpack-internal):"
)
# Whatever stands there, also what was scrubbed: `http://[ip]/app.js`.
_HOST: Final = re.compile(r"^[a-zA-Z][\w+.-]*://[^/]*")
_NAMELESS: Final = frozenset(("", "<anonymous>", "<unknown>", "anonymous"))
_UP: Final = re.compile(r"^(?:\.{1,2}/)+")
_BUNDLER: Final = re.compile(r"^webpack(?:-internal)?://[^/]*/")


At = tuple[int, int]


class Place(msgspec.Struct, frozen=True):
    """A frame that can be looked up: `at` is its exception's index and its own."""

    at: At
    line: int
    column: int
    path: str
    debug_id: UUID | None

    @property
    def name(self) -> str:
        """What its script is looked for by."""
        return str(self.debug_id) if self.debug_id else self.path

    @property
    def is_foreign(self) -> bool:
        """Whether nobody would upload a map for it: its path is a library's."""
        return self.debug_id is None and is_library("", self.path, "")


def exceptions_of(report: Report) -> list[ExceptionInfo]:
    """The report's exceptions; those of its stack, where that is a text and nothing else says more."""
    if not report.stack or any(one.frames for one in report.exceptions):
        return report.exceptions
    return parse_stack(report.stack) or report.exceptions


def places_of(exceptions: Sequence[ExceptionInfo], debug_ids: Mapping[str, str]) -> list[Place]:
    """Where to look, innermost first; empty for a report of another language."""
    found: list[Place] = []
    for index, exception in enumerate(exceptions):
        for number in range(len(exception.frames) - 1, -1, -1):
            frame = exception.frames[number]
            path = frame.abs_path or frame.filename
            # Firefox counts columns from 1 as well; 0 is what clients send that know none.
            if frame.lineno and frame.colno and _SCRIPT.search(path):
                id_ = read_debug_id(debug_ids.get(frame.abs_path) or debug_ids.get(frame.filename) or "")
                found.append(Place((index, number), frame.lineno, frame.colno, path, id_))
                if len(found) == MAX_FRAMES:
                    return found
    return found


def urls_of(path: str) -> list[str]:
    """What an upload may call the script at this path, the likeliest first."""
    plain = path.partition("?")[0].partition("#")[0]
    own = unquote(_HOST.sub("", plain)).replace("\\", "/")
    folders = [name for name in own.split("/") if name]
    if not folders:
        return []
    urls = [path, plain, f"~/{'/'.join(folders)}"]
    if not is_library("", path, ""):
        urls += [f"~/{'/'.join(folders[at:])}" for at in range(1, len(folders))][-_MAX_FOLDERS:]
    return list(dict.fromkeys(url for url in urls if "\0" not in url))


def cleaned(origin: Origin) -> Origin:
    """The origin as it may be stored and shown: a map may say anything, and sources hold secrets too."""
    cleaner = Cleaner()

    def line(text: str) -> str:
        return cleaner.text(text, MAX_TEXT["line"], "")

    return Origin(
        file=cleaner.text(origin.file, MAX_TEXT["file"], ""),
        line=origin.line,
        column=origin.column,
        function=cleaner.text(origin.function, MAX_TEXT["function"], ""),
        name=cleaner.text(origin.name, MAX_TEXT["function"], ""),
        context_line=None if origin.context_line is None else line(origin.context_line),
        pre_context=[line(text) for text in origin.pre_context],
        post_context=[line(text) for text in origin.post_context],
    )


def resolved(frame: Frame, origin: Origin, called: str) -> Frame:
    """The frame as it was written. `called`: what its caller's source calls it, where that is known."""
    file = plain_source(origin.file)
    return replace(
        frame,
        function=_function(frame, origin, called),
        module="",
        filename=file,
        abs_path=origin.file,
        lineno=origin.line,
        colno=origin.column,
        in_app=not is_library("", file, origin.file),
        context_line=origin.context_line,
        pre_context=list(origin.pre_context),
        post_context=list(origin.post_context),
    )


def _function(frame: Frame, origin: Origin, called: str) -> str:
    """With the script the name of the function around it is known, without it only what callers call it."""
    if origin.function not in _NAMELESS:
        return origin.function
    if origin.function == "<unknown>" and called:
        return called
    return "<anonymous>" if origin.function == "<anonymous>" else frame.function


def plain_source(file: str) -> str:
    """The source's path without what bundlers write before it: `webpack://shop/./src/cart.ts?a1b2`."""
    path = _BUNDLER.sub("", file)
    return _UP.sub("", path.partition("?")[0] if path != file else path) or file

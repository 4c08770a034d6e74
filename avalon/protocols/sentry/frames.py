"""A Sentry stack trace as our frames. Both name the innermost call last.

A native frame without a symbol shows its library as the module, and keeps its address where no grouping
looks: it differs from one process to the next.
"""

from __future__ import annotations

from typing import Any, Final

from avalon.protocols.sentry.values import Object, as_flag, as_list, as_number, as_object, as_text
from avalon.reports import MAX_ENTRIES, Frame

_KEPT: Final = MAX_ENTRIES["frames"]
_NOT_READ: Final = Frame()


def read_frames(stacktrace: Any) -> list[Frame]:
    """The frames of `{"frames": […]}` or of a bare list; what says nothing at all is left out."""
    frames = as_list(stacktrace.get("frames") if type(stacktrace) is dict else stacktrace)
    if type(frames) is not list:
        return []
    told = [frame for frame in frames if type(frame) is dict and frame]
    if len(told) <= 2 * _KEPT:
        return [_read_frame(frame) for frame in told]
    # The bounds cut the middle and say how many frames there were: it needs no reading, but a place.
    first, last = told[:_KEPT], told[-_KEPT:]
    not_read = [_NOT_READ] * (len(told) - 2 * _KEPT)
    return [*map(_read_frame, first), *not_read, *map(_read_frame, last)]


def _read_frame(frame: Object) -> Frame:
    get = frame.get
    function = get("function") or get("raw_function") or get("symbol")
    module = get("module") or get("package")
    filename = get("filename")
    abs_path = get("abs_path")
    line = get("context_line")
    return Frame(
        function=function if type(function) is str else as_text(function),
        module=module if type(module) is str else as_text(module),
        filename=filename if type(filename) is str else as_text(filename),
        abs_path=abs_path if type(abs_path) is str else as_text(abs_path),
        lineno=as_number(get("lineno")),
        colno=as_number(get("colno")),
        in_app=as_flag(get("in_app")),
        context_line=line if type(line) is str else None,
        pre_context=_lines(get("pre_context")),
        post_context=_lines(get("post_context")),
        vars=_variables(frame, bool(function)),
    )


def _lines(lines: Any) -> list[str]:
    return [line if type(line) is str else as_text(line) for line in lines] if type(lines) is list else []


def _variables(frame: Object, has_symbol: bool) -> Object:
    variables = frame.get("vars")
    if type(variables) is list:
        variables = {str(place): value for place, value in enumerate(variables)}
    address = frame.get("instruction_addr")
    if address is None or has_symbol:
        return as_object(variables)
    return {**as_object(variables), "instruction_addr": address}

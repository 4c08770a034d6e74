"""A stored report as people read it: frames as they were written, each with the place that was reported."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from avalon.read_models.errors import ErrorDetail
from avalon.reports import ExceptionInfo, Report
from avalon.source_maps.places import exceptions_of
from avalon.source_maps.resolver import Resolution, Resolver

# Who reads would rather see the report as it is than wait any longer.
MAX_WAIT_S: Final = 8.0
_RAW: Final = ("function", "module", "filename", "abs_path", "lineno", "colno", "in_app", "context_line")


async def read_by_maps(resolver: Resolver, detail: ErrorDetail) -> ErrorDetail:
    """The report with what is known of its frames; the same one where nothing is.

    A frame that was found has `resolved`, and `raw` for what was reported. One that could have been says in
    `source_map` why it was not.
    """
    try:
        report = _report(detail)
        async with asyncio.timeout(MAX_WAIT_S):
            resolution = await resolver.resolve(detail.service, detail.release, report)
    except (msgspec.ValidationError, TimeoutError):
        return detail
    if resolution is not None and (resolution.resolved or detail.exceptions):
        detail.exceptions = _exceptions(report, detail.exceptions, resolution)
    return detail


def _report(detail: ErrorDetail) -> Report:
    fields = {
        "message": detail.message or "",
        "exceptions": detail.exceptions,
        "stack": detail.stack,
        "tags": detail.tags,
        "source_maps": detail.source_maps,
    }
    return msgspec.convert(fields, Report)


def _exceptions(report: Report, stored: list[Any], resolution: Resolution) -> list[Any]:
    raws = exceptions_of(report)
    if raws is not report.exceptions and not resolution.resolved:
        return stored  # a stack as text reads better than its parts
    return [
        _exception(index, raw, found, resolution)
        for index, (raw, found) in enumerate(zip(raws, resolution.exceptions, strict=True))
    ]


def _exception(
    index: int, raw: ExceptionInfo, found: ExceptionInfo, resolution: Resolution
) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.to_builtins(found)
    for number, frame in enumerate(shown.get("frames", [])):
        at = (index, number)
        if at in resolution.resolved:
            was = msgspec.to_builtins(raw.frames[number])
            frame["resolved"] = True
            frame["raw"] = {name: was[name] for name in _RAW if name in was}
        elif at in resolution.missing:
            frame["source_map"] = resolution.missing[at]
    return shown

"""Takes a report as a protocol translated it and makes the one that is stored."""

from __future__ import annotations

from typing import Any

from avalon.reports.canonical import ExceptionInfo, Frame, Report, Sdk
from avalon.reports.cleaning import Cleaner
from avalon.reports.limits import MAX_ENTRIES, MAX_TEXT
from avalon.reports.scrubbing import FILTERED


def bound_and_scrub(report: Report, source: bytes | None = None) -> Report:
    """The report as it may be stored and broadcast; see `clean_report`."""
    return clean_report(report, Cleaner(source))


def clean_report(report: Report, cleaner: Cleaner) -> Report:
    """The report bounded, repaired and scrubbed, with `truncated` naming all that this cleaner cut."""
    text = cleaner.text
    return Report(
        message=text(report.message, MAX_TEXT["message"], "message"),
        message_template=text(report.message_template, MAX_TEXT["message"], "message_template"),
        exceptions=_exceptions(report.exceptions, cleaner) if report.exceptions else [],
        stack=text(report.stack, MAX_TEXT["stack"], "stack"),
        path=text(report.path, MAX_TEXT["path"], "path"),
        method=text(report.method, MAX_TEXT["method"], "method"),
        request=cleaner.free_form(report.request, "request"),
        metadata=cleaner.free_form(report.metadata, "metadata"),
        tags=_tags(report.tags, cleaner) if report.tags else {},
        user=_user(report.user, cleaner) if report.user else {},
        breadcrumbs=_breadcrumbs(report.breadcrumbs, cleaner) if report.breadcrumbs else [],
        contexts=cleaner.free_form(report.contexts, "contexts"),
        sdk=_sdk(report.sdk, cleaner) if report.sdk else None,
        platform=text(report.platform, MAX_TEXT["platform"], "platform"),
        server_name=text(report.server_name, MAX_TEXT["server_name"], "server_name"),
        transaction=text(report.transaction, MAX_TEXT["transaction"], "transaction"),
        fingerprint=_fingerprint(report.fingerprint, cleaner) if report.fingerprint else [],
        source_maps=_source_maps(report.source_maps, cleaner) if report.source_maps else {},
        grouping=report.grouping,
        truncated=cleaner.cut,
    )


def _tags(tags: dict[str, str], cleaner: Cleaner) -> dict[str, str]:
    limit = MAX_TEXT["tag"]
    cleaned: dict[str, str] = {}
    for key, value in cleaner.first(list(tags.items()), MAX_ENTRIES["tags"], "tags"):
        name = cleaner.text(key, limit, "tags.*")
        cleaned[name] = FILTERED if cleaner.is_secret(key) else cleaner.text(value, limit, f"tags.{name}")
    return cleaned


def _user(user: dict[str, Any], cleaner: Cleaner) -> dict[str, Any]:
    """Addresses are filtered wherever they stand by accident; here a client says on purpose who was hit."""
    cleaned = cleaner.free_form(user, "user", MAX_TEXT["user"])
    if not cleaner.keeps_addresses:
        cleaned.pop("ip_address", None)
    elif "ip_address" in user:
        cleaned["ip_address"] = cleaner.tree(user["ip_address"], MAX_TEXT["user"], "user.ip_address")
    return cleaned


def _fingerprint(parts: list[str], cleaner: Cleaner) -> list[str]:
    parts = cleaner.first(parts, MAX_ENTRIES["fingerprint"], "fingerprint")
    return [cleaner.text(part, MAX_TEXT["fingerprint"], "fingerprint[]") for part in parts]


def _source_maps(debug_ids: dict[str, str], cleaner: Cleaner) -> dict[str, str]:
    """Paths are cleaned as those of frames are, so that they stay the same."""
    kept = cleaner.first(list(debug_ids.items()), MAX_ENTRIES["source_maps"], "source_maps")
    text = cleaner.text
    return {
        text(path, MAX_TEXT["file"], "source_maps.*"): text(id_, MAX_TEXT["debug_id"], "source_maps")
        for path, id_ in kept
    }


def _breadcrumbs(breadcrumbs: list[dict[str, Any]], cleaner: Cleaner) -> list[dict[str, Any]]:
    kept = cleaner.last(breadcrumbs, MAX_ENTRIES["breadcrumbs"], "breadcrumbs")
    return [cleaner.free_form(crumb, "breadcrumbs[]", MAX_TEXT["local"]) for crumb in kept]


def _sdk(sdk: Sdk, cleaner: Cleaner) -> Sdk:
    limit = MAX_TEXT["sdk"]
    return Sdk(
        name=cleaner.text(sdk.name, limit, "sdk.name"),
        version=cleaner.text(sdk.version, limit, "sdk.version"),
    )


def _exceptions(exceptions: list[ExceptionInfo], cleaner: Cleaner) -> list[ExceptionInfo]:
    kept = cleaner.ends(exceptions, MAX_ENTRIES["exceptions"], "exceptions")
    return [_exception(exception, cleaner) for exception in kept]


def _exception(exception: ExceptionInfo, cleaner: Cleaner) -> ExceptionInfo:
    text = cleaner.text
    frames = cleaner.ends(exception.frames, MAX_ENTRIES["frames"], "exceptions[].frames")
    return ExceptionInfo(
        type=text(exception.type, MAX_TEXT["type"], "exceptions[].type"),
        value=text(exception.value, MAX_TEXT["message"], "exceptions[].value"),
        module=text(exception.module, MAX_TEXT["type"], "exceptions[].module"),
        handled=exception.handled,
        frames=[_frame(frame, cleaner) for frame in frames],
    )


def _frame(frame: Frame, cleaner: Cleaner) -> Frame:
    text, field = cleaner.text, "exceptions[].frames[]"
    variables = cleaner.free_form(frame.vars, f"{field}.vars", MAX_TEXT["local"])
    if cleaner.is_plain and variables is frame.vars and _is_bounded(frame):
        return frame
    line = frame.context_line
    return Frame(
        function=text(frame.function, MAX_TEXT["function"], f"{field}.function"),
        module=text(frame.module, MAX_TEXT["type"], f"{field}.module"),
        filename=text(frame.filename, MAX_TEXT["file"], f"{field}.filename"),
        abs_path=text(frame.abs_path, MAX_TEXT["file"], f"{field}.abs_path"),
        lineno=_line_number(frame.lineno),
        colno=_line_number(frame.colno),
        in_app=frame.in_app,
        context_line=None if line is None else text(line, MAX_TEXT["line"], f"{field}.context_line"),
        pre_context=cleaner.lines(
            frame.pre_context[-MAX_ENTRIES["context"] :], MAX_TEXT["line"], f"{field}.pre_context"
        ),
        post_context=cleaner.lines(
            frame.post_context[: MAX_ENTRIES["context"]], MAX_TEXT["line"], f"{field}.post_context"
        ),
        vars=variables,
    )


def _is_bounded(frame: Frame) -> bool:
    """Whether all of a frame but its variables is within its bounds."""
    before, after = frame.pre_context, frame.post_context
    return (
        len(frame.function) <= MAX_TEXT["function"]
        and len(frame.module) <= MAX_TEXT["type"]
        and len(frame.filename) <= MAX_TEXT["file"]
        and len(frame.abs_path) <= MAX_TEXT["file"]
        and _line_number(frame.lineno) is frame.lineno
        and _line_number(frame.colno) is frame.colno
        and max(len(before), len(after)) <= MAX_ENTRIES["context"]
        and max(map(len, (frame.context_line or "", *before, *after))) <= MAX_TEXT["line"]
    )


def _line_number(number: int | None) -> int | None:
    return number if number is not None and 0 <= number < 2**31 else None

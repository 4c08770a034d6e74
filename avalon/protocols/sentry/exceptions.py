"""Sentry's exceptions in our order.

Sentry's list begins with what was raised first (the cause) and ends with what reached the handler; ours ends
with the cause. The members of a group have no such order: there the first member's cause comes last.
A stack that stands apart (`stacktrace`, a thread, a template) is used where no exception has frames.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from avalon.protocols.sentry.frames import read_frames
from avalon.protocols.sentry.groups import first_members_last, is_group, mechanism_of, tree_of
from avalon.protocols.sentry.values import Object, as_flag, as_text, entries_of, objects_of
from avalon.reports import MAX_ENTRIES, ExceptionInfo, Frame

# Old SDKs have no `type`, and write it before the value.
_TYPE_AND_VALUE: Final = re.compile(r"([\w.]{0,200}(?:Error|Exception|Warning)): ?(.*)", re.ASCII | re.DOTALL)
# @sentry/react writes the stack of components as a cause of the error that they threw: it is where, not why.
_COMPONENTS: Final = "React ErrorBoundary "
_THREAD_FIELDS: Final = ("id", "name", "state", "crashed", "current", "main")
_MECHANISM_FIELDS: Final = ("type", "description", "help_link", "synthetic", "data", "meta")


def read_exceptions(event: Object) -> tuple[list[ExceptionInfo], str]:
    """The event's exceptions, and its stack where that is a text. Takes what it reads out of the event.

    What is known of the thread that failed, and of how the exception was caught, goes to the contexts;
    values that are no texts stay in the event.
    """
    take = event.pop
    raws = _raw_exceptions(take("exception", None))
    grouped = is_group(raws)
    ordered = first_members_last(raws) if grouped else raws[::-1]
    exceptions = [_read_exception(raw) for raw in ordered]
    exceptions = [one for one in exceptions if one.type or one.value or one.frames]
    if not grouped:
        exceptions.sort(key=lambda one: not one.type.startswith(_COMPONENTS))
    if grouped and len(raws) == len(exceptions) <= MAX_ENTRIES["exceptions"]:
        _note(event, "exception_group", tree_of(ordered), ("parents", "sources"))
    apart = take("stacktrace", None)
    thread = _failed_thread(objects_of(take("threads", None)), raws)
    _note(event, "thread", thread, _THREAD_FIELDS)
    _note(event, "mechanism", mechanism_of(raws[-1]) if raws else {}, _MECHANISM_FIELDS)
    if not any(one.frames for one in exceptions):
        frames = read_frames(apart) or read_frames(thread.get("stacktrace")) or _template(event)
        if frames:
            outermost = exceptions[0] if exceptions else ExceptionInfo()
            exceptions[:1] = [msgspec.structs.replace(outermost, frames=frames)]
    if odd := [value for raw in raws if type(value := raw.get("value")) in (dict, list) and value]:
        event["exception_values"] = odd
    texts = [text for raw in raws if type(text := raw.get("stacktrace")) is str]
    return exceptions, texts[-1] if texts else apart if type(apart) is str else ""


def _raw_exceptions(value: Any) -> list[Object]:
    raws = [{"value": entry} if type(entry) is str else entry for entry in entries_of(value)]
    return [raw for raw in raws if type(raw) is dict]


def _read_exception(raw: Object) -> ExceptionInfo:
    get = raw.get
    type_ = as_text(get("type"))
    value = as_text(get("value"))
    if value and not type_ and (match := _TYPE_AND_VALUE.fullmatch(value)):
        type_, value = match.groups()
    return ExceptionInfo(
        type=type_,
        value=value,
        module=as_text(get("module")),
        handled=as_flag(mechanism_of(raw).get("handled")),
        frames=read_frames(get("stacktrace")) or read_frames(get("raw_stacktrace")),
    )


def _failed_thread(threads: list[Object], raws: list[Object]) -> Object:
    """The thread of the last exception, or else the crashed, the current, or the only one."""
    named = [raw["thread_id"] for raw in raws if raw.get("thread_id") is not None]
    if named:
        for thread in threads:
            if as_text(thread.get("id")) == as_text(named[-1]):
                return thread
    for flag in ("crashed", "current"):
        for thread in threads:
            if thread.get(flag) is True:
                return thread
    return threads[0] if len(threads) == 1 else {}


def _note(event: Object, name: str, facts: Object, fields: tuple[str, ...]) -> None:
    """Keeps these facts as a context, unless the client has one of that name."""
    known = {field: facts[field] for field in fields if facts.get(field)}
    contexts = event.get("contexts") or {}
    if known and type(contexts) is dict:
        event["contexts"] = {name: known, **contexts}


def _template(event: Object) -> list[Frame]:
    """The place in a template where rendering failed, as a frame."""
    template = event.get("template")
    return read_frames([event.pop("template")]) if type(template) is dict else []

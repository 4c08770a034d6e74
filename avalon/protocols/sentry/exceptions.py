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
from avalon.protocols.sentry.values import Object, as_flag, as_object, as_text, entries_of, objects_of
from avalon.reports import ExceptionInfo, Frame

# Old SDKs have no `type`, and write it before the value.
_TYPE_AND_VALUE: Final = re.compile(r"([\w.]{0,200}(?:Error|Exception|Warning)): ?(.*)", re.ASCII | re.DOTALL)
_THREAD_FIELDS: Final = ("id", "name", "state", "crashed", "current", "main")
_MECHANISM_FIELDS: Final = ("type", "description", "help_link", "synthetic", "data", "meta")


def read_exceptions(event: Object) -> tuple[list[ExceptionInfo], str]:
    """The event's exceptions, and its stack where that is a text. Takes what it reads out of the event.

    What is known of the thread that failed, and of how the exception was caught, goes to the contexts.
    """
    take = event.pop
    raws = _raw_exceptions(take("exception", None))
    exceptions = [_read_exception(raw) for raw in _causes_last(raws)]
    exceptions = [one for one in exceptions if one.type or one.value or one.frames]
    apart = take("stacktrace", None)
    thread = _failed_thread(objects_of(take("threads", None)), raws)
    _note(event, "thread", thread, _THREAD_FIELDS)
    _note(event, "mechanism", _mechanism(raws[-1]) if raws else {}, _MECHANISM_FIELDS)
    if not any(one.frames for one in exceptions):
        frames = read_frames(apart) or read_frames(thread.get("stacktrace")) or _template(event)
        if frames:
            outermost = exceptions[0] if exceptions else ExceptionInfo()
            exceptions[:1] = [msgspec.structs.replace(outermost, frames=frames)]
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
        handled=as_flag(_mechanism(raw).get("handled")),
        frames=read_frames(get("stacktrace")) or read_frames(get("raw_stacktrace")),
    )


def _mechanism(raw: Object) -> Object:
    return as_object(raw.get("mechanism"))


def _causes_last(raws: list[Object]) -> list[Object]:
    if any(_mechanism(raw).get("is_exception_group") is True for raw in raws):
        return _first_members_last(raws)
    return raws[::-1]


def _first_members_last(raws: list[Object]) -> list[Object]:
    """Parents before their children, and of siblings the one with the lowest number last.

    What belongs to no tree (a wrong parent, a cycle) comes first.
    """
    mechanisms = [_mechanism(raw) for raw in raws]
    ids = [_number(mechanism.get("exception_id")) for mechanism in mechanisms]
    parents = [_number(mechanism.get("parent_id")) for mechanism in mechanisms]
    known = set(ids) - {None}
    children: dict[int | None, list[int]] = {}
    for index in sorted(range(len(raws)), key=lambda index: ids[index] or 0):
        parent = parents[index]
        children.setdefault(parent if parent in known else None, []).append(index)
    ordered: list[int] = []
    waiting = children.pop(None, [])
    while waiting:
        index = waiting.pop()
        ordered.append(index)
        waiting += children.pop(ids[index], []) if ids[index] is not None else []
    reached = set(ordered)
    return [raws[i] for i in range(len(raws)) if i not in reached] + [raws[i] for i in ordered]


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def _failed_thread(threads: list[Object], raws: list[Object]) -> Object:
    """The thread of the last exception, or else the crashed, the current, or the only one."""
    named = [raw["thread_id"] for raw in raws if raw.get("thread_id") is not None]
    if named:
        for thread in threads:
            if thread.get("id") == named[-1]:
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

"""The tree of an exception group: who is whose member or cause, by the ids in the exceptions' mechanisms."""

from __future__ import annotations

from typing import Any, Final

from avalon.protocols.sentry.values import Object, as_object, as_text

_CAUSES: Final = ("__cause__", "__context__")


def mechanism_of(raw: Object) -> Object:
    """How the exception was caught, or an empty object."""
    return as_object(raw.get("mechanism"))


def is_group(raws: list[Object]) -> bool:
    """Whether one of the exceptions is a group."""
    return any(mechanism_of(raw).get("is_exception_group") is True for raw in raws)


def first_members_last(raws: list[Object]) -> list[Object]:
    """Parents before their children, and of siblings the one with the lowest number last.

    What belongs to no tree (a wrong parent, a cycle) comes first.
    """
    ids = [_id(raw) for raw in raws]
    known = set(ids) - {None}
    children: dict[int | None, list[int]] = {}
    for index in sorted(range(len(raws)), key=lambda index: ids[index] or 0):
        parent = _parent(raws[index])
        children.setdefault(parent if parent in known else None, []).append(index)
    ordered: list[int] = []
    waiting = children.pop(None, [])
    while waiting:
        index = waiting.pop()
        ordered.append(index)
        waiting += children.pop(ids[index], []) if ids[index] is not None else []
    reached = set(ordered)
    return [raws[i] for i in range(len(raws)) if i not in reached] + [raws[i] for i in ordered]


def tree_of(raws: list[Object]) -> Object:
    """For each exception of a group the place of the one that holds it, and what it is there.

    As the list says it: `{"parents": [null, 0, 0], "sources": ["", "exceptions[1]", "exceptions[0]"]}`.
    """
    places: dict[int | None, int] = {}
    for place, raw in enumerate(raws):
        if (id := _id(raw)) is not None:
            places.setdefault(id, place)
    parents = [places.get(_parent(raw)) for raw in raws]
    return {
        "parents": [None if parent == place else parent for place, parent in enumerate(parents)],
        "sources": [as_text(mechanism_of(raw).get("source")) for raw in raws],
    }


def _id(raw: Object) -> int | None:
    return _number(mechanism_of(raw).get("exception_id"))


def _parent(raw: Object) -> int | None:
    """The number of the exception that holds this one.

    sentry-python (2.75) says 0 of every cause, but numbers a cause right after the exception that it is of.
    """
    mechanism = mechanism_of(raw)
    id = _number(mechanism.get("exception_id"))
    if id and mechanism.get("source") in _CAUSES:
        return id - 1
    return _number(mechanism.get("parent_id"))


def _number(value: Any) -> int | None:
    return value if type(value) is int else None

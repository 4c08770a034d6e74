"""Reads values that come in several forms: numbers as texts, lists in `values`, objects as lists of pairs.

Nothing is refused. Where a value can't be read, it is as if it were missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Object = dict[str, Any]


def as_text(value: Any) -> str:
    """A text, or a number or a boolean as one; "" for everything else."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        return str(value)
    return ""


def as_object(value: Any) -> Object:
    """The object, or an empty one."""
    return value if type(value) is dict else {}


def as_number(value: Any) -> int | None:
    """A whole number, also as a text or with a fraction of zero."""
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and len(value) <= 10 and value.isascii() and value.isdigit():
        return int(value)
    return None


def as_flag(value: Any) -> bool | None:
    """True or false, and None for everything else."""
    return value if type(value) is bool else None


def as_list(value: Any) -> Any:
    """The list that PHP writes as `{"0": …, "2": …}` where entries were taken out of it; else the value."""
    if type(value) is dict and value and all(name.isdigit() for name in value):
        return list(value.values())
    return value


def entries_of(value: Any) -> list[Any]:
    """The entries of `{"values": […]}`, of a bare list, or of a single entry that stands alone."""
    if type(value) is dict and "values" in value:
        value = value["values"]
    value = as_list(value)
    if type(value) is list:
        return value
    return [value] if type(value) in (dict, str) else []


def objects_of(value: Any) -> list[Object]:
    """Those entries that are objects."""
    return [entry for entry in entries_of(value) if type(entry) is dict]


def pairs_of(value: Any) -> Iterable[tuple[str, Any]]:
    """Names with their values: of an object, of a list of pairs, or of a list of `{key, value}`."""
    if type(value) is dict:
        return value.items()
    return _listed_pairs(value) if type(value) is list else ()


def _listed_pairs(values: list[Any]) -> Iterator[tuple[str, Any]]:
    for entry in values:
        if type(entry) is list and len(entry) == 2:
            name, value = entry
        elif type(entry) is dict:
            name, value = entry.get("key"), entry.get("value")
        else:
            continue
        if type(name) is str and name:
            yield name, value


def collect(pairs: Iterable[tuple[str, Any]]) -> Object:
    """The pairs as an object; a name that comes several times has a list, and a list of one is its entry."""
    found: Object = {}
    repeated: set[str] = set()
    for name, value in pairs:
        if type(value) is list and len(value) == 1:
            value = value[0]
        if name not in found:
            found[name] = value
        elif name in repeated:
            found[name].append(value)
        else:
            found[name] = [found[name], value]
            repeated.add(name)
    return found

"""What a body could have said where it could not be read: a field's values, or an object's fields.

msgspec names what is wrong; what would be right stands in the type that a handler takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import inspect

_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[.*?\]")
MAX_ECHO: Final = 100


def hinted(body: Any, key: str, message: str) -> tuple[str, str]:
    """A field and what is wrong with it, for people; `body` is the handler's type, `key` the place in it."""
    if unknown := _UNKNOWN.fullmatch(message):
        known = [field.encode_name for field in _fields(_at(body, key))]
        return _inner(key, unknown[1][:MAX_ECHO]), f"no such field; there are: {', '.join(known)}"
    if missing := _MISSING.fullmatch(message):
        return _inner(key, missing[1]), "required"
    if message.startswith("Invalid enum value"):
        values = [value for part in _at(body, key) for value in _values(part)]
        return key, f"one of {', '.join(map(str, values))}" if values else message
    return key, message


def _inner(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _at(body: Any, key: str) -> list[inspect.Type]:
    """The types that may stand at a place like `mute.until` or `ids[2]`."""
    found = list(_flat(inspect.type_info(body)))
    for step in _STEP.finditer(key):
        found = [inner for part in found for inner in _below(part, step[1])]
    return found


def _below(part: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    if name is None:
        if isinstance(part, inspect.CollectionType):
            yield from _flat(part.item_type)
        elif isinstance(part, inspect.DictType):
            yield from _flat(part.value_type)
    else:
        for field in _fields([part]):
            if field.encode_name == name:
                yield from _flat(field.type)


def _flat(part: inspect.Type) -> Iterator[inspect.Type]:
    """The members of a union, without what stands around them."""
    if isinstance(part, inspect.UnionType):
        for member in part.types:
            yield from _flat(member)
    elif isinstance(part, inspect.Metadata):
        yield from _flat(part.type)
    else:
        yield part


def _fields(parts: list[inspect.Type]) -> list[inspect.Field]:
    return [field for part in parts if isinstance(part, inspect.StructType) for field in part.fields]


def _values(part: inspect.Type) -> Iterator[Any]:
    if isinstance(part, inspect.LiteralType):
        yield from part.values

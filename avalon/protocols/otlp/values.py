"""Values of attributes as texts, and attributes taken out one by one."""

from __future__ import annotations

from typing import Any

import msgspec

from avalon.reports import MAX_TEXT, Cleaner

Attributes = dict[str, Any]


def as_text(value: Any) -> str:
    """A value for people to read; lists and objects as JSON, with the secrets that are told by their names
    taken out, because inside a text nobody finds them any more."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is int or type(value) is float:
        return str(value)
    return msgspec.json.encode(Cleaner().tree(value, MAX_TEXT["free"], "body")).decode()


def take_text(attributes: Attributes, *names: str) -> str:
    """The first of these attributes that says something, as a text; it is taken out."""
    for name in names:
        if text := as_text(attributes.get(name)):
            del attributes[name]
            return text
    return ""

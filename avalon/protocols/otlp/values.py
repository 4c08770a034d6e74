"""Attributes of resources, scopes, spans and records, as JSON would have them: names with values."""

from __future__ import annotations

from typing import Any

from avalon.protocols.sentry.values import as_text

Attributes = dict[str, Any]


def take_text(attributes: Attributes, *names: str) -> str:
    """The first of these attributes that is a text, or a number or a boolean as one; it is taken out.

    A list or an object stays where it is, with its names, by which secrets in it are found.
    """
    for name in names:
        if text := as_text(attributes.get(name)):
            del attributes[name]
            return text
    return ""

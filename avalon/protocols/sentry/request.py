"""Sentry's `request`: the method and the path for us, the rest as it came, with headers and query by name.

By name, because a secret is told by its name. Nothing is percent-decoded: texts are scrubbed by a look over
the body that they stand in. A request's body that is JSON in a text is read for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from avalon.errors import BadInput
from avalon.protocols.sentry.values import Object, as_object, as_text, collect, pairs_of
from avalon.reports.untrusted import parse_json

_EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})


class Request(NamedTuple):
    """A request. `is_unpacked`: it holds strings that the source holds only in another text."""

    path: str
    method: str
    fields: Object
    is_unpacked: bool


def read_request(value: Any) -> Request:
    """The request; an empty one where there is none."""
    fields = {name: part for name, part in as_object(value).items() if part not in _EMPTY}
    if not fields:
        return Request("", "", {}, is_unpacked=False)
    method = as_text(fields.pop("method", None))
    if "headers" in fields:
        fields["headers"] = _headers(fields["headers"])
    if "query_string" in fields:
        fields["query_string"] = _query(fields["query_string"])
    data = fields.get("data")
    unpacked = _unpack(data)
    if unpacked is not None:
        fields["data"] = unpacked
    return Request(_path(as_text(fields.get("url"))), method, fields, unpacked is not None)


def _headers(value: Any) -> Any:
    return collect(pairs_of(value)) or value


def _query(value: Any) -> Any:
    if type(value) is str:
        return collect(_split_query(value.removeprefix("?"))) or value
    return collect(pairs_of(value)) or value


def _split_query(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name:
            yield name, value


def _unpack(data: Any) -> Any:
    """The object or list that a text holds as JSON, or None."""
    if type(data) is not str or not data.lstrip().startswith(("{", "[")):
        return None
    try:
        return parse_json(data.encode("utf-8", "replace"))
    except BadInput:
        return None


def _path(url: str) -> str:
    """The path of an address, absolute or relative, without its query."""
    url = url.partition("?")[0].partition("#")[0]
    _, is_absolute, rest = url.partition("://")
    return "/" + rest.partition("/")[2] if is_absolute else url

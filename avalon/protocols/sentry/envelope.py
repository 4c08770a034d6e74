"""Takes an envelope apart: a header, then items, each with a header of its own, in lines of JSON.

The format: https://develop.sentry.dev/sdk/data-model/envelopes/
A broken item spoils no neighbour. BadInput only where the envelope's own header can't be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from avalon.errors import BadInput
from avalon.protocols.sentry.values import Object, as_number, as_text
from avalon.reports.untrusted import parse_json

MAX_ITEMS: Final = 10_000
MAX_HEADER_DEPTH: Final = 10


class Item(msgspec.Struct, frozen=True):
    """An item as it came. `type` is "" where its header can't be read."""

    type: str
    header: Object
    payload: bytes


class Envelope(msgspec.Struct, frozen=True):
    """The header and the items behind it."""

    header: Object
    items: list[Item]


def split_envelope(body: bytes) -> Envelope:
    """The envelope's parts, unread but for their headers.

    Raises BadInput where the first line is no JSON object.
    """
    line, place = _line(body, 0)
    header = _read_header(line)
    if header is None:
        raise BadInput("expected an envelope, whose first line is a JSON object")
    items = []
    for item in _items(body, place):
        items.append(item)
        if len(items) == MAX_ITEMS:
            break
    return Envelope(header, items)


def _items(body: bytes, place: int) -> Iterator[Item]:
    while place < len(body):
        line, place = _line(body, place)
        if not line or line.isspace():
            continue
        header = _read_header(line)
        if header is None:
            yield Item("", {}, line)
            continue
        payload, place = _payload(body, place, as_number(header.get("length")))
        yield Item(as_text(header.get("type")), header, payload)


def _payload(body: bytes, place: int, length: int | None) -> tuple[bytes, int]:
    """The payload and where it ends; a line where the length that was said is wrong."""
    if length is None or length < 0:
        return _line(body, place)
    end = place + length
    if end <= len(body) and (end == len(body) or body[end : end + 1] in (b"\n", b"\r")):
        return body[place:end], end
    return _line(body, place)


def _line(body: bytes, place: int) -> tuple[bytes, int]:
    """The line that begins here, without its end, and where the next one begins."""
    end = body.find(b"\n", place)
    if end < 0:
        return body[place:], len(body)
    return body[place:end], end + 1


def _read_header(line: bytes) -> Object | None:
    try:
        header: Any = parse_json(line, MAX_HEADER_DEPTH)
    except BadInput:
        return None
    return header if type(header) is dict else None

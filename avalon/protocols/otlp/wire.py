"""The outer levels of a protobuf request, taken apart without reading what is inside.

So that one record that can't be read spoils no other, and what a body holds is known before it is paid for
(https://protobuf.dev/programming-guides/encoding/). Groups, which OTLP never had, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from avalon.errors import BadInput, PayloadTooLarge

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES: Final = 10


class Wire:
    """Takes the messages of one request apart, into no more fields than `max_fields` in all."""

    def __init__(self, max_fields: int) -> None:
        self._max_fields = max_fields
        self._fields = 0

    def split(self, message: bytes) -> Iterator[tuple[int, bytes]]:
        """The number and the content of each length-delimited field, in order; others are passed over.

        Raises BadInput where the bytes are no message, PayloadTooLarge past the bound; maybe after some.
        """
        place, end = 0, len(message)
        while place < end:
            self._count()
            tag, place = _varint(message, place)
            kind = tag & 7
            if not tag >> 3:
                raise BadInput("the body is no message of OTLP: a field has the number 0")
            if kind == _BYTES:
                size, place = _varint(message, place)
                if place + size > end:
                    raise _truncated()
                yield tag >> 3, message[place : place + size]
                place += size
            elif kind == _VARINT:
                _, place = _varint(message, place)
            elif kind in _FIXED_SIZES:
                place += _FIXED_SIZES[kind]
            else:
                raise BadInput(f"the body is no message of OTLP: a field has the wire type {kind}")
        if place > end:
            raise _truncated()

    def _count(self) -> None:
        self._fields += 1
        if self._fields > self._max_fields:
            raise PayloadTooLarge(f"the request holds more than {self._max_fields} records and their parents")


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """A number, and the place behind it."""
    number = 0
    for index, byte in enumerate(message[place : place + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, place + index + 1
    raise _truncated()


def _truncated() -> BadInput:
    return BadInput("the body is no message of OTLP: it ends in the middle of a field")

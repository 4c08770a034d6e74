"""Takes an envelope apart as it comes: a header, then items, each with a header of its own, in lines of JSON.

The format: https://develop.sentry.dev/sdk/data-model/envelopes/

A broken item spoils no neighbour: where a length is wrong, the item is its first line, and what is no item is
passed over. Only what somebody reads is kept, and nothing of an item longer than MAX_ITEM_BYTES, so that an
envelope may be far larger than what it takes to read it. BadInput only for the envelope's own header.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from avalon.errors import BadInput
from avalon.protocols.sentry.attachments import Attachment, reader_of
from avalon.protocols.sentry.items import (
    BROKEN,
    KEPT,
    MAX_TYPE,
    MAX_TYPES,
    NOT_SUPPORTED,
    OTHER,
    TOO_LARGE,
    TOO_MANY,
    UNREADABLE,
    Item,
)
from avalon.protocols.sentry.values import Object, as_number, as_text
from avalon.reports.untrusted import parse_json

MAX_ITEM_BYTES: Final = 1024 * 1024
MAX_HEADER_BYTES: Final = 64 * 1024
# What comes beyond these is counted and passed over: payloads together, files, and lines looked at.
MAX_KEPT_BYTES: Final = 5 * 1024 * 1024
MAX_ATTACHMENTS: Final = 20
MAX_LINES: Final = 20_000
# A length that ends at a line's end by chance costs a look through what it holds.
MAX_DOUBTS: Final = 20
_HEADER_DEPTH, _PAYLOAD_DEPTH = 10, 100

_JSON: Final = KEPT | {"transaction", "session", "sessions", "check_in"}
_BLANK: Final = re.compile(rb"[\r\n\t ]*")
_LINE_ENDS: Final = (b"\n", b"\r")


class EnvelopeParser:
    """Takes the bytes in portions of any size; what it found stands in its fields."""

    def __init__(self) -> None:
        self.header: Object | None = None
        self.items: list[Item] = []
        self.attachments: list[Attachment] = []
        self.dropped: Counter[tuple[str, str]] = Counter()  # by type and reason
        self._buffer = b""
        self._waiting = bytearray()
        self._needed = 0  # as many bytes more before another look is worth it
        self._kept = 0
        self._lines = 0
        self._doubts = 0
        self._long: _LongItem | None = None

    @property
    def held(self) -> int:
        """The bytes that it keeps."""
        begin = len(self._long.begin) if self._long else 0
        return len(self._buffer) + len(self._waiting) + self._kept + begin

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises BadInput where the envelope's header can't be read."""
        if self._long is not None:
            data = self._long.skip(data)
            if not self._long.is_over:
                return
            self._pass_over(self._long)
            self._long = None
        if self._waiting or len(data) < self._needed:
            self._waiting += data
            if len(self._waiting) < self._needed:
                return
            data = bytes(self._waiting)
            self._waiting.clear()
        self._read(data, is_end=False)

    def end(self) -> None:
        """Takes what is there for all that there is. Raises BadInput where there is no header."""
        if self._long is not None:
            # Its length is wrong, or it was cut: its first line is all of it, and neighbours may follow.
            long, self._long = self._long, None
            line, _, rest = long.begin.partition(b"\n")
            self._take(long.type, long.header, line)
            self._read(rest, is_end=True)
        else:
            self._read(bytes(self._waiting), is_end=True)
        if self.header is None:
            raise _no_header()

    def _read(self, data: bytes, *, is_end: bool) -> None:
        if self._buffer:
            data = self._buffer + data
        self._needed = place = 0
        if self.header is None:
            place = self._read_header(data, is_end)
        begun = 0
        while 0 <= place < len(data):
            begun = _skip_blank(data, place)
            place = self._read_item(data, begun, is_end) if begun < len(data) else begun
        self._buffer = data[begun:] if place < 0 else b""

    def _read_header(self, data: bytes, is_end: bool) -> int:
        """The place behind the envelope's header, or -1 where it is not whole yet."""
        end = data.find(b"\n")
        if end < 0:
            if not is_end and len(data) <= MAX_HEADER_BYTES:
                return self._wait(len(data))
            end = len(data)
        self.header = _object(data[:end])
        if self.header is None:
            raise _no_header()
        return end + 1

    def _read_item(self, data: bytes, place: int, is_end: bool) -> int:
        """The place behind an item that begins here, or -1 where it is not whole yet."""
        end = data.find(b"\n", place)
        if end < 0:
            if not is_end and len(data) - place <= MAX_HEADER_BYTES:
                return self._wait(len(data) - place)
            end = len(data)
        self._lines += 1
        if self._lines > MAX_LINES:
            if self._lines == MAX_LINES + 1:
                self.dropped[OTHER, TOO_MANY] += 1
            return len(data)
        header = _object(data[place:end]) if data.startswith(b"{", place) else None
        if header is None or type(header.get("type")) is not str:
            self.dropped[UNREADABLE, BROKEN] += 1
            return end + 1
        return self._read_payload(header, data, min(end + 1, len(data)), is_end)

    def _read_payload(self, header: Object, data: bytes, start: int, is_end: bool) -> int:
        type_ = as_text(header.get("type"))
        length = as_number(header.get("length"))
        has = len(data) - start
        if length is not None and length >= 0:
            if has <= length and not is_end:
                if has <= MAX_ITEM_BYTES:
                    return self._again(min(length + 1, MAX_ITEM_BYTES + 1) - has)
                return self._begin_long(_LongItem(type_, header, data[start:], length - has), len(data))
            end = start + length
            if self._is_length(type_, data, start, end):
                self._take(type_, header, data[start:end])
                return end
        end = data.find(b"\n", start)
        if end < 0:
            if not is_end:
                if has <= MAX_ITEM_BYTES:
                    return self._again(has)
                return self._begin_long(_LongItem(type_, header, data[start:], None), len(data))
            end = len(data)
        self._take(type_, header, data[start:end])
        return end

    def _is_length(self, type_: str, data: bytes, start: int, end: int) -> bool:
        """Whether a payload can end where its header says: at a line's end, and not in another item."""
        if end > len(data) or (end < len(data) and data[end : end + 1] not in _LINE_ENDS):
            return False
        if type_ not in _JSON or data.find(b"\n", start, end) < 0 or self._doubts == MAX_DOUBTS:
            return True
        self._doubts += 1
        return _object(data[start:end], _PAYLOAD_DEPTH) is not None

    def _again(self, more: int) -> int:
        """Lets the same item be read again, once there is more."""
        self._lines -= 1
        return self._wait(more)

    def _wait(self, more: int) -> int:
        self._needed = max(more, 1)
        return -1

    def _begin_long(self, long: _LongItem, place: int) -> int:
        self._long = long
        return place

    def _pass_over(self, long: _LongItem) -> None:
        if long.reader is not None and len(self.attachments) < MAX_ATTACHMENTS:
            self.attachments.append(long.reader.read())
        self._drop(long.type, TOO_LARGE)

    def _take(self, type_: str, header: Object, payload: bytes) -> None:
        if type_ == "attachment" and len(self.attachments) < MAX_ATTACHMENTS:
            reader = reader_of(header)
            reader.feed(payload)
            self.attachments.append(reader.read())
        size = len(payload) + 1024 * len(header)
        if type_ not in KEPT or len(payload) > MAX_ITEM_BYTES:
            self._drop(type_, TOO_LARGE)
        elif self._kept + size > MAX_KEPT_BYTES:
            self._drop(type_, TOO_MANY)
        else:
            self._kept += size
            self.items.append(Item(type_, header, payload))

    def _drop(self, type_: str, reason: str) -> None:
        if len(type_) > MAX_TYPE or len(self.dropped) >= MAX_TYPES:
            type_ = OTHER
        self.dropped[type_, reason if type_ in KEPT else NOT_SUPPORTED] += 1


class _LongItem:
    """An item that is not kept, on its way; `left` is None where it ends at the line's end."""

    def __init__(self, type_: str, header: Object, begin: bytes, left: int | None) -> None:
        self.type = type_
        self.header = header
        self.begin = begin
        self.is_over = False
        self.reader = reader_of(header) if type_ == "attachment" else None
        self._left = left
        if self.reader is not None:
            self.reader.feed(begin)

    def skip(self, data: bytes) -> bytes:
        """Takes its own, and gives back what comes after it."""
        end = data.find(b"\n") if self._left is None else self._left
        self.is_over = 0 <= end <= len(data)
        taken = data[:end] if self.is_over else data
        if self._left is not None:
            self._left -= len(taken)
        if self.reader is not None:
            self.reader.feed(taken)
        return data[len(taken) :]


def _skip_blank(data: bytes, place: int) -> int:
    match = _BLANK.match(data, place)
    return match.end() if match else place


def _object(line: bytes, max_depth: int = _HEADER_DEPTH) -> Object | None:
    try:
        value: Any = parse_json(line, max_depth)
    except BadInput:
        return None
    return value if type(value) is dict else None


def _no_header() -> BadInput:
    return BadInput("expected an envelope, whose first line is a JSON object")

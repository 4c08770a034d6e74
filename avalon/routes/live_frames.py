"""Frames as they go over the wire: JSON text for sockets, events for streams. Items are encoded already."""

from __future__ import annotations

from typing import Any

import msgspec

from avalon.reader import Frame

_encode = msgspec.json.Encoder().encode


def hello(position: int, replica: str) -> bytes:
    """The first frame of a socket."""
    return _encode({"type": "hello", "position": position, "replica": replica})


def as_json(frame: Frame) -> bytes:
    """One frame of a socket."""
    match frame.type:
        case "events":
            items = b",".join([item.body for item in frame.items])
            return b'{"type":"events","position":%d,"items":[%b]}' % (frame.position, items)
        case "lagged":
            return _encode({"type": "lagged", "position": frame.position, "skipped": frame.skipped})
        case "error" if frame.error is not None:
            return _encode({"type": "error", "code": frame.error.code, "message": frame.error.message})
        case "pong":
            return _encode({"type": "pong", "position": frame.position})
        case _:
            return _encode({"type": frame.type})


def as_events(frame: Frame) -> bytes:
    """A frame as server-sent events. An id alone moves the client's Last-Event-ID and dispatches nothing."""
    if frame.type == "lagged":
        return b"id: %d\nevent: lagged\n%b" % (frame.position, _data({"skipped": frame.skipped}))
    if frame.type == "gone":
        return b"id: %d\nevent: gone\n%b" % (frame.position, _data({}))
    events = [
        b"id: %d\nevent: %b\ndata: %b\n\n" % (item.position, item.type.encode(), item.body)
        for item in frame.items
    ]
    return b"".join(events) + b"id: %d\n:\n\n" % frame.position


def _data(fields: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % _encode(fields)

"""A report as one line of the log file: JSON, in ASCII-safe order for terminals and for `grep`.

What a terminal could take for a command or for another direction of writing is written as `\\uXXXX` (OWASP
ASVS 5.0, 16.4.1): JSON escapes what is below a blank, but neither DEL nor C1 (U+009B begins a command like
ESC [), nor U+2028 and U+2029 (a new line to many programs), nor the marks that turn text around.
"""

from __future__ import annotations

import re

import msgspec

from avalon.events import Event

_encode = msgspec.json.Encoder().encode
_RISKY = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def line(event: Event) -> bytes:
    """The line of one report, with its newline."""
    created_at = event.occurred_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    encoded = _encode(
        {
            "id": event.id,
            "position": event.position,
            "service": event.service,
            "level": event.level,
            "message": event.data.get("message", ""),
            "path": event.data.get("path", ""),
            "createdAt": created_at,
        }
    )
    escaped = _RISKY.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded.decode())
    return escaped.encode() + b"\n"


def position_of(text: bytes) -> int | None:
    """The position of a line that `line` wrote; None for anything else."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    position = found.get("position") if isinstance(found, dict) else None
    return position if type(position) is int else None

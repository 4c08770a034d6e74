"""Files that come beside an event: what they were is told in its report, they themselves are not kept.

A minidump may be all that there is of a crash. Then its report says so, and that nothing was read of it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import msgspec

from avalon.protocols.sentry.values import Object, as_text

MINIDUMP: Final = "event.minidump"
MAX_NAME: Final = 200
START_BYTES: Final = 8
_MAGIC: Final = (b"MDMP", b"PMDM")
# SDKs may pack a dump before they send it: gzip, xz, bzip2, zstd.
_PACKED: Final = (b"\x1f\x8b", b"\xfd7zXZ\0", b"BZh", b"\x28\xb5\x2f\xfd")
_NOTE: Final = "only this reference is kept: the file itself is neither stored nor symbolicated"


class Attachment(msgspec.Struct, frozen=True):
    """A file that was sent. `kind` is Sentry's `attachment_type`, `start` its first bytes."""

    name: str
    kind: str
    content_type: str
    size: int
    sha256: str
    start: bytes

    @property
    def is_minidump(self) -> bool:
        return self.kind == MINIDUMP

    def told(self) -> Object:
        """What the report says of it."""
        known = {"content_type": self.content_type, "type": self.kind, "sha256": self.sha256}
        said = {"name": self.name, "size": self.size} | {name: text for name, text in known.items() if text}
        return said | ({"format": self._format(), "note": _NOTE} if self.is_minidump else {})

    def _format(self) -> str:
        if self.start.startswith(_MAGIC):
            return "minidump"
        return "packed" if self.start.startswith(_PACKED) else "unknown"


class AttachmentReader:
    """An attachment on its way: its bytes are looked at and let go."""

    def __init__(self, name: str, kind: str, content_type: str) -> None:
        self._name = name[:MAX_NAME]
        self._kind = kind[:MAX_NAME]
        self._content_type = content_type[:MAX_NAME]
        self._size = 0
        self._start = b""
        self._sha256 = sha256()

    def feed(self, data: bytes | bytearray) -> None:
        if self._size < START_BYTES:
            self._start += bytes(data[: START_BYTES - self._size])
        self._size += len(data)
        self._sha256.update(data)

    def read(self) -> Attachment:
        digest = self._sha256.hexdigest()
        return Attachment(self._name, self._kind, self._content_type, self._size, digest, self._start)


def reader_of(header: Object) -> AttachmentReader:
    """The reader for an item of an envelope."""
    name, kind, content_type = (
        as_text(header.get(field)) for field in ("filename", "attachment_type", "content_type")
    )
    return AttachmentReader(name or "unnamed", kind, content_type)


def crash_of(dump: Attachment) -> Object:
    """The event of a minidump that comes alone."""
    return {"level": "fatal", "platform": "native", "message": f"Crash with the minidump {dump.name}"}

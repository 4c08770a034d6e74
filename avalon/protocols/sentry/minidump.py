"""The upload of a native crash: a minidump, bare or in a form, with what its SDK knew of the program.

In the form (https://docs.sentry.io/platforms/native/guides/minidumps/) the event may be a field of JSON
(`sentry`), fields with a path (`sentry[release]`) or a file of MessagePack (`__sentry-event`); all other
fields become `extra`. Files are looked at and let go.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
from multipart import (  # type: ignore[import-untyped]  # it has no stubs
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from avalon.errors import BadInput, PayloadTooLarge, UnsupportedMedia
from avalon.protocols.sentry.attachments import MINIDUMP, Attachment, AttachmentReader, crash_of
from avalon.protocols.sentry.values import Object, as_object
from avalon.reports.untrusted import parse_json

DUMP_FIELD: Final = "upload_file_minidump"
EVENT_FILE: Final = "__sentry-event"
BARE: Final = ("application/octet-stream", "application/x-dmp")
MAX_FIELDS: Final = 100
MAX_FIELDS_BYTES: Final = 1024 * 1024
_PATH: Final = re.compile(r"sentry((?:\[[^\[\]]{1,200}\]){1,10})")
# Crashpad cuts long values into `sentry__1`, `sentry__2`, …
_PIECE: Final = re.compile(r"sentry(?:__\d{1,3})?")


class MinidumpParser:
    """Takes an upload in portions of any size."""

    def __init__(self, content_type: str) -> None:
        self.attachments: list[Attachment] = []
        self.held = 0
        self._fields: list[tuple[str, bytearray]] = []
        self._file: AttachmentReader | None = None
        kind, options = parse_options_header(content_type)
        self._form: PushMultipartParser | None = None
        if kind in BARE:
            self._file = AttachmentReader("Minidump", MINIDUMP, kind)
        elif kind == "multipart/form-data" and options.get("boundary"):
            self._form = PushMultipartParser(options["boundary"], max_segment_count=MAX_FIELDS)
        else:
            raise UnsupportedMedia(f"send it as multipart/form-data, or as {BARE[0]}")

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises BadInput for a broken form."""
        if self._form is None:
            assert self._file is not None
            self._file.feed(data)
            return
        if not data:
            return
        try:
            for found in self._form.parse(data):
                self._take(found)
        except MultipartError as error:
            raise BadInput(f"the form can't be read: {error}") from None

    def end(self) -> None:
        """Raises BadInput where there was no minidump."""
        if self._form is None and self._file is not None:
            self.attachments.append(self._file.read())
        if not any(attachment.is_minidump and attachment.size for attachment in self.attachments):
            raise BadInput(f"the form has no minidump: expected a file named {DUMP_FIELD}")

    def _take(self, found: MultipartSegment | bytearray | bytes | None) -> None:
        if isinstance(found, MultipartSegment):
            if found.filename is None or found.name == EVENT_FILE:
                self._fields.append((found.name, bytearray()))
            else:
                kind = MINIDUMP if found.name == DUMP_FIELD else "event.attachment"
                self._file = AttachmentReader(found.filename, kind, found.content_type or "")
        elif found is None:
            if self._file is not None:
                self.attachments.append(self._file.read())
                self._file = None
        elif self._file is not None:
            self._file.feed(found)
        else:
            self.held += len(found)
            if self.held > MAX_FIELDS_BYTES:
                raise PayloadTooLarge(f"the form's fields are larger than {MAX_FIELDS_BYTES} bytes")
            self._fields[-1][1].extend(found)

    def event(self) -> Object:
        """The event of the crash, with what the fields say and with the names of the files."""
        dump = next(attachment for attachment in self.attachments if attachment.is_minidump)
        event: Object = {}
        pieces: list[bytes] = []
        extra: Object = {}
        for name, content in self._fields:
            if name == EVENT_FILE:
                event |= _unpack(bytes(content))
            elif _PIECE.fullmatch(name):
                pieces.append(bytes(content))
            elif match := _PATH.fullmatch(name):
                _put(event, re.findall(r"\[([^\[\]]+)\]", match[1]), content.decode("utf-8", "replace"))
            else:
                extra[name] = content.decode("utf-8", "replace")
        event |= _parse(b"".join(pieces))
        event["extra"] = extra | as_object(event.get("extra"))
        event["attachments"] = [attachment.told() for attachment in self.attachments]
        return crash_of(dump) | event


def _parse(text: bytes) -> Object:
    try:
        return as_object(parse_json(text))
    except BadInput:
        return {}


def _unpack(content: bytes) -> Object:
    """MessagePack as JSON would have it, where it can be that."""
    try:
        return _parse(msgspec.json.encode(msgspec.msgpack.decode(content)))
    except (ValueError, TypeError, RecursionError, msgspec.MsgspecError):
        return {}


def _put(event: Object, path: list[str], text: str) -> None:
    place: Any = event
    for name in path[:-1]:
        place = place.setdefault(name, {})
        if type(place) is not dict:
            return
    place[path[-1]] = text

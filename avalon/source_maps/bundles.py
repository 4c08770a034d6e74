"""Reads an artifact bundle, as Sentry's tools make it: a zip of scripts and maps with a `manifest.json`.

Whoever has an upload key may send anything. Nothing here trusts a size that the zip claims, no name of an
entry becomes a path, and all that is held at once is the list of entries and one file. To be called in a
thread: to read a large one takes seconds. (symbolic-debuginfo 12, `sourcebundle`, defines the format.)
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, NamedTuple
from uuid import UUID

import msgspec

from avalon.errors import BadInput, PayloadTooLarge

MAX_ENTRIES: Final = 20_000
MAX_DIRECTORY_BYTES: Final = 8 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_INFLATED_BYTES: Final = 1024 * 1024 * 1024
# Bytes of an address, less than what a row of an index takes.
MAX_URL_BYTES: Final = 2_000
MAX_NAME: Final = 200
SCRIPT, MAP = "minified_source", "source_map"

_STEP: Final = 256 * 1024
_MANIFEST: Final = "manifest.json"
# The end of central directory record (APPNOTE.TXT 4.3.16), without the comment that may follow it.
_END: Final = struct.Struct("<4s4H2LH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_MAX_COMMENT: Final = 65_535
# Before it may stand where the numbers are that are too large for it (4.3.15); a reader believes those.
_ZIP64_SIGNATURE: Final = b"PK\x06\x07"
_ZIP64_BYTES: Final = 20
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, OSError, OverflowError),
)


class Pair(NamedTuple):
    """A script and its map: names of entries. A map that stands alone goes by its script's address."""

    url: str
    debug_id: UUID | None
    script: str | None
    map: str


class _File(msgspec.Struct):
    type: str = ""
    url: str = ""
    headers: dict[str, Any] = {}

    @property
    def debug_id(self) -> UUID | None:
        return read_debug_id(self.header("debug-id"))

    def header(self, wanted: str) -> str:
        for name, value in self.headers.items():
            if name.lower() in (wanted, f"x-{wanted}") and isinstance(value, str):
                return value
        return ""


class _Manifest(msgspec.Struct):
    files: dict[str, _File] = {}
    release: str | None = None
    dist: str | None = None


class Bundle:
    """An open bundle. Raises BadInput or PayloadTooLarge for what is none, or too much."""

    def __init__(self, file: IO[bytes]) -> None:
        check_directory(file)
        self._inflated = 0
        with _as_bad_input():
            self._zip = zipfile.ZipFile(file)
            self._entries = {info.filename: info for info in self._zip.infolist()}
        if len(self._entries) > MAX_ENTRIES:
            raise PayloadTooLarge(f"the bundle has more than {MAX_ENTRIES} entries")
        manifest = self._read_manifest()
        self.release = as_name(manifest.release, "release")
        self.dist = as_name(manifest.dist, "dist")
        self.pairs = list(_pairs(manifest.files))
        missing = {name for pair in self.pairs for name in pair[2:] if name} - self._entries.keys()
        if missing:
            raise BadInput(f"the manifest names {min(missing)[:100]!a}, which the bundle does not hold")

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """One file, whole."""
        info = self._entries[name]
        if info.flag_bits & 1 or info.compress_type not in _METHODS:
            raise BadInput("the bundle is encrypted, or compressed by something else than deflate")
        parts, size = [], 0
        with _as_bad_input(), self._zip.open(info) as entry:
            while part := entry.read(_STEP):
                size += len(part)
                self._inflated += len(part)
                if size > limit:
                    raise PayloadTooLarge(f"{name[:100]!a} is larger than {limit} bytes")
                if self._inflated > MAX_INFLATED_BYTES:
                    raise PayloadTooLarge(f"the bundle is larger than {MAX_INFLATED_BYTES} bytes, inflated")
                parts.append(part)
        return b"".join(parts)

    def _read_manifest(self) -> _Manifest:
        if _MANIFEST not in self._entries:
            raise BadInput("the bundle has no manifest.json")
        try:
            return msgspec.json.decode(self.read(_MANIFEST, MAX_MANIFEST_BYTES), type=_Manifest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(f"manifest.json of the bundle can't be read: {error}") from None


@contextmanager
def _as_bad_input() -> Iterator[None]:
    """Whatever the zip's reader stumbles over is the sender's to mend."""
    try:
        yield
    except _BROKEN as error:
        raise BadInput(f"the bundle is no whole zip: {str(error)[:200]}") from None


def check_directory(file: IO[bytes]) -> None:
    """Before the zip's reader makes an object of each entry: how many, and how long is their list?"""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _MAX_COMMENT - _ZIP64_BYTES))
    tail = file.read()
    at = tail.rfind(_END_SIGNATURE)
    if at < 0 or len(tail) - at < _END.size:
        raise BadInput("the bundle is no whole zip: it has no end")
    _, _, _, _, entries, length, _, _ = _END.unpack_from(tail, at)
    file.seek(0)
    is_zip64 = tail[max(0, at - _ZIP64_BYTES) : at].startswith(_ZIP64_SIGNATURE)
    if is_zip64 or entries > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        raise PayloadTooLarge(f"the bundle has more than {MAX_ENTRIES} entries")


def read_debug_id(text: str) -> UUID | None:
    """The UUID of a debug id; native ones have an age behind it, which scripts have not."""
    try:
        return UUID(text[:36]) if text else None
    except ValueError:
        return None


def as_name(text: str | None, field: str) -> str | None:
    """A release or a distribution, None for an empty one. Raises BadInput where no report can be of it."""
    if not text or not text.strip():
        return None
    if len(text) > MAX_NAME or not text.isprintable():
        raise BadInput(f"at most {MAX_NAME} printable characters", field=field)
    return text


def _pairs(files: dict[str, _File]) -> Iterator[Pair]:
    """Each script with its map, by its debug id or its reference, and the maps that are left over."""
    maps = {name: file for name, file in files.items() if file.type == MAP}
    by_debug_id = {file.debug_id: name for name, file in maps.items() if file.debug_id}
    by_url = {file.url: name for name, file in maps.items()}
    used, urls = set(), set()
    for name, file in files.items():
        if file.type != SCRIPT:
            continue
        debug_id = file.debug_id
        found = by_debug_id.get(debug_id) if debug_id else None
        if found is None and (reference := file.header("sourcemap")):
            found = by_url.get(beside(file.url, reference))
        if found is not None and file.url not in urls and _is_storable(file.url):
            used.add(found)
            urls.add(file.url)
            yield Pair(file.url, debug_id or maps[found].debug_id, name, found)
    for name, file in maps.items():
        url = file.url.removesuffix(".map")
        if name not in used and url not in urls and _is_storable(url):
            urls.add(url)
            yield Pair(url, file.debug_id, None, name)


def beside(url: str, reference: str) -> str:
    """The address that a script refers to: `app.js.map` beside `~/static/app.js` is `~/static/app.js.map`."""
    if "://" in reference or reference.startswith("~"):
        return reference
    root, slash, path = url.partition("://") if "://" in url else ("", "", url)
    if reference.startswith("/"):
        top = path.partition("/")[0]
        return f"{root}{slash}{top}{posixpath.normpath(reference)}"
    folder = path.rpartition("/")[0]
    return f"{root}{slash}{posixpath.normpath(f'{folder}/{reference}')}"


def _is_storable(url: str) -> bool:
    if not url or "\0" in url:
        return False
    try:
        return len(url.encode()) <= MAX_URL_BYTES
    except UnicodeEncodeError:
        return False

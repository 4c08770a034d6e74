"""Uploads that come in pieces, as Sentry's tools send them: pieces to any replica, put together by any.

Pieces stand in Postgres under their SHA-1, for two hours, within a bound for each service. `assemble` says
which are missing, or puts them together to a file on disk and stores what that holds.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from hashlib import sha1
from typing import IO, Final

import msgspec

from avalon.database import Database
from avalon.errors import BadInput, PayloadTooLarge, Unavailable
from avalon.source_maps.bundles import Bundle, as_name
from avalon.source_maps.storage import MB, Upload, sql, store_bundle

CHUNK_BYTES: Final = MB  # sentry-cli wants a power of two
CHUNKS_PER_REQUEST: Final = 8
MAX_UPLOAD_BYTES: Final = 256 * MB
# Pieces of a service that wait for the others: of two of the largest uploads.
MAX_WAITING_BYTES: Final = 2 * MAX_UPLOAD_BYTES
MAX_CHUNKS: Final = 2 * MAX_UPLOAD_BYTES // CHUNK_BYTES
_SPOOLED_BYTES: Final = 4 * MB
# Each holds a file of the upload, and what it is compressed to.
_AT_ONCE: Final = 2
# Bodies of pieces that are in memory.
_READ_AT_ONCE: Final = 4


class Wanted(msgspec.Struct, frozen=True):
    """What a client wants to have put together: hashes in hexadecimal, and what the upload is for."""

    checksum: str
    chunks: list[str]
    version: str | None = None
    dist: str | None = None


class Chunks:
    """Takes pieces and puts them together, within the budget of all uploads."""

    def __init__(self, database: Database, budget_bytes: int) -> None:
        self._database = database
        self._budget_bytes = budget_bytes
        self.reading = asyncio.Semaphore(_READ_AT_ONCE)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def max_upload_bytes(self) -> int:
        return min(MAX_UPLOAD_BYTES, self._budget_bytes)

    async def put(self, service: str, pieces: Sequence[tuple[str, bytes]]) -> None:
        """Keeps pieces, each with the hash that it must have. Raises BadInput, PayloadTooLarge."""
        contents = await asyncio.to_thread(_checked, pieces)
        waiting = await self._database.fetch_value(sql.chunk_bytes, {"service": service})
        if waiting + sum(map(len, contents.values())) > MAX_WAITING_BYTES:
            raise PayloadTooLarge("too many unfinished uploads of this service; they go after two hours")
        params = {"service": service, "sha1s": list(contents), "contents": list(contents.values())}
        await self._database.execute(sql.put_chunks, params)

    async def assemble(self, service: str, actor: str, wanted: Wanted) -> list[str]:
        """Stores the upload; or, where pieces of it are missing, says which and does nothing."""
        checksum = read_sha1(wanted.checksum)
        if not 0 < len(wanted.chunks) <= MAX_CHUNKS:
            raise PayloadTooLarge(f"an upload has 1 to {MAX_CHUNKS} pieces")
        names = [read_sha1(text) for text in wanted.chunks]
        release, dist = as_name(wanted.version, "version"), as_name(wanted.dist, "dist")
        known = {"service": service, "checksum": checksum, "release": release, "dist": dist}
        if await self._database.fetch_value(sql.find_bundle, known) is not None:
            return []
        params = {"service": service, "sha1s": list(set(names))}
        sizes = {
            row["sha1"]: row["size"] for row in await self._database.fetch_dicts(sql.known_chunks, params)
        }
        missing = [text for text, name in zip(wanted.chunks, names, strict=True) if name not in sizes]
        if missing:
            return missing
        if sum(sizes[name] for name in names) > self.max_upload_bytes:
            raise PayloadTooLarge(f"an upload is at most {self.max_upload_bytes // MB} MB")
        async with self._turns:
            with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as file:
                await self._join(service, names, checksum, file)
                bundle = await asyncio.to_thread(Bundle, file)
                upload = Upload(service, actor, checksum, release or bundle.release, dist or bundle.dist)
                await store_bundle(self._database, upload, bundle, self._budget_bytes)
        await self._database.execute(sql.drop_chunks, params)
        return []

    async def _join(self, service: str, names: Sequence[bytes], checksum: bytes, file: IO[bytes]) -> None:
        digest = sha1(usedforsecurity=False)
        for name in names:
            piece = await self._database.fetch_value(sql.read_chunk, {"service": service, "sha1": name})
            if piece is None:
                # It has expired, or the same upload, sent twice at once, has just been put together.
                raise Unavailable("a piece of the upload went away meanwhile; try again")
            digest.update(piece)
            file.write(piece)
        if digest.digest() != checksum:
            raise BadInput("has another SHA-1 than the pieces together", field="checksum")


def _checked(pieces: Sequence[tuple[str, bytes]]) -> dict[bytes, bytes]:
    """The pieces by their hashes."""
    checked = {}
    for text, content in pieces:
        name = read_sha1(text)
        if len(content) > CHUNK_BYTES:
            raise PayloadTooLarge(f"a piece is at most {CHUNK_BYTES} bytes")
        if sha1(content, usedforsecurity=False).digest() != name:
            raise BadInput(f"the piece {text} has another SHA-1")
        checked[name] = content
    return checked


def read_sha1(text: str) -> bytes:
    """The hash; raises BadInput where the text is none."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 20:
        raise BadInput("a SHA-1 in hexadecimal is 40 digits", field="checksum")
    return digest

"""What was uploaded, in Postgres: each file once, compressed, within a budget.

An upload is begun, filled in steps and then completed by the fact that tells of it; before that nobody sees
it, and what a crash leaves behind goes after two hours (`avalon.source_maps.keeping`). Where all uploads
together take more than the budget, the uploads that were of no use for the longest time go, each with a fact.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
import psycopg

from avalon.database import Database, RawJson
from avalon.errors import NotFound, PayloadTooLarge, Unavailable
from avalon.events import SYSTEM, SourceMapsUploaded, uuid7
from avalon.source_maps.bundles import Bundle, Pair
from avalon.source_maps.lookup import Files
from avalon.statements import load

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

sql = load("source_maps")

MB: Final = 1024 * 1024
# Sent to Postgres in one statement, unless a single file is larger.
STEP_BYTES: Final = 4 * MB
STEP_PAIRS: Final = 200
NAMES: Final = 20
_LEVEL: Final = 6


class Upload(NamedTuple):
    """Whose it is, and what it is for."""

    service: str
    actor: str
    checksum: bytes
    release: str | None
    dist: str | None


class _Step(NamedTuple):
    """A part of an upload: files by their hashes, and the scripts that they are for."""

    files: dict[bytes, bytes]
    scripts: list[tuple[Pair, bytes | None, bytes]]


async def store_bundle(database: Database, upload: Upload, bundle: Bundle, budget_bytes: int) -> UUID:
    """Keeps an upload; the same one again is the one that is there.

    Raises BadInput or PayloadTooLarge for one that can't be read, or is larger than the budget alone.
    """
    named = {"service": upload.service, "release": upload.release, "dist": upload.dist}
    known: UUID | None = await database.fetch_value(sql.find_bundle, {**named, "checksum": upload.checksum})
    if known is not None:
        return known
    id_ = uuid7()
    begun = {**named, "id": id_, "checksum": upload.checksum, "actor": upload.actor}
    await database.execute(sql.begin_bundle, begun)
    try:
        bytes_ = await _fill(database, id_, bundle, budget_bytes)
        names = [pair.url[:200] for pair in bundle.pairs[:NAMES]]
        fact = SourceMapsUploaded(
            release=upload.release, dist=upload.dist, scripts=len(bundle.pairs), names=names, bytes=bytes_
        )
        data = RawJson(msgspec.json.encode(fact))
        params = {"bundle": id_, "id": uuid7(), "actor": upload.actor, "scripts": fact.scripts, "data": data}
        await database.execute(sql.complete_bundle, params)
    except BaseException:
        await asyncio.shield(_abandon(database, id_))
        raise
    await make_room(database, budget_bytes)
    return id_


async def _fill(database: Database, id_: UUID, bundle: Bundle, budget_bytes: int) -> int:
    """The bytes that came to those that are kept."""
    steps = _steps(bundle)
    size = added = 0
    while step := await asyncio.to_thread(next, steps, None):
        size += sum(map(len, step.files.values()))
        if size > budget_bytes:
            raise PayloadTooLarge(
                f"this upload alone is larger than the {budget_bytes // MB} MB of AVALON_SOURCE_MAPS_MB"
            )
        try:
            added += await database.fetch_value(sql.put_scripts, _params(id_, step))
        except psycopg.errors.ForeignKeyViolation:
            # A file that was there went away in this moment, with the last upload that held it.
            raise Unavailable("another upload went away meanwhile; try again") from None
    return added


def _steps(bundle: Bundle) -> Iterator[_Step]:
    """Reads and compresses, in a thread, one step after the other."""
    step, size, seen = _Step({}, []), 0, set[bytes]()

    def keep(name: str) -> bytes:
        nonlocal size
        content = bundle.read(name)
        digest = sha256(content).digest()
        if digest not in seen:
            seen.add(digest)
            step.files[digest] = compressed = zstd.compress(content, _LEVEL)
            size += len(compressed)
        return digest

    for pair in bundle.pairs:
        step.scripts.append((pair, keep(pair.script) if pair.script else None, keep(pair.map)))
        if size >= STEP_BYTES or len(step.scripts) == STEP_PAIRS:
            yield step
            step, size = _Step({}, []), 0
    if step.scripts:
        yield step


def _params(id_: UUID, step: _Step) -> dict[str, Any]:
    return {
        "bundle": id_,
        "sha256s": list(step.files),
        "contents": list(step.files.values()),
        "urls": [pair.url for pair, _, _ in step.scripts],
        "debug_ids": [pair.debug_id for pair, _, _ in step.scripts],
        "scripts": [script for _, script, _ in step.scripts],
        "maps": [map_ for _, _, map_ in step.scripts],
    }


async def _abandon(database: Database, id_: UUID) -> None:
    """As if it had never been begun; where Postgres is away, within the hour."""
    try:
        await database.execute(sql.abandon_bundle, {"bundle": id_})
        await drop_orphans(database)
    except Unavailable:
        return


async def make_room(database: Database, budget_bytes: int) -> None:
    """Ends as soon as there is room.

    What uploads and their files take is seen in one moment: of two replicas at once both see the same one go.
    """
    while oldest := await database.fetch_value(sql.beyond_budget, {"budget": budget_bytes}):
        await delete_bundle(database, oldest, actor=SYSTEM, reason="room")


async def delete_bundle(database: Database, id_: UUID, *, actor: str, reason: str = "asked") -> None:
    """Takes an upload away, with the files that no other one holds. Raises NotFound."""
    params = {"bundle": id_, "id": uuid7(), "actor": actor, "reason": reason}
    deleted = await database.execute(sql.delete_bundle, params)
    await drop_orphans(database)
    if not deleted and reason == "asked":
        raise NotFound("there is no such upload")


async def drop_orphans(database: Database) -> None:
    try:
        await database.execute(sql.drop_orphans)
    except psycopg.errors.ForeignKeyViolation:
        return  # an upload took one of them up in this moment; the others go the next time


async def read_files(database: Database, files: Files) -> tuple[bytes | None, bytes] | None:
    """A script and its map, compressed; None where they are gone."""
    wanted = [name for name in files if name is not None]
    rows = await database.fetch_dicts(sql.read_blobs, {"sha256s": wanted})
    found = {row["sha256"]: row["content"] for row in rows}
    if len(found) < len(set(wanted)):
        return None
    return found[files.script] if files.script else None, found[files.map]

"""How much is kept, and for how long."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import httpx
import pytest

from avalon.source_maps import chunks, keeping, storage
from tests.conftest import Server
from tests.source_maps.bundles import (
    ONE,
    TWO,
    Uploader,
    bundle,
    event,
    functions,
    log_of,
    read,
    report,
    zipped,
)


async def releases(admin: httpx.AsyncClient) -> list[str]:
    return [item["release"] for item in (await admin.get("/api/source-maps")).json()["items"]]


async def age(server: Server, release: str, days: float) -> None:
    """As if the upload had been of no use for so long."""
    await server.services.database.execute(
        "UPDATE source_map.bundle SET used_at = now() - %(days)s * interval '1 day'"
        " WHERE release = %(release)s",
        {"days": days, "release": release},
    )


def give_room(server: Server, bytes_: int) -> None:
    server.services.chunks._budget_bytes = bytes_


async def stored_bytes(server: Server) -> int:
    found: int = await server.services.database.fetch_value(
        "SELECT sum(octet_length(content)) FROM source_map.blob"
    )
    return found


@pytest.mark.parametrize("budget", ["enough", "for one"])
async def test_over_the_budget_the_least_used_upload_goes(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader, budget: str
) -> None:
    await uploader.upload(bundle(ONE), version="old")
    first = await stored_bytes(server)
    await uploader.upload(zipped_with_a_comment(TWO, 1), version="older")
    both = await stored_bytes(server)
    await age(server, "old", 2)
    await age(server, "older", 3)
    give_room(server, both + 10_000 if budget == "enough" else both)
    await uploader.upload(zipped_with_a_comment(TWO, 2), version="new")
    gone = [fact["data"] for fact in await log_of(admin) if fact["type"] == "source_maps.deleted"]
    if budget == "enough":
        assert (await releases(admin), gone) == (["new", "older", "old"], [])
    else:
        assert await releases(admin) == ["new", "old"]
        assert gone == [{"release": "older", "dist": None, "scripts": 1, "reason": "room"}]
        assert first < await stored_bytes(server) <= both


def zipped_with_a_comment(build: Any, number: int, noise: int = 0) -> bytes:
    """An upload whose script nobody else has, with so many bytes that can't be compressed."""
    said = Random(number).randbytes(noise).hex()
    script = build.script.read_bytes() + f"// {number} {said}".encode()
    files = {
        "s": {"type": "minified_source", "url": build.url, "headers": {"sourcemap": build.map.name}},
        "m": {"type": "source_map", "url": f"{build.url}.map", "headers": {}},
    }
    return zipped({"files": files}, {"s": script, "m": build.map.read_bytes()})


async def test_of_two_uploads_at_once_with_room_for_one_the_later_stays(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await uploader.upload(zipped_with_a_comment(TWO, 1, noise=4_000), version="before")
    give_room(server, await stored_bytes(server) + 2_000)
    both_are_there, make_room = asyncio.Barrier(2), storage.make_room

    async def at_once(*arguments: Any, **named: Any) -> None:
        await both_are_there.wait()
        await make_room(*arguments, **named)

    monkeypatch.setattr(storage, "make_room", at_once)
    uploads = {f"at once {n}": zipped_with_a_comment(TWO, n, noise=4_000) for n in (2, 3)}
    await asyncio.gather(*(uploader.upload(content, version=name) for name, content in uploads.items()))
    gone = [fact["data"]["release"] for fact in await log_of(admin) if "deleted" in fact["type"]]
    assert gone[0] == "before"
    assert sorted((*gone[1:], *await releases(admin))) == sorted(uploads)
    assert len(await releases(admin)) == 1


async def test_what_an_unfinished_upload_takes_costs_no_other_its_place(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (zipped_with_a_comment(TWO, number, noise=4_000) for number in range(3))
    await uploader.upload(first, version="here")
    give_room(server, 2 * await stored_bytes(server))
    await crashing_upload(uploader, monkeypatch, second)
    await uploader.upload(third, version="new")
    assert await releases(admin) == ["new", "here"]


async def test_an_upload_larger_than_the_budget_is_refused_and_nothing_else_goes(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader
) -> None:
    await uploader.upload(bundle(ONE), version="here")
    give_room(server, 1_200)
    answer = await uploader.upload(bundle(ONE, TWO), version="too large")
    assert answer.status_code == 413
    assert "AVALON_SOURCE_MAPS_MB" in answer.json()["message"] or "at most" in answer.json()["message"]
    assert await releases(admin) == ["here"]


@pytest.mark.parametrize("days", [90, 0])
async def test_what_nobody_needs_goes_after_the_retention(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader, days: int
) -> None:
    await uploader.upload(bundle(ONE), version="unused")
    await uploader.upload(bundle(TWO), version="used")
    await age(server, "unused", 91)
    await age(server, "used", 91)
    # Reading a report by it is to use it.
    await read(admin, await report(server, event(TWO)))
    await keeping.expire(server.services.database, days)
    assert await releases(admin) == (["used"] if days else ["used", "unused"])
    blobs = await server.services.database.fetch_value("SELECT count(*) FROM source_map.blob")
    assert blobs == (2 if days else 4)


async def test_an_upload_in_use_stays_also_where_reports_are_kept_for_a_day(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader
) -> None:
    await uploader.upload(bundle(ONE), version="used")
    await age(server, "used", 23 / 24)
    await read(admin, await report(server, event(ONE)))
    since = await server.services.database.fetch_value("SELECT now() - min(used_at) FROM source_map.bundle")
    assert since < timedelta(hours=1)


async def test_unfinished_uploads_go_after_two_hours(server: Server, uploader: Uploader) -> None:
    database = server.services.database
    await uploader.send(b"a piece")
    await database.execute(
        "INSERT INTO source_map.bundle (id, service, checksum, created_by)"
        " VALUES (gen_random_uuid(), 'a', '', 'b')"
    )
    counts = "SELECT (SELECT count(*) FROM source_map.chunk) + (SELECT count(*) FROM source_map.bundle)"
    await keeping.expire(database, 90)
    assert await database.fetch_value(counts) == 2
    await database.execute("UPDATE source_map.chunk SET created_at = now() - interval '3 hours'")
    await database.execute("UPDATE source_map.bundle SET created_at = now() - interval '3 hours'")
    await keeping.expire(database, 90)
    assert await database.fetch_value(counts) == 0


async def test_pieces_that_go_while_they_are_put_together_are_sent_again(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the same upload comes twice at once, and one of them is done."""
    join = chunks.Chunks._join

    async def late(self: chunks.Chunks, *arguments: Any) -> None:
        await self._database.execute("DELETE FROM source_map.chunk")
        await join(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(chunks.Chunks, "_join", late)
        assert (await uploader.upload(bundle(ONE))).status_code == 503
    assert (await uploader.upload(bundle(ONE))).json()["state"] == "ok"


async def crashing_upload(uploader: Uploader, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Its files are there, and nothing says that it is complete."""

    async def crash(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(storage, "_abandon", crash)
        patched.setattr(storage, "SourceMapsUploaded", crash)
        assert (await uploader.upload(content)).status_code == 500


async def test_a_crash_in_the_middle_of_an_upload_is_seen_by_nobody(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crashing_upload(uploader, monkeypatch, bundle(ONE))
    assert await releases(admin) == []
    assert functions(await read(admin, await report(server, event(ONE))))[-1] == "o"
    assert (await uploader.upload(bundle(ONE))).json()["state"] == "ok"
    assert functions(await read(admin, await report(server, event(ONE))))[-1] == "priceOf"

"""Uploads as sentry-cli sends them: in pieces, to any replica; and all that an upload must not do to us."""

from __future__ import annotations

import asyncio
import io
import json
import random
import struct
import zipfile
from hashlib import sha1
from pathlib import Path
from typing import Any

import httpx
import pytest

from avalon.errors import BadInput, PayloadTooLarge
from avalon.routes import source_map_uploads
from avalon.source_maps import bundles, chunks
from tests.conftest import Server, Urls, running, settings_for
from tests.source_maps.bundles import (
    API,
    ONE,
    TWO,
    Uploader,
    bundle,
    event,
    functions,
    log_of,
    read,
    report,
    upload_key,
    zipped,
)


async def test_the_terms_are_what_sentry_cli_needs(admin: httpx.AsyncClient, uploader: Uploader) -> None:
    terms = (await admin.get(f"{API}/chunk-upload/", headers=uploader.headers)).json()
    assert terms["url"] == f"{API}/chunk-upload/"
    assert terms["hashAlgorithm"] == "sha1"
    assert {"release_files", "artifact_bundles", "artifact_bundles_v2"} <= set(terms["accept"])
    assert terms["chunkSize"] & (terms["chunkSize"] - 1) == 0


async def test_an_upload_is_listed_told_of_in_the_log_and_deleted(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader
) -> None:
    await uploader.upload(bundle(ONE, TWO), version="1.0", dist="7")
    found = (await admin.get("/api/source-maps", params={"service": server.service, "release": "1.0"})).json()
    (item,) = found["items"]
    assert (item["release"], item["dist"], item["scripts"], item["with_debug_id"]) == ("1.0", "7", 2, 2)
    assert item["names"] == sorted((ONE.url, TWO.url))
    assert item["created_by"] == "ci"
    assert item["bytes"] > 1000
    sent = await report(server, event(ONE))
    assert functions(await read(admin, sent))[-1] == "priceOf"
    assert (await admin.delete(f"/api/source-maps/{item['id']}")).status_code == 200
    assert functions(await read(admin, sent))[-1] == "o"
    assert (await admin.delete(f"/api/source-maps/{item['id']}")).status_code == 404
    facts = await log_of(admin)
    assert [fact["type"] for fact in facts] == ["source_maps.uploaded", "source_maps.deleted"]
    assert facts[0]["data"] == {
        "release": "1.0",
        "dist": "7",
        "scripts": 2,
        "names": [ONE.url, TWO.url],
        "bytes": item["bytes"],
    }
    assert (facts[1]["data"]["reason"], facts[1]["actor"][:5]) == ("asked", "user:")
    assert await server.services.database.fetch_value("SELECT count(*) FROM source_map.blob") == 0


async def test_the_same_upload_twice_is_one_and_equal_files_are_kept_once(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader
) -> None:
    assert (await uploader.upload(bundle(ONE), version="1.0")).json()["state"] == "ok"
    again = await uploader.assemble(bundle(ONE), version="1.0")
    assert again.json() == {"state": "ok", "missingChunks": [], "detail": None}
    await uploader.upload(bundle(ONE), version="1.1")
    assert len((await admin.get("/api/source-maps")).json()["items"]) == 2
    assert await server.services.database.fetch_value("SELECT count(*) FROM source_map.blob") == 2


async def test_pieces_may_go_to_one_replica_and_be_put_together_by_another(
    urls: Urls, tmp_path: Path
) -> None:
    async with running(settings_for(urls, tmp_path)) as one, running(settings_for(urls, tmp_path)) as two:
        headers = {"Authorization": f"Bearer {await one.login()}"}
        async with one.client(headers=headers) as first, two.client(headers=headers) as second:
            sent = await report(two, event(ONE), one.key)
            assert functions(await read(second, sent))[-1] == "o"
            key = await upload_key(first, one.service)
            content = bundle(ONE)
            half = (len(content) + 1) // 2
            parts = content[:half], content[half:]
            await Uploader(first, key).send(parts[0])
            await Uploader(second, key).send(parts[1])
            answer = await Uploader(second, key).assemble(content, chunk=half)
            assert answer.json()["missingChunks"] == []
            # The other one had remembered that there is nothing, and forgets it as the feed says so.
            sent = await report(one, event(ONE), one.key)
            async with asyncio.timeout(5):
                while functions(await read(first, sent))[-1] != "priceOf":
                    pass


async def test_a_key_for_reports_can_not_upload_and_nobody_without_one(
    server: Server, admin: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    for headers, status, code in [
        ({"Authorization": f"Bearer {server.key}"}, 403, "key_scope"),
        ({"X-API-Key": server.key}, 403, "key_scope"),
        ({}, 401, "key_missing"),
        ({"Authorization": admin.headers["Authorization"]}, 401, "key_unknown"),
    ]:
        refused = Uploader(client, "")
        refused.headers = headers
        for answer in (
            await client.get(f"{API}/chunk-upload/", headers=headers),
            await refused.send(b"a piece"),
            await refused.assemble(bundle(ONE)),
        ):
            assert (answer.status_code, answer.json()["code"]) == (status, code), headers
    assert await server.services.database.fetch_value("SELECT count(*) FROM source_map.chunk") == 0


async def test_services_do_not_see_each_others_maps(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader
) -> None:
    other = Uploader(admin, await upload_key(admin, "another"))
    await other.upload(bundle(ONE))
    assert functions(await read(admin, await report(server, event(ONE))))[-1] == "o"


async def test_pieces_must_be_what_their_names_say(server: Server, uploader: Uploader) -> None:
    wrong = sha1(b"another").hexdigest()
    for names in ([wrong], ["zz"], ["../../etc/passwd"], [""]):
        answer = await uploader.send(b"a piece", names=names)
        assert answer.status_code == 400, names
    content = bundle(ONE)
    await uploader.send(content)
    body = {"checksum": wrong, "chunks": [sha1(content).hexdigest()], "projects": ["any"]}
    path = f"{API}/artifactbundle/assemble/"
    answer = await uploader.client.post(path, json=body, headers=uploader.headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
    for body in ({}, {"checksum": "x", "chunks": []}, {"checksum": wrong, "chunks": [wrong] * 10_000}, []):
        answer = await uploader.client.post(path, json=body, headers=uploader.headers)
        assert 400 <= answer.status_code < 500, body


async def test_a_piece_is_bounded_before_and_after_it_is_inflated(uploader: Uploader) -> None:
    bomb = bytes(chunks.CHUNK_BYTES + 1)
    assert (await uploader.send(bomb)).status_code == 413
    piece = bytes(chunks.CHUNK_BYTES)
    assert (await uploader.send(*[piece] * (chunks.CHUNKS_PER_REQUEST + 1))).status_code == 400
    broken = [("file_gzip", (sha1(b"").hexdigest(), b"no gzip"))]
    answer = await uploader.client.post(f"{API}/chunk-upload/", files=broken, headers=uploader.headers)
    assert answer.status_code == 400


async def test_pieces_that_never_arrive_let_others_upload(
    server: Server, uploader: Uploader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the limit of time this one would wait for ever."""
    monkeypatch.setattr(source_map_uploads, "BODY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(server.services.chunks, "reading", asyncio.Semaphore(1))
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = {"Host": host, "Content-Length": "1000", "Content-Type": "multipart/form-data; boundary=a"}
    lines = [f"{name}: {value}\r\n" for name, value in (head | uploader.headers).items()]
    writer.write(f"POST {API}/chunk-upload/ HTTP/1.1\r\n{''.join(lines)}\r\n--a\r\n".encode())
    async with asyncio.timeout(10):
        assert b" 400 " in await reader.readline()
        assert (await uploader.upload(bundle(ONE))).json()["state"] == "ok"
    writer.close()


async def test_unfinished_uploads_are_bounded(uploader: Uploader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "MAX_WAITING_BYTES", 2_000)
    assert (await uploader.send(bytes(1_500))).status_code == 200
    assert (await uploader.send(b"x" * 1_500)).status_code == 413


def _bomb() -> bytes:
    """A small zip whose one file is too large."""
    files = {"a.js.map": {"type": "source_map", "url": "~/a.js.map", "headers": {}}}
    return zipped({"files": files}, {"a.js.map": bytes(bundles.MAX_FILE_BYTES + 1)})


def _many(entries: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(entries):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    return file.getvalue()


def _lying(entries: int, content: bytes) -> bytes:
    """The same bytes with another count of entries at the end."""
    at = content.rindex(b"PK\x05\x06")
    return content[: at + 8] + struct.pack("<HH", entries, entries) + content[at + 12 :]


def _elsewhere(entries: int, content: bytes) -> bytes:
    """The same bytes with a small directory at the end, and where the real one is in a record before that."""
    at = content.rindex(b"PK\x05\x06")
    *_, count, length, start, _ = struct.unpack_from("<4s4H2LH", content, at)
    at = start + length
    real = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
    place = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, 100, 0, 0)
    return content[:at] + real + place + end


def _manifest(manifest: Any, **files: bytes) -> bytes:
    return zipped(manifest, files)


_FILE = {"type": "source_map", "url": "~/a.js.map", "headers": {}}
BAD = {
    "nothing": b"",
    "no zip": b"SYSB\x02\0\0\0 and then something else",
    "half a zip": bundle(ONE)[:900],
    "no end": bundle(ONE)[:-30],
    "no manifest": _many(1),
    "a manifest that is no JSON": zipped(b"{]", {}),
    "a manifest of another shape": _manifest({"files": [1, 2]}),
    "a manifest nested deeply": _manifest({"files": {"a": {"headers": json.loads("[" * 900 + "]" * 900)}}}),
    "a file that is not there": _manifest({"files": {"../../../etc/passwd": _FILE}}),
    "a release of control characters": _manifest({"files": {"a": _FILE}, "release": "\0\n"}, a=b"{}"),
    "a damaged file": bundle(ONE)[:80] + b"damage" + bundle(ONE)[86:],
}


async def test_what_is_no_bundle_is_the_clients_mistake(uploader: Uploader) -> None:
    for name, content in BAD.items():
        answer = await uploader.upload(content) if content else await uploader.assemble(content)
        assert answer.status_code in (400, 413), (name, answer.text)


async def test_a_bomb_is_too_large_and_leaves_nothing_behind(server: Server, uploader: Uploader) -> None:
    answer = await uploader.upload(_bomb())
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert await server.services.database.fetch_value("SELECT count(*) FROM source_map.bundle") == 0
    assert await server.services.database.fetch_value("SELECT count(*) FROM source_map.blob") == 0


def test_a_hundred_thousand_entries_are_too_many_whatever_their_count_says() -> None:
    many = _many(100_000)
    for content in (many, _lying(3, many), _elsewhere(3, many)):
        with pytest.raises(PayloadTooLarge, match="entries"):
            bundles.check_directory(io.BytesIO(content))  # before there is an object of each


def test_a_damaged_bundle_is_read_or_refused_and_nothing_else() -> None:
    good, chance = bundle(ONE, TWO), random.Random(7)
    refused = 0
    for _ in range(1_500):
        content = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        del content[chance.choice([len(content), chance.randrange(len(content))]) :]
        try:
            found = bundles.Bundle(io.BytesIO(content))
            for pair in found.pairs:
                found.read(pair.map)
        except BadInput:  # PayloadTooLarge is one
            refused += 1
    assert 500 < refused < 1_500


async def test_names_of_entries_are_only_names(
    server: Server, admin: httpx.AsyncClient, uploader: Uploader
) -> None:
    files = {
        "../../../../tmp/a": {**_FILE, "url": "../../../../tmp/a.js.map"},
        "/etc/b": {**_FILE, "url": "/etc/b.js.map"},
        "c": {**_FILE, "url": "x" * 3000},
        "d": {**_FILE, "url": "nul\0"},
        "e": {**_FILE, "url": ""},
    }
    answer = await uploader.upload(zipped({"files": files}, dict.fromkeys(files, b"{}")))
    assert answer.json()["state"] == "ok"
    (item,) = (await admin.get("/api/source-maps")).json()["items"]
    assert item["names"] == ["../../../../tmp/a.js", "/etc/b.js"]

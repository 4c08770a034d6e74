"""Bodies that are large, or never whole: what all of them together may keep in memory is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from avalon.ingest import queue
from tests.conftest import Server

DEADLINE_S = 10.0
PART_BYTES = 400_000


@pytest.fixture(autouse=True)
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", int(2.5 * PART_BYTES))
    monkeypatch.setattr(queue, "HELD_KEY_SHARE", 1.0)


@asynccontextmanager
async def half_a_body(server: Server, path: str = "/report", **headers: str) -> AsyncIterator[None]:
    """A request that has sent so much of its body, and sends no more."""
    host, port = server.url.removeprefix("http://").split(":")
    before = server.services.ingest._held_bytes
    _, writer = await asyncio.open_connection(host, int(port))
    head = {"Host": host, "Content-Length": str(2 * PART_BYTES)} | headers
    writer.write(f"POST {path} HTTP/1.1\r\n".encode())
    writer.write(b"".join(f"{name}: {value}\r\n".encode() for name, value in head.items()) + b"\r\n")
    writer.write(b" " * PART_BYTES)
    await held(server, before + PART_BYTES)
    yield
    writer.close()


async def held(server: Server, size: int) -> None:
    """Waits until exactly so much is held."""
    async with asyncio.timeout(DEADLINE_S):
        while server.services.ingest._held_bytes != size:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def large_report(server: Server, key: str = "") -> httpx.Response:
    body = {"error": {"message": "boom", "stack": "x" * PART_BYTES}}
    async with server.client(headers={"X-API-Key": key or server.key}) as client:
        return await client.post("/report", json=body)


async def test_bodies_that_are_never_whole_do_not_fill_the_memory(server: Server) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(half_a_body(server, **{"X-API-Key": server.key}))
        answer = await large_report(server)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        await server.report("a small one holds nothing")
    await held(server, 0)
    assert (await large_report(server)).status_code == 201
    await held(server, 0)


async def test_without_the_bound_they_do(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", 10**9)
    async with AsyncExitStack() as stack:
        for _ in range(5):
            await stack.enter_async_context(half_a_body(server, **{"X-API-Key": server.key}))
        assert server.services.ingest._held_bytes == 5 * PART_BYTES
        assert (await large_report(server)).status_code == 201


@pytest.mark.parametrize("share", [0.6, 1.0], ids=["with a share", "the control"])
async def test_what_one_key_holds_leaves_room_for_others(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    monkeypatch.setattr(queue, "HELD_BYTES_LIMIT", int(3.5 * PART_BYTES))
    monkeypatch.setattr(queue, "HELD_KEY_SHARE", share)
    made = await admin.post("/api/keys", json={"name": "other", "service": "other"})
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(half_a_body(server, **{"X-API-Key": server.key}))
        assert (await large_report(server)).status_code == (503 if share < 1 else 201)
        assert (await large_report(server, made.json()["key"])).status_code == 201
    await held(server, 0)
    assert not server.services.ingest._held_per_key


async def test_whatever_becomes_of_a_large_body_nothing_is_held_after_it(server: Server) -> None:
    bodies: list[Any] = [
        b"{" * PART_BYTES,
        b" " * 3 * PART_BYTES,
        b'"' + b"a" * PART_BYTES + b'"',
        b"\0" * PART_BYTES,
    ]
    async with server.client(headers={"X-API-Key": server.key}) as client:
        for body in bodies:
            for encoding in ("", "gzip"):
                headers = {"Content-Encoding": encoding} if encoding else {}
                answer = await client.post("/report", content=body, headers=headers)
                assert answer.status_code in (400, 413)
    await held(server, 0)


async def test_a_login_is_small(server: Server, client: httpx.AsyncClient) -> None:
    """Anybody may send one: sixteen kilobytes of it are read, and no more."""
    login = {"username": "admin", "password": "x" * 20_000}
    assert (await client.post("/api/auth/login", json=login)).status_code == 413
    login = {"username": "admin", "password": "x" * 10_000}
    assert (await client.post("/api/auth/login", json=login)).status_code == 401

"""The security headers on every answer of a real server: at every door, of every status, over every layer."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from avalon import app as application
from avalon.auth.sessions import Sessions
from avalon.ingest import queue
from tests.conftest import Server, Urls, running, settings_for
from tests.routes.doors import doors, handshake, knock, sign_in
from tests.routes.test_headers import EXPECTED

HSTS = "strict-transport-security"


def missing(answer: httpx.Response) -> list[str]:
    """What an answer lacks of what every one has."""
    return [name for name, value in EXPECTED.items() if answer.headers.get(name) != value]


async def test_at_every_door(server: Server, admin: httpx.AsyncClient) -> None:
    token = await sign_in(server, admin, "admin")
    for headers in ({}, {"Authorization": f"Bearer {token}"}):
        async with server.client(headers=headers) as client:
            for door in doors():
                answer = await knock(client, door)
                assert missing(answer) == [], door
                assert HSTS not in answer.headers
                assert "server" not in answer.headers
                if not door.template.startswith("/static/") and "etag" not in answer.headers:
                    assert answer.headers["cache-control"] == "no-store", door


async def answers_of_every_status(server: Server, headers: dict[str, str]) -> dict[int, httpx.Response]:
    """One answer of each status that the service gives; the last two are forced."""
    ours = {"X-API-Key": server.key}
    login = {"username": "nobody", "password": "x"}
    async with server.client(headers=headers) as client:
        found = [
            await client.get("/"),
            await client.post("/report", json={"error": {"message": "boom"}}, headers=ours),
            await client.options("/report", headers={"Origin": "https://shop.example"}),
            await client.get("/", headers={"If-None-Match": "*"}),
            await client.post("/report", content=b"{", headers=ours),
            await client.get("/api/errors"),
            await client.post("/api/auth/login", json=login, headers={"Origin": "https://evil.example"}),
            await client.get("/static/nothing.js"),
            await client.delete("/report"),
            await client.post("/report", content=b"a" * 1_100_000, headers=ours),
            await client.post("/report", content=b"{}", headers=ours | {"Content-Encoding": "rot13"}),
            *[await client.post("/api/auth/login", json=login) for _ in range(6)],
        ]
        async with forced(server) as bearer:
            found.append(await client.get("/api/auth/sessions", headers=bearer))
            found.append(await client.post("/report", content=gzip.compress(b"{}"), headers=ours))
    return {answer.status_code: answer for answer in found}


@asynccontextmanager
async def forced(server: Server) -> AsyncIterator[dict[str, str]]:
    """While it lasts, one route fails as nobody foresaw and the queue is full; gives an admin's headers."""

    async def fail(*_: Any) -> None:
        raise RuntimeError("the password is hunter2")

    token = await server.login()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sessions, "of_user", fail)
        patch.setattr(queue, "QUEUE_EVENTS_LIMIT", 0)
        yield {"Authorization": f"Bearer {token}"}


EVERY_STATUS = {200, 201, 204, 304, 400, 401, 403, 404, 405, 413, 415, 429, 500, 503}


async def test_of_every_status(server: Server) -> None:
    answers = await answers_of_every_status(server, {})
    assert set(answers) == EVERY_STATUS
    for status, answer in answers.items():
        assert missing(answer) == [], status
        assert HSTS not in answer.headers
        assert "hunter2" not in answer.text
        if status >= 400:
            assert answer.json()["status"] == "error"


async def test_behind_tls_every_answer_has_hsts_too(urls: Urls, tmp_path: Path) -> None:
    settings = settings_for(urls, tmp_path, AVALON_TRUSTED_PROXIES="127.0.0.1")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    async with running(settings) as server:
        answers = await answers_of_every_status(server, forwarded)
        assert set(answers) == EVERY_STATUS
        for status, answer in answers.items():
            assert answer.headers[HSTS].startswith("max-age=31536000"), status
            assert missing(answer) == []
        assert HSTS in (await handshake(server, **forwarded))[1]
        assert HSTS not in (await answers_of_every_status(server, {}))[200].headers


async def test_who_is_no_proxy_of_ours_is_not_believed(server: Server) -> None:
    answers = await answers_of_every_status(server, {"X-Forwarded-Proto": "https"})
    assert all(HSTS not in answer.headers for answer in answers.values())


async def test_a_refused_socket_has_them(server: Server) -> None:
    for path in ("/ws", "/api/ws", "/nothing", "/report"):
        status, headers = await handshake(server, path)
        assert status in (401, 404), path
        assert {name: headers.get(name) for name in EXPECTED} == EXPECTED, path


async def test_without_the_layer_they_are_missing(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr(application, "headers", lambda app, settings: app)
    async with running(server.settings) as bare, bare.client() as client:
        for path in ("/", "/api/errors", "/nothing"):
            assert missing(await client.get(path)) == list(EXPECTED)

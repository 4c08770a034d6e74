"""Every route with every method: who is let in is written down, and nobody else is."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from avalon import app as application
from tests.conftest import Server, running
from tests.routes.doors import (
    ACCESS,
    ADMIN,
    BEFORE_PASSWORD_CHANGE,
    KEY,
    MEMBER,
    OPEN,
    SAFE,
    VIEWER,
    Door,
    documented,
    doors,
    handshake,
    knock,
    routed,
    sign_in,
)
from tests.routes.test_gate import CLOSED

RANK = [OPEN, VIEWER, MEMBER, ADMIN]
TURNED_AWAY = {401, 403, 405}


def allowed(role: str) -> set[str]:
    """What this role may do over plain HTTP, without an API key."""
    known = {operation: who for operation, who in ACCESS.items() if who in RANK and operation != "GET /ws"}
    return {operation for operation, who in known.items() if RANK.index(who) <= RANK.index(role)}


async def sweep(server: Server, token: str | None = None) -> dict[Door, httpx.Response]:
    """The answer at every door."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with server.client(headers=headers) as client:
        return {door: await knock(client, door) for door in doors()}


def let_in(answers: dict[Door, httpx.Response]) -> set[str]:
    """The operations that were not turned away. HEAD and OPTIONS say no more than that there is a door."""
    return {
        str(door)
        for door, answer in answers.items()
        if answer.status_code not in TURNED_AWAY and door.method not in ("HEAD", "OPTIONS")
    }


async def test_every_route_is_written_down(server: Server, client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert routed(server.settings) == set(ACCESS)
    assert documented(document) == set(ACCESS)
    for operation, who in ACCESS.items():
        method, _, path = operation.partition(" ")
        security = document["paths"][path][method.lower()]["security"]
        assert bool(security) is (who != OPEN), operation


async def test_nobody_is_let_in_but_where_it_is_written(server: Server) -> None:
    answers = await sweep(server)
    assert let_in(answers) == allowed(OPEN)
    for door, answer in answers.items():
        if door.template.startswith("/api/") and door.template not in open_addresses(KEY):
            assert answer.status_code == 401, door
            assert door.method == "HEAD" or answer.json()["code"] == "unauthorized"


def open_addresses(*also: str) -> set[str]:
    return {operation.partition(" ")[2] for operation, who in ACCESS.items() if who in (OPEN, *also)}


@pytest.mark.parametrize("role", [VIEWER, MEMBER, ADMIN])
async def test_each_role_is_let_in_where_it_is_written(
    server: Server, admin: httpx.AsyncClient, role: str
) -> None:
    answers = await sweep(server, await sign_in(server, admin, role))
    assert let_in(answers) == allowed(role)
    refused = {
        door: answer for door, answer in answers.items() if str(door) in allowed(ADMIN) - allowed(role)
    }
    for door, answer in refused.items():
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), door
    assert bool(refused) is (role != ADMIN)


async def test_before_the_password_is_changed_only_ones_own_account_is_there(
    server: Server, admin: httpx.AsyncClient
) -> None:
    token = await sign_in(server, admin, ADMIN, password=None)
    answers = await sweep(server, token)
    assert let_in(answers) == allowed(OPEN) | BEFORE_PASSWORD_CHANGE
    token = await sign_in(server, admin, ADMIN, password=None)
    assert (await handshake(server, Authorization=f"Bearer {token}"))[0] == 403


async def test_no_answer_at_any_door_is_an_error_of_ours(server: Server, admin: httpx.AsyncClient) -> None:
    token = await sign_in(server, admin, ADMIN)
    for answers in (await sweep(server), await sweep(server, token)):
        assert {d: a.status_code for d, a in answers.items() if a.status_code >= 500} == {}


async def test_without_the_gate_the_sweep_finds_open_doors(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: handlers that have no guard of their own stand open."""
    monkeypatch.setattr(application, "gate", lambda app, settings: app)
    async with running(server.settings) as ungated:
        opened = let_in(await sweep(ungated)) - allowed(OPEN)
    assert {"GET /api/keys", "GET /api/sinks", "GET /api/settings"} <= opened


async def test_without_the_guards_the_sweep_finds_what_a_viewer_may_not(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same sweep, every role as good as any."""
    monkeypatch.setattr("avalon.routes.dependencies.ROLES", _AllTheSame())
    opened = let_in(await sweep(server, await sign_in(server, admin, VIEWER))) - allowed(VIEWER)
    assert {"POST /api/keys", "GET /api/users", "GET /api/log", "DELETE /api/errors"} <= opened


class _AllTheSame:
    def index(self, role: str) -> int:
        return 9


async def test_unknown_addresses_and_tricks_are_closed_over_a_real_socket(server: Server) -> None:
    """As bytes: no client tidies the path up."""
    host, port = server.url.removeprefix("http://").split(":")
    for path in [
        *CLOSED,
        "/api?x=/api/docs",
        "/api/%2e%2e/health/live",
        "http://x/api/keys",
        "/api/docs/%2e%2e/log",
    ]:
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        status = (await asyncio.wait_for(reader.read(), 5)).split(b" ", 2)[1]
        writer.close()
        assert status == b"401", path


async def test_reading_changes_nothing(server: Server, admin: httpx.AsyncClient) -> None:
    token = await sign_in(server, admin, ADMIN)
    before = await written(server)
    async with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
        for door in doors():
            if door.method in SAFE:
                await knock(client, door)
    assert await written(server) == before
    await server.report("boom")
    assert await written(server) != before


async def written(server: Server) -> Any:
    """All that a request of somebody signed in could change."""
    return await server.services.database.fetch_dicts(
        "SELECT (SELECT max(position) FROM log.event) AS head,"
        " (SELECT md5(string_agg(u::text, ',' ORDER BY u.id)) FROM account.app_user AS u) AS users,"
        " (SELECT md5(string_agg(s::text, ',' ORDER BY s.id)) FROM account.session AS s) AS sessions"
    )

"""Guessing passwords over HTTP: what the time says, and how many guesses are really tried."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import Any

import psycopg
import pytest

from avalon.auth.passwords import Passwords
from avalon.auth.throttle import Throttle
from tests.conftest import ADMIN, ADMIN_PASSWORD, Server

ROUNDS = 15
GUESSES = 60


async def guess(server: Server, passwords: Iterable[str], *usernames: str) -> Counter[int]:
    """The answers to so many logins at once, of one user or of each a name of its own."""
    async with server.client(timeout=30) as client:
        logins = [
            client.post("/api/auth/login", json={"username": username, "password": password})
            for username, password in zip(cycle(usernames), passwords, strict=False)
        ]
        return Counter(answer.status_code for answer in await asyncio.gather(*logins))


def so_many(number: int) -> list[str]:
    return [f"guess {n}" for n in range(number)]


async def unknown_to_known(server: Server) -> float:
    """The median time of a login of nobody, as a share of that of somebody with a wrong password."""
    times: dict[str, list[float]] = {ADMIN: [], "nobody": []}
    async with server.client() as client:
        for _ in range(ROUNDS):
            for username, spent in times.items():
                await forget_attempts(server)
                body = {"username": username, "password": "not the password"}
                begun = perf_counter()
                assert (await client.post("/api/auth/login", json=body)).status_code == 401
                spent.append(perf_counter() - begun)
    return median(times["nobody"]) / median(times[ADMIN])


async def forget_attempts(server: Server) -> None:
    async with await psycopg.AsyncConnection.connect(server.settings.database_owner_url or "") as owner:
        await owner.execute("DELETE FROM runtime.login_attempt")


async def test_the_time_does_not_tell_who_exists(server: Server) -> None:
    assert 0.6 < await unknown_to_known(server) < 1.6


async def test_without_a_hash_for_nobody_the_time_tells(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    matches = Passwords.matches

    async def hasty(self: Passwords, password: str, stored: str | None) -> bool:
        return stored is not None and await matches(self, password, stored)

    monkeypatch.setattr(Passwords, "matches", hasty)
    assert await unknown_to_known(server) < 0.6


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The guesses that got as far as a hash."""
    found: list[str] = []
    matches = Passwords.matches

    async def counted(self: Passwords, password: str, stored: str | None) -> bool:
        found.append(password)
        return await matches(self, password, stored)

    monkeypatch.setattr(Passwords, "matches", counted)
    return found


@pytest.mark.parametrize("username", [ADMIN, "nobody", "ADMIN"])
async def test_parallel_guesses_do_not_slip_through_together(
    server: Server, tried: list[str], username: str
) -> None:
    assert await guess(server, so_many(GUESSES), username) == {401: 5, 429: GUESSES - 5}
    assert len(tried) == 5


async def test_one_address_can_not_try_a_list_of_names(server: Server, tried: list[str]) -> None:
    names = [f"name {number}" for number in range(120)]
    answers: Counter[int] = Counter()
    for begin in range(0, 120, 40):
        answers += await guess(server, so_many(40), *names[begin : begin + 40])
    assert answers == {401: 100, 429: 20}
    assert len(tried) == 100


async def test_somebody_who_guesses_does_not_keep_others_out(server: Server) -> None:
    await guess(server, so_many(20), "nobody")
    assert await guess(server, [ADMIN_PASSWORD], ADMIN) == {200: 1}


async def test_without_the_throttle_every_guess_is_tried(
    server: Server, tried: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    async def admit(*_: Any) -> None:
        pass

    monkeypatch.setattr(Throttle, "admit", admit)
    assert await guess(server, so_many(20), ADMIN) == {401: 20}
    assert len(tried) == 20


async def test_a_flood_of_logins_is_bounded_and_hurts_no_report(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past those who may wait in line for a hash the answer is 503, and reports go on."""

    async def admit(*_: Any) -> None:
        pass

    monkeypatch.setattr(Throttle, "admit", admit)
    flood = asyncio.create_task(guess(server, so_many(120), ADMIN))
    async with server.client(headers={"X-API-Key": server.key}) as client:
        while not flood.done():
            begun = perf_counter()
            answer = await client.post("/report", json={"error": {"message": "still taken"}})
            assert answer.status_code == 201
            assert perf_counter() - begun < 2.0
    assert set(await flood) == {401, 503}

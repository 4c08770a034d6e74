"""Guessing passwords over HTTP: what the time says, and how many guesses are really tried."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import psycopg
import pytest

from avalon.auth.passwords import MAX_WAITING, Passwords
from avalon.auth.throttle import Throttle
from tests.conftest import ADMIN, ADMIN_PASSWORD, Server

ROUNDS = 15
GUESSES = 60
FLOOD = 2 * MAX_WAITING
DEADLINE_S = 30.0


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
    """Past those who may wait in line for a hash the answer is 503; reports go on while no hash gets done."""

    async def admit(*_: Any) -> None:
        pass

    monkeypatch.setattr(Throttle, "admit", admit)
    is_over = threading.Event()
    ended_in_time = slow_hashes(monkeypatch, is_over, wait_s=DEADLINE_S)
    async with server.client(timeout=DEADLINE_S, limits=httpx.Limits()) as client:
        body = {"username": ADMIN, "password": "a guess"}
        flood = [asyncio.create_task(client.post("/api/auth/login", json=body)) for _ in range(FLOOD)]
        for answer in islice(asyncio.as_completed(flood), FLOOD - MAX_WAITING):
            assert (await answer).status_code == 503
        await server.report("still taken")
        is_over.set()
        answers = Counter(answer.status_code for answer in await asyncio.gather(*flood))
    assert answers == {401: MAX_WAITING, 503: FLOOD - MAX_WAITING}
    assert ended_in_time == [True] * MAX_WAITING


async def test_a_hash_on_the_loop_would_keep_reports_waiting(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""

    async def run(self: Passwords, work: Callable[[], object]) -> object:
        return work()

    monkeypatch.setattr(Passwords, "_run", run)
    is_over = threading.Event()
    ended_in_time = slow_hashes(monkeypatch, is_over, wait_s=0.2)
    login = asyncio.create_task(guess(server, ["a guess"], ADMIN))
    while not ended_in_time:
        await server.report("late")
    is_over.set()
    assert await login == {401: 1}
    assert ended_in_time == [False]


def slow_hashes(monkeypatch: pytest.MonkeyPatch, is_over: threading.Event, wait_s: float) -> list[bool]:
    """No password is verified before the end, or so many seconds; whether it was the end, of each."""
    ended_in_time: list[bool] = []

    def verify(*_: Any) -> bool:
        ended_in_time.append(is_over.wait(wait_s))
        return False

    monkeypatch.setattr(Passwords, "_verify", verify)
    return ended_in_time

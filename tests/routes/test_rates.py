"""A key's rate holds over all replicas, to within one batch; without the look at the log it would not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from avalon.ingest.rates import Rates
from avalon.ingest.ticket import Pending
from tests.conftest import Server, Urls, plain_client, running, settings_for

RATE = 60
IN_FLIGHT = 10


async def flood(url: str, key: str, reports: int) -> list[int]:
    """Statuses of so many reports, `IN_FLIGHT` at a time: what one append of that replica can hold."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(client: httpx.AsyncClient) -> int:
        async with gate:
            return (await client.post("/report", json={"error": {"message": "boom"}})).status_code

    async with plain_client(url, headers={"X-API-Key": key}) as client:
        return list(await asyncio.gather(*(one(client) for _ in range(reports))))


async def stored_in_the_fullest_minute(server: Server) -> int:
    count: int = await server.services.database.fetch_value(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM log.event WHERE type = 'error.reported'"
        " GROUP BY date_bin('1 minute', recorded_at, 'epoch')) AS minutes"
    )
    return count


async def limited_key(server: Server) -> str:
    headers = {"Authorization": f"Bearer {await server.login()}"}
    body = {"name": "limited", "service": "limited", "rate_per_minute": RATE}
    async with server.client(headers=headers) as client:
        key: str = (await client.post("/api/keys", json=body)).raise_for_status().json()["key"]
        return key


async def both_flooded(urls: Urls, folder: Path) -> tuple[list[int], int]:
    """Two replicas under one key at once: all statuses, and what the fullest minute holds."""
    settings = settings_for(urls, folder)
    async with running(settings) as one, running(settings) as other:
        key = await limited_key(one)
        found = await asyncio.gather(*(flood(server.url, key, 150) for server in (one, other)))
        return [status for statuses in found for status in statuses], await stored_in_the_fullest_minute(one)


async def test_a_rate_holds_over_two_replicas(urls: Urls, tmp_path: Path) -> None:
    statuses, fullest = await both_flooded(urls, tmp_path)
    assert set(statuses) == {201, 429}
    assert RATE <= fullest <= RATE + IN_FLIGHT


async def test_without_the_look_at_the_log_it_does_not(
    urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def admit(_: Rates, batch: list[Pending]) -> list[Pending]:
        return batch

    monkeypatch.setattr(Rates, "admit", admit)
    statuses, fullest = await both_flooded(urls, tmp_path)
    assert set(statuses) == {201}
    assert fullest > RATE + IN_FLIGHT

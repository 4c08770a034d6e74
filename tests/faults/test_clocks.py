"""Clients whose clocks are wrong by decades: nothing is lost, order stays ours, every list can be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from avalon.projections import verify
from tests.conftest import Server
from tests.faults.ledger import Heard, until

NOW = datetime.now(UTC)
CLOCKS: list[Any] = [
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "1999-12-31T23:59:59Z",
    "2100-01-01T00:00:00Z",
    (NOW + timedelta(days=400)).isoformat(),
    (NOW + timedelta(seconds=30)).isoformat(),
    (NOW - timedelta(days=400)).isoformat(),
    (NOW - timedelta(minutes=10)).isoformat(),
    0,
    -1,
    253402300799,
    10**18,
    1e300,
    "10000-01-01T00:00:00Z",
    "infinity",
    "-infinity",
    "",
    "yesterday",
    None,
]
LISTS = (
    "/api/errors?limit=200",
    "/api/errors?since=2000-01-01T00:00:00Z&until=2100-12-31T00:00:00Z",
    "/api/errors?take=50&skip=0",
    "/api/services",
    "/api/stats?since=2020-01-01T00:00:00Z",
    "/api/stats",
    "/api/log?limit=200",
    "/api/keys",
)


async def test_any_clock_is_taken_and_changes_no_order(server: Server, admin: httpx.AsyncClient) -> None:
    heard = Heard()
    positions = []
    async with heard.listening(server, await server.login()):
        for number, clock in enumerate(CLOCKS):
            positions.append((await server.report(f"report {number}", timestamp=clock))["position"])
        await until(lambda: len(heard.ids) >= len(CLOCKS))
    assert positions == sorted(positions)
    assert heard.ids == [str(number) for number in range(len(CLOCKS))]
    rows = await server.services.database.fetch_dicts(
        "SELECT occurred_at, recorded_at FROM log.event WHERE type = 'error.reported' ORDER BY position"
    )
    assert all(row["occurred_at"] <= row["recorded_at"] + timedelta(minutes=1) for row in rows)
    assert all(row["occurred_at"] >= datetime(2000, 1, 1, tzinfo=UTC) for row in rows)
    assert [row["recorded_at"] for row in rows] == sorted(row["recorded_at"] for row in rows)
    for path in LISTS:
        assert (await admin.get(path)).status_code == 200, path
    listed = (await admin.get(LISTS[0])).json()["items"]
    assert {item["message"] for item in listed} == {f"report {number}" for number in range(len(CLOCKS))}
    assert await verify(server.settings.database_owner_url or "") == []


@pytest.mark.parametrize("clock", ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_batch_from_such_a_clock_is_stored_whole(server: Server, clock: str) -> None:
    batch = [{"error": {"message": f"report {n}"}, "timestamp": clock} for n in range(100)]
    async with server.client(headers={"X-API-Key": server.key}) as client:
        answer = await client.post("/report/batch", json=batch)
    assert (answer.status_code, answer.json()["accepted"]) == (201, 100)

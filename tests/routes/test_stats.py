"""`/api/stats`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from avalon.database import Database
from tests.history import a_report, ago, report
from tests.routes.reads_help import App


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client("viewer")


async def read(client: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await client.get("/api/stats", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_day_in_hours_with_the_empty_ones(client: httpx.AsyncClient, database: Database) -> None:
    await report(
        database, a_report(), a_report(level="fatal", occurred_at=ago(hours=2)), a_report(service="web")
    )
    found = await read(client)
    assert (found["total"], found["by_level"]) == (3, {"error": 2, "fatal": 1})
    assert (found["by_service"], found["step_s"]) == ({"api": 2, "web": 1}, 3600)
    assert len(found["series"]) == 25
    assert found["series"][0] == {"at": found["since"], "total": 0, "by_level": {}}
    assert [step["total"] for step in found["series"][-3:]] == [1, 0, 2]
    assert found["series"][-1]["by_level"] == {"error": 2}


async def test_filters_and_steps(client: httpx.AsyncClient, database: Database) -> None:
    await report(database, a_report(environment="prod"), a_report(level="fatal"), a_report(service="web"))
    assert (await read(client, service="web"))["total"] == 1
    assert (await read(client, level="fatal"))["total"] == 1
    assert (await read(client, environment="prod"))["total"] == 1
    assert (await read(client, step="minute"))["step_s"] == 60
    assert (await read(client, step="900"))["total"] == 3
    assert (await read(client, since=ago(days=40).isoformat()))["step_s"] == 86_400
    assert (await read(client, until=ago(days=1).isoformat()))["total"] == 0


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"step": "1"}, "step"),
        ({"step": "minute", "since": "2020-01-01"}, "step"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, "since"),
        ({"since": "x"}, "since"),
        ({"level": "loud"}, "level"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, params: dict[str, str], field: str
) -> None:
    answer = await client.get("/api/stats", params=params)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{field}: ")

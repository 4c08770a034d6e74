"""`/health/live`, `/health/ready`, `/metrics`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from avalon.database import Database
from avalon.errors import Unavailable
from avalon.routes import health
from tests.conftest import Server, Urls
from tests.routes.reads_help import App


class Away:
    """A database that is not there."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        raise Unavailable
        yield


async def test_all_is_well(database: Database) -> None:
    client = App(database).client(None)
    for path in ("/health/live", "/health/ready"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert (await client.head(path)).status_code == 200


async def test_a_service_that_has_started_is_ready(server: Server) -> None:
    async with server.client() as client:
        deadline = time.monotonic() + 10
        while (answer := await client.get("/health/ready")).status_code != 200:
            assert time.monotonic() < deadline, answer.text
            await asyncio.sleep(0.05)
        assert (await client.get("/metrics")).status_code == 200


async def test_without_postgres_it_lives_and_is_not_ready() -> None:
    away: Any = Away()
    client = App(away).client(None)
    assert (await client.get("/health/live")).status_code == 200
    answer = await client.get("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert answer.json()["message"] == "Postgres did not answer within 1 s"
    assert answer.headers["retry-after"] == "1"


async def test_without_a_schema_it_is_not_ready(empty_urls: Urls) -> None:
    database = Database(empty_urls.service)
    await database.open()
    answer = await App(database).client(None).get("/health/ready")
    await database.close()
    assert answer.status_code == 503
    assert "avalon migrate" in answer.json()["message"]


async def test_without_its_rights_it_is_not_ready(
    database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    await owner.execute("REVOKE ALL ON runtime.release FROM avalon_app")
    answer = await App(database).client(None).get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["message"].startswith("this login can't read the schema")


async def test_without_a_listener_that_cycles_it_is_not_ready(database: Database) -> None:
    app = App(database)
    app.listener.healthy = False
    app.listener.state = "lost"
    answer = await app.client(None).get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["message"] == "the listener is not cycling (lost)"


async def test_many_probes_look_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def look(_: object) -> str | None:
        nonlocal looks
        looks += 1
        return None

    monkeypatch.setattr(health, "find_fault", look)
    client = App(database).client(None)
    for _ in range(20):
        await client.get("/health/ready")
    assert looks == 1
    monkeypatch.setattr(health, "KNOWN_FOR_S", 0.0)
    await client.get("/health/ready")
    assert looks == 2


async def test_metrics_are_prometheus_text_with_bounded_labels(database: Database) -> None:
    client = App(database).client()
    for number in range(30):
        await client.get(f"/api/errors?service=s{number}")
        await client.get(f"/nothing/{number}")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "avalon_reports_total" in answer.text
    ours = [line for line in answer.text.splitlines() if line.startswith("avalon_requests_total{")]
    assert 0 < len(ours) <= 24
    assert "nothing" not in answer.text
    assert "s29" not in answer.text

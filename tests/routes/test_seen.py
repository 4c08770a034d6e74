"""Nothing was last seen before it was first seen, though the former is kept by the minute."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg

from avalon.database import Database
from tests.history import a_report, ago, report
from tests.routes.reads_help import App

ISSUE = UUID(int=1)
PATHS = (
    "/api/issues",
    f"/api/issues/{ISSUE}",
    f"/api/issues/{ISSUE}/groups",
    f"/api/issues/{ISSUE}/tags",
    "/api/releases",
    "/api/services",
    "/api/changes?from=release:1.0&to=release:2.0",
    f"/api/changes?from={ago(hours=3).strftime('%Y-%m-%dT%H:%M:%SZ')}",
)


def seen(answer: Any) -> Iterator[tuple[str, str]]:
    if isinstance(answer, dict):
        if answer.get("first_seen"):
            yield answer["first_seen"], answer["last_seen"]
        for inner in answer.values():
            yield from seen(inner)
    elif isinstance(answer, list):
        for inner in answer:
            yield from seen(inner)


async def test_in_no_answer(database: Database, owner: psycopg.AsyncConnection[Any]) -> None:
    once = ago(hours=1).replace(second=59, microsecond=0)
    data = {"grouping": {"version": 1, "key_parts": [], "hashes": ["a", "b"]}, "tags": {"browser": "lynx"}}
    await report(
        database,
        a_report(1, occurred_at=once, release="2.0", data=data),
        a_report(2, occurred_at=once - timedelta(hours=1), release="1.0", data=data),
    )
    kept = await (
        await owner.execute("SELECT count(*) FROM projection.issue WHERE last_seen < first_seen")
    ).fetchone()
    assert kept == (2,)
    client = App(database).client("viewer")
    for path in PATHS:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        times = list(seen(answer.json()))
        assert times, path
        assert all(first <= last for first, last in times), (path, times)
    told = await (await owner.execute("SELECT first_seen <= last_seen FROM reporting.issue")).fetchall()
    assert told == [(True,), (True,)]

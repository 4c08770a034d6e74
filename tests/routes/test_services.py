"""`/api/services`."""

from __future__ import annotations

from uuid import UUID

from avalon import event_store
from avalon.database import Database
from avalon.events import ApiKeyCreated
from tests.history import a_report, ago, report
from tests.routes.reads_help import App


async def a_key(database: Database, service: str, number: int) -> None:
    fact = ApiKeyCreated(name=f"key {number}", sha256=f"{number:064x}", prefix="avl_x")
    await event_store.append(database, [fact.new(UUID(int=number), "system", service=service)])


async def test_each_has_its_last_report_counts_and_keys(database: Database) -> None:
    await a_key(database, "api", 1)
    await a_key(database, "api", 2)
    await a_key(database, "silent", 3)
    _, last, _ = await report(
        database,
        a_report(occurred_at=ago(days=3)),
        a_report(message="the last", level="fatal"),
        a_report(occurred_at=ago(days=30)),
    )
    answer = (await App(database).client("viewer").get("/api/services")).json()
    assert answer["next"] is None
    api, silent = answer["items"]
    assert (api["events"], api["events_7d"], api["events_24h"]) == (3, 2, 1)
    assert (api["last_event"]["id"], api["last_event"]["position"]) == (str(last.id), last.position)
    assert (api["last_event"]["message"], api["last_event"]["level"]) == ("the last", "fatal")
    assert [key["name"] for key in api["keys"]] == ["key 1", "key 2"]
    assert (silent["name"], silent["last_event"], silent["last_seen"], silent["events"]) == (
        "silent",
        None,
        None,
        0,
    )
    assert silent["keys"] == [
        {"id": str(UUID(int=3)), "name": "key 3", "is_active": True, "last_used_at": None}
    ]


async def test_what_was_deleted_is_not_the_last_report(database: Database) -> None:
    older, last = await report(database, a_report(occurred_at=ago(hours=5)), a_report())
    client = App(database).client()
    await client.delete(f"/api/errors/{last.id}")
    (item,) = (await client.get("/api/services")).json()["items"]
    assert (item["last_event"]["id"], item["events"]) == (str(older.id), 1)
    await client.delete("/api/errors?service=api&confirm=api")
    (item,) = (await client.get("/api/services")).json()["items"]
    assert (item["last_event"], item["events"]) == (None, 0)


async def test_pages_go_by_name(database: Database) -> None:
    await report(database, *[a_report(service=name) for name in ("c", "a", "b")])
    client = App(database).client()
    first = (await client.get("/api/services?limit=2")).json()
    assert ([item["name"] for item in first["items"]], first["next"]) == (["a", "b"], "b")
    second = (await client.get("/api/services", params={"limit": 2, "cursor": first["next"]})).json()
    assert ([item["name"] for item in second["items"]], second["next"]) == (["c"], None)

"""`/api/log`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from avalon import event_store, issues
from avalon.database import Database
from avalon.events import ApiKeyCreated, ApiKeyRotated, IssueDeleted
from avalon.read_models import log as read_model
from tests.history import a_report, ago, report
from tests.routes.reads_help import App

SHA256 = "ab" * 32
KEY = UUID(int=7)


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client("admin")


async def read(client: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await client.get("/api/log", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def key_facts(database: Database) -> None:
    made = ApiKeyCreated(name="k", sha256=SHA256, prefix="avl_x").new(KEY, "system", service="api")
    turned = ApiKeyRotated(sha256=SHA256[::-1], prefix="avl_y", previous_expires_at=ago()).new(KEY, "system")
    await event_store.append(database, [made, turned])


async def test_it_is_whole_and_in_order(client: httpx.AsyncClient, database: Database) -> None:
    await key_facts(database)
    await report(database, *[a_report(n) for n in range(5)])
    seen: list[int] = []
    after: int | None = None
    while True:
        found = await read(client, limit=3, **({} if after is None else {"after": after}))
        seen += [item["position"] for item in found["items"]]
        after = found["position"]
        if found["next"] is None:
            break
        assert found["next"] == after
    stored = await database.fetch_dicts("SELECT position FROM log.event ORDER BY position")
    assert seen == [row["position"] for row in stored]
    assert (await read(client, after=after))["items"] == []
    (new,) = await report(database)
    assert [item["position"] for item in (await read(client, after=after))["items"]] == [new.position]


async def test_types_are_picked_out(client: httpx.AsyncClient, database: Database) -> None:
    await key_facts(database)
    await report(database, a_report(1), a_report(1))
    for types, expected in (
        ("api_key.created", ["api_key.created"]),
        ("error.reported, issue.opened", ["error.reported", "error.reported", "issue.opened"]),
        ("user.created", []),
    ):
        found = await read(client, types=types)
        assert [item["type"] for item in found["items"]] == expected
        assert found["next"] is None
    page = await read(client, types="error.reported", limit=1)
    assert page["next"] == page["items"][0]["position"]
    rest = await read(client, types="error.reported", limit=1, after=page["next"])
    assert len(rest["items"]) == 1


async def test_rare_types_are_sought_in_bounded_steps(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_model, "MAX_READS", 2)
    monkeypatch.setattr(event_store, "READ_LIMIT", 2)
    await report(database, *[a_report(1) for _ in range(5)])
    found = await read(client, types="issue.opened,error.reported", limit=200)
    assert (len(found["items"]), found["next"]) == (4, found["items"][-1]["position"])


async def test_secrets_are_left_out(client: httpx.AsyncClient, database: Database) -> None:
    await key_facts(database)
    answer = await client.get("/api/log")
    assert [item["data"].get("prefix") for item in answer.json()["items"]] == ["avl_x", "avl_y"]
    assert "sha256" not in answer.text
    assert SHA256 not in answer.text
    assert SHA256[::-1] not in answer.text


async def test_a_deleted_report_keeps_its_place_and_loses_its_words(
    client: httpx.AsyncClient, database: Database
) -> None:
    gone, kept = await report(database, a_report(message="secret words"), a_report(message="kept"))
    await client.delete(f"/api/errors/{gone.id}")
    answer = await client.get("/api/log", params={"types": "error.reported"})
    assert "secret words" not in answer.text
    assert [(item["position"], item["data"]) for item in answer.json()["items"]] == [
        (gone.position, {"hidden": True}),
        (kept.position, {"message": "kept"}),
    ]


async def test_a_deleted_comment_keeps_its_place_and_loses_its_words(
    client: httpx.AsyncClient, database: Database
) -> None:
    await report(database, a_report(1), a_report(2))
    kept, _ = await issues.comment(database, UUID(int=1), "kept", "user:x")
    gone, _ = await issues.comment(database, UUID(int=1), "secret words", "user:x")
    await issues.delete_comment(database, UUID(int=1), gone, "user:x")
    along, _ = await issues.comment(database, UUID(int=2), "secret words", "user:x")
    await issues.change(database, UUID(int=2), [IssueDeleted()], "user:x")
    answer = await client.get("/api/log", params={"types": "issue.commented"})
    assert "secret words" not in answer.text
    said = [item["data"] for item in answer.json()["items"]]
    assert [(data["comment"], data.get("text"), data.get("hidden")) for data in said] == [
        (str(kept), "kept", None),
        (str(gone), None, True),
        (str(along), None, True),
    ]


async def test_what_is_not_kept_is_gone(
    client: httpx.AsyncClient, database: Database, owner: psycopg.AsyncConnection[Any]
) -> None:
    (stored,) = await report(database)
    await owner.execute(
        "INSERT INTO projection.expired_day (day, last_position, reports) VALUES ('2026-01-01', 1, 1)"
    )
    answer = await client.get("/api/log?after=0")
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")
    assert (await client.get(f"/api/log?after={stored.position + 1000}")).status_code == 410
    assert (await read(client))["items"] != []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("after", "-1"),
        ("after", "x"),
        ("after", str(2**63)),
        ("types", "x"),
        ("types", "a.b;"),
        ("limit", "201"),
    ],
)
async def test_a_bad_parameter_is_refused(client: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await client.get("/api/log", params={name: value})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(f"{name}: ")


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_only_admins_read_it(database: Database, role: str) -> None:
    assert (await App(database).client(role).get("/api/log")).status_code == 403

"""`/api/changes`, `/api/releases`, and the counts of one issue."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from avalon.database import Database
from avalon.events import NewEvent
from tests.history import a_report, ago, report
from tests.routes.reads_help import App


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client("viewer")


async def read(client: httpx.AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def some(count: int, group: int, **columns: Any) -> list[NewEvent]:
    return [a_report(group, **columns) for _ in range(count)]


def kinds(found: dict[str, Any]) -> dict[str, list[tuple[str, int, int]]]:
    return {
        kind: [(item["title"], item["before"], item["after"]) for item in found[kind]["items"]]
        for kind in ("new", "gone", "louder", "quieter")
    }


@pytest.mark.parametrize("hours", [2, 48])
async def test_a_time_against_the_time_before_it(
    client: httpx.AsyncClient, database: Database, hours: int
) -> None:
    """Short times are read from the minutes, long ones from the hours."""
    before, after = ago(hours=hours * 1.5), ago(hours=hours * 0.5)
    await report(
        database,
        *some(1, 1, message="gone", occurred_at=before),
        *some(2, 2, message="louder", occurred_at=before),
        *some(30, 3, message="quieter", occurred_at=before),
        *some(5, 4, message="as ever", occurred_at=before),
    )
    await report(
        database,
        *some(30, 2, message="louder", occurred_at=after),
        *some(2, 3, message="quieter", occurred_at=after),
        *some(6, 4, message="as ever", occurred_at=after),
        *some(1, 5, message="new", occurred_at=after, service="web", environment="prod"),
    )
    found = await read(client, "/api/changes", **{"from": ago(hours=hours).isoformat()})
    assert kinds(found) == {
        "new": [("new", 0, 1)],
        "gone": [("gone", 1, 0)],
        "louder": [("louder", 2, 30)],
        "quieter": [("quieter", 30, 2)],
    }
    assert found["before"]["until"] == found["after"]["since"]
    assert found["new"]["total"] == 1
    of_web = await read(client, "/api/changes", **{"from": ago(hours=hours).isoformat(), "service": "web"})
    assert kinds(of_web) == {"new": [("new", 0, 1)], "gone": [], "louder": [], "quieter": []}
    in_prod = await read(
        client, "/api/changes", **{"from": ago(hours=hours).isoformat(), "environment": "prod"}
    )
    assert kinds(in_prod) == kinds(of_web)


async def test_a_release_against_another(client: httpx.AsyncClient, database: Database) -> None:
    await report(
        database,
        *some(3, 1, message="mended", release="1.0", occurred_at=ago(hours=30)),
        *some(3, 2, message="as ever", release="1.0", occurred_at=ago(hours=30)),
    )
    await report(
        database,
        *some(3, 2, message="as ever", release="1.1", occurred_at=ago(hours=5)),
        *some(2, 3, message="new", release="1.1", occurred_at=ago(hours=5)),
        *some(2, 4, message="of another", release="0.9", occurred_at=ago(hours=40)),
        *some(1, 4, message="of another", release="1.1", occurred_at=ago(hours=5)),
    )
    found = await read(client, "/api/changes", **{"from": "release:1.0", "to": "release:1.1"})
    assert kinds(found) == {"new": [("new", 0, 2)], "gone": [("mended", 3, 0)], "louder": [], "quieter": []}
    assert (found["before"]["release"], found["after"]["release"]) == ("1.0", "1.1")


@pytest.mark.parametrize(
    ("params", "status", "field"),
    [
        ({}, 400, "from"),
        ({"from": "yesterday"}, 400, "from"),
        ({"from": "2026-01-01", "to": "2025-01-01"}, 400, "from"),
        ({"from": "2020-01-01", "to": "2025-01-01"}, 400, "from"),
        ({"from": "release:1.0"}, 400, "to"),
        ({"from": "release:1.0", "to": "2026-01-01"}, 400, "to"),
        ({"from": "release:1.0", "to": "release:1.1", "environment": "prod"}, 400, "environment"),
        ({"from": "release:1.0", "to": "release:1.0"}, 400, "to"),
        ({"from": "2026-01-01", "to": "2026-01-01"}, 400, "from"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    client: httpx.AsyncClient, params: dict[str, str], status: int, field: str
) -> None:
    answer = await client.get("/api/changes", params=params)
    assert answer.status_code == status
    assert answer.json()["message"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [("1.9", "1.10"), ("f00d", "beef"), ("1.9", "cafe")],
    ids=["version", "hash", "mixed"],
)
async def test_releases_the_wrong_way_round_are_refused(
    client: httpx.AsyncClient, database: Database, earlier: str, later: str
) -> None:
    await report(database, a_report(1, release=earlier, occurred_at=ago(hours=3)))
    await report(database, a_report(1, release=later))
    params = {"from": f"release:{earlier}", "to": f"release:{later}"}
    assert (await client.get("/api/changes", params=params)).status_code == 200
    answer = await client.get("/api/changes", params={"from": params["to"], "to": params["from"]})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("from: a later release")


async def test_a_release_that_never_reported_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/changes", params={"from": "release:1.0", "to": "release:1.1"})
    assert answer.status_code == 404
    assert "1.0" in answer.json()["message"]


async def test_releases_with_what_is_new_in_them(client: httpx.AsyncClient, database: Database) -> None:
    await report(database, *some(2, 1, release="1.0", occurred_at=ago(hours=9)))
    await report(database, *some(1, 1, release="1.1"), *some(3, 2, release="1.1"), a_report(3))
    found = await read(client, "/api/releases")
    assert [(i["version"], i["events"], i["new_issues"]) for i in found["items"]] == [
        ("1.1", 4, 1),
        ("1.0", 2, 1),
    ]
    first = await read(client, "/api/releases", limit=1)
    rest = await read(client, "/api/releases", limit=1, cursor=first["next"])
    assert first["items"] + rest["items"] == found["items"]
    assert rest["next"] is None
    assert (await read(client, "/api/releases", service="web"))["items"] == []
    assert (await client.get("/api/releases", params={"cursor": "x"})).status_code == 400


async def test_the_counts_of_one_issue(client: httpx.AsyncClient, database: Database) -> None:
    await report(database, *some(2, 1), *some(3, 2, level="fatal"), a_report(2, environment="prod"))
    rows = await database.fetch_dicts("SELECT issue, id FROM projection.issue_group")
    issue = {row["id"].int: str(row["issue"]) for row in rows}
    for step in ("minute", "hour"):
        found = await read(client, "/api/stats", issue=issue[2], step=step)
        assert found["by_level"] == {"error": 1, "fatal": 3}
        assert (found["total"], found["by_service"]) == (4, {"api": 4})
    assert (await read(client, "/api/stats", issue=issue[2], environment="prod"))["total"] == 1

"""`/api/errors`: lists, one report, deleting."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from avalon.database import Database
from avalon.events import LEVELS
from tests.history import a_report, ago, report
from tests.routes.reads_help import App

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def client(database: Database) -> httpx.AsyncClient:
    return App(database).client()


async def messages(client: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await client.get("/api/errors", params=params)
    assert answer.status_code == 200, answer.text
    return [item["message"] for item in answer.json()["items"]]


async def test_an_item_has_exactly_what_the_contract_says(
    client: httpx.AsyncClient, database: Database
) -> None:
    data = {"exceptions": [{"type": "Outer"}, {"type": "TypeError"}], "path": "/users", "method": "GET"}
    (stored,) = await report(database, a_report(data=data, environment="prod", release="1.4.2"))
    answer = (await client.get("/api/errors")).json()
    assert answer["next"] is None
    (item,) = answer["items"]
    assert TIME.fullmatch(item.pop("occurred_at"))
    assert TIME.fullmatch(item.pop("recorded_at"))
    assert item == {
        "id": str(stored.id),
        "position": stored.position,
        "service": "api",
        "level": "error",
        "type": "TypeError",
        "message": "boom",
        "path": "/users",
        "method": "GET",
        "environment": "prod",
        "release": "1.4.2",
        "issue": {"id": str(UUID(int=1)), "title": "boom", "status": "unresolved"},
    }


async def test_every_filter_finds_its_own(client: httpx.AsyncClient, database: Database) -> None:
    await report(
        database,
        a_report(1, message="one", service="web", level="fatal", environment="prod", release="1"),
        a_report(2, message="two", service="api", level="warning", environment="stage", release="2"),
        a_report(3, message="old", occurred_at=ago(days=3)),
    )
    assert await messages(client) == ["two", "one", "old"]
    assert await messages(client, service="web") == ["one"]
    assert await messages(client, level="fatal") == ["one"]
    assert await messages(client, level="warn") == ["two"]
    assert await messages(client, environment="stage") == ["two"]
    assert await messages(client, release="1") == ["one"]
    assert await messages(client, issue=str(UUID(int=2))) == ["two"]
    assert await messages(client, issue=str(uuid4())) == []
    assert await messages(client, since=ago(days=1).isoformat()) == ["two", "one"]
    assert await messages(client, until=ago(days=1).isoformat()) == ["old"]
    assert await messages(client, service="", level="", q="", cursor="", since="") == ["two", "one", "old"]
    assert await messages(client, service="nobody") == []


@pytest.mark.parametrize("asked", ["100%", "a_b", "back\\slash", "BOOM", "ünï"])
async def test_a_search_takes_its_text_as_it_stands(
    client: httpx.AsyncClient, database: Database, asked: str
) -> None:
    hit = f"it was {asked.lower()} sure"
    await report(database, a_report(1, message=hit), a_report(2, message="10 0x axb backslash bo"))
    assert await messages(client, q=asked) == [hit]


async def test_a_search_goes_back_thirty_days_unless_told_otherwise(
    client: httpx.AsyncClient, database: Database
) -> None:
    await report(database, a_report(message="boom", occurred_at=ago(days=31)))
    assert await messages(client, q="boom") == []
    assert await messages(client, q="boom", since=ago(days=40).isoformat()) == ["boom"]


async def test_pages_hold_everything_once_while_more_comes_in(
    client: httpx.AsyncClient, database: Database
) -> None:
    at = ago(hours=1)
    first = [a_report(message=f"{n}", occurred_at=at - timedelta(minutes=n // 3)) for n in range(11)]
    await report(database, *first)
    seen: list[str] = []
    cursor = ""
    while True:
        answer = (await client.get("/api/errors", params={"limit": 4, "cursor": cursor})).json()
        seen += [item["message"] for item in answer["items"]]
        await report(database, a_report(message="late"))
        if answer["next"] is None:
            break
        cursor = answer["next"]
    assert sorted(seen, key=int) == [str(n) for n in range(11)]
    assert [int(m) // 3 for m in seen] == sorted(int(m) // 3 for m in seen)


async def test_the_seeds_take_and_skip(client: httpx.AsyncClient, database: Database) -> None:
    await report(database, *[a_report(message=f"{n}") for n in range(5)])
    assert await messages(client, take=2) == ["4", "3"]
    assert await messages(client, take=2, skip=3) == ["1", "0"]
    assert await messages(client, take=1_000_000) == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("take", v) for v in ("-1000000", "0", "x", "1.5")),
        *(("skip", v) for v in ("-1", "10001", "x")),
        *(("limit", v) for v in ("0", "-1", "201", "x", "", "9" * 30)),
        *(
            ("cursor", v)
            for v in ("x", "////", "🙂", "MTIz", "LTEuLTE", "MS4y" * 40, "MTguOTk5OTk5OTk5OTk5OTk5OTk5OTk5")
        ),
        *(("since", v) for v in ("yesterday", "2026-13-01", "12", "0")),
        *(("until", v) for v in ("x", "2026-01-01T25:00")),
        *(("level", v) for v in ("loud", "ERROR\0")),
        *(("service", v) for v in ("a\0b", "x" * 501)),
        *(("q", v) for v in ("\0", "x" * 501)),
        ("issue", "1"),
    ],
)
async def test_a_bad_parameter_is_refused_by_name(client: httpx.AsyncClient, name: str, value: str) -> None:
    answer = await client.get("/api/errors", params={name: value})
    assert answer.status_code == 400
    assert answer.json()["status"] == "error"
    assert answer.json()["message"].startswith(f"{name}: ")


@pytest.mark.parametrize(
    "since",
    ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00 02:00", "0001-01-01", "1900-01-01T00:00Z"],
)
async def test_times_are_read_generously(client: httpx.AsyncClient, database: Database, since: str) -> None:
    await report(database)
    assert await messages(client, since=since, until="9999-12-31T23:59:59Z") == ["boom"]


async def test_one_report_has_all_that_was_stored(client: httpx.AsyncClient, database: Database) -> None:
    data = {
        "stack": "at x",
        "metadata": {"a": 1},
        "tags": {"k": "v"},
        "user": {"id": "7"},
        "sdk": {"name": "s"},
    }
    (stored,) = await report(database, a_report(data=data))
    answer = (await client.get(f"/api/errors/{stored.id}")).json()
    assert {name: answer[name] for name in data} == data
    assert (answer["message"], answer["position"]) == ("boom", stored.position)
    assert (answer["exceptions"], answer["breadcrumbs"], answer["platform"]) == ([], [], "")
    assert answer["issue"]["status"] == "unresolved"


async def test_the_same_id_of_two_services_is_the_newest(
    client: httpx.AsyncClient, database: Database
) -> None:
    event = a_report(message="first")
    await report(database, event)
    await report(database, a_report(message="second", id=event.id, service="web"))
    assert (await client.get(f"/api/errors/{event.id}")).json()["message"] == "second"


@pytest.mark.parametrize("id_", ["0193a1f0-0000-7000-8000-000000000000", "nonsense", "00000000"])
async def test_an_unknown_report_is_not_found(client: httpx.AsyncClient, id_: str) -> None:
    answer = await client.get(f"/api/errors/{id_}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestDeleting:
    async def test_one_is_gone_at_once_and_can_not_be_deleted_twice(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        kept, gone = await report(database, a_report(message="kept"), a_report(message="gone"))
        answer = await client.delete(f"/api/errors/{gone.id}")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "deleted": 1})
        assert await messages(client) == ["kept"]
        assert await messages(client, q="gone") == []
        assert (await client.get(f"/api/errors/{gone.id}")).status_code == 404
        assert (await client.delete(f"/api/errors/{gone.id}")).status_code == 404
        assert (await client.get("/api/stats")).json()["total"] == 1
        assert (await client.get(f"/api/receipts/{gone.position}")).status_code == 404
        assert (await client.get(f"/api/errors/{kept.id}")).status_code == 200

    async def test_without_the_view_it_would_still_be_seen(
        self, client: httpx.AsyncClient, database: Database, owner: psycopg.AsyncConnection[Any]
    ) -> None:
        """The control of everything here: the view is what hides."""
        (gone,) = await report(database, a_report(message="gone"))
        await client.delete(f"/api/errors/{gone.id}")
        cursor = await owner.execute("SELECT pg_get_viewdef('projection.visible_report')")
        (definition,) = await cursor.fetchone() or ("",)
        everything = definition.partition("AND (NOT")[0] + ")"
        await owner.execute(f"CREATE OR REPLACE VIEW projection.visible_report AS {everything}".encode())
        assert await messages(client) == ["gone"]

    async def test_a_service_is_erased_with_what_it_had(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        await report(
            database, a_report(), a_report(occurred_at=ago(days=5)), a_report(service="web", message="web")
        )
        answer = await client.delete("/api/errors", params={"service": "api", "confirm": "api"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok", "deleted": 2})
        assert await messages(client) == ["web"]
        assert (await client.get("/api/stats")).json()["by_service"] == {"web": 1}
        await report(database, a_report(message="later"))
        assert await messages(client, service="api") == ["later"]

    async def test_only_what_occurred_before_the_hour_goes(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
        times = [hour - timedelta(seconds=1), hour, hour + timedelta(seconds=1)]
        await report(database, *[a_report(message=f"{n}", occurred_at=at) for n, at in enumerate(times)])
        params = {"service": "api", "confirm": "api", "before": hour.isoformat()}
        assert (await client.delete("/api/errors", params=params)).json()["deleted"] == 1
        assert await messages(client) == ["2", "1"]

    @pytest.mark.parametrize(
        ("params", "said"),
        [
            ({"service": "api"}, "confirm: must be the service's name"),
            ({"confirm": "api"}, "service"),
            ({"service": "api", "confirm": "apo"}, "confirm: must be the service's name"),
            (
                {"service": "api", "confirm": "api", "before": "2026-01-01T00:30:00Z"},
                "before: a full hour in UTC",
            ),
            (
                {"service": "api", "confirm": "api", "before": "2026-01-01T00:00:00+05:30"},
                "before: a full hour",
            ),
            ({"service": "api", "confirm": "api", "before": "soon"}, "before: a time"),
            ({"service": "api", "confirm": "api", "befor": "2026-01-01"}, "befor: not a parameter"),
            ({}, "required"),
        ],
    )
    async def test_a_slip_deletes_nothing(
        self, client: httpx.AsyncClient, database: Database, params: dict[str, str], said: str
    ) -> None:
        await report(database)
        answer = await client.delete("/api/errors", params=params)
        assert answer.status_code == 400
        assert said in answer.json()["message"]
        assert await messages(client) == ["boom"]

    async def test_an_unknown_service_is_not_found(self, client: httpx.AsyncClient) -> None:
        answer = await client.delete("/api/errors", params={"service": "x", "confirm": "x"})
        assert answer.status_code == 404

    @pytest.mark.parametrize("role", ["viewer", "member"])
    async def test_only_admins_delete(self, database: Database, role: str) -> None:
        client = App(database).client(role)
        for path in (f"/api/errors/{uuid4()}", "/api/errors?service=api&confirm=api"):
            answer = await client.delete(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_nobody_reads_without_a_session(database: Database) -> None:
    answer = await App(database).client(None).get("/api/errors")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


async def test_all_levels_can_be_asked_for(client: httpx.AsyncClient, database: Database) -> None:
    await report(database, *[a_report(level=level, message=level) for level in LEVELS])
    for level in LEVELS:
        assert await messages(client, level=level) == [level]

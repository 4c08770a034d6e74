"""`/api/test/{level}` and `/api/test/all`."""

from __future__ import annotations

import httpx
import pytest

from avalon.database import Database
from avalon.events import LEVELS
from tests.routes.reads_help import USER, App


@pytest.mark.parametrize("level", LEVELS)
async def test_a_sample_is_a_report_like_any_other(database: Database, level: str) -> None:
    client = App(database).client("member")
    answer = await client.post(f"/api/test/{level}")
    assert answer.status_code == 201
    sample = answer.json()
    assert (sample["status"], sample["level"]) == ("ok", level)
    assert sample["url"] == f"http://avalon.test/errors/{sample['id']}"
    found = (await client.get(f"/api/errors/{sample['id']}")).json()
    assert (found["service"], found["level"], found["position"]) == ("avalon-test", level, sample["position"])
    assert found["stack"]
    assert found["issue"]["title"] == found["message"]
    actor = await database.fetch_value("SELECT actor FROM log.event WHERE type = 'error.reported'")
    assert actor == f"user:{USER}"


async def test_all_is_one_of_each(database: Database) -> None:
    client = App(database).client("member")
    answer = await client.post("/api/test/all")
    assert answer.status_code == 201
    assert [sample["level"] for sample in answer.json()["items"]] == list(LEVELS)
    assert (await client.get("/api/stats")).json()["by_level"] == dict.fromkeys(LEVELS, 1)


async def test_they_go_the_way_of_every_report(admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/test/all")
    assert answer.status_code == 201, answer.text
    items = (await admin.get("/api/errors")).json()["items"]
    assert [item["id"] for item in items] == [one["id"] for one in reversed(answer.json()["items"])]


async def test_another_level_is_refused(database: Database) -> None:
    answer = await App(database).client("member").post("/api/test/loud")
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("level: ")


async def test_viewers_and_open_gets_send_none(database: Database) -> None:
    app = App(database)
    assert (await app.client("viewer").post("/api/test/all")).status_code == 403
    assert (await app.client("member").get("/api/test/all")).status_code == 405

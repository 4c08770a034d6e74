"""`/api/grouping`: looked at, applied on every replica, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import Server, Urls, running, settings_for

RULE = {"kind": "variable", "pattern": "ord_*"}


async def issues_of(admin: httpx.AsyncClient) -> dict[str, int]:
    answer = await admin.get("/api/issues")
    return {item["id"]: item["events"] for item in answer.raise_for_status().json()["items"]}


async def test_a_rule_counts_on_every_replica_and_is_undone_with_all_that_it_moved(
    urls: Urls, server: Server, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    async with running(settings_for(urls, tmp_path / "other", AVALON_LOG_FILE="")) as second:
        other = second._replace(key=server.key)
        for name in ("ord_a", "ord_b", "ord_b"):
            await server.report(f"lost {name}")
            await other.report("fine")
        body = {"rule": RULE, "service": server.service, "days": 1}
        preview = (await admin.post("/api/grouping/preview", json=body)).raise_for_status().json()
        assert (preview["merges"], preview["splits"], preview["unchanged"]) == (1, 0, 1)
        before = await issues_of(admin)
        applied = await admin.post("/api/grouping/rules", json=body)
        assert applied.status_code == 201, applied.text
        done = applied.json()
        assert (done["issues"], done["groups"], done["reports"]) == (1, 1, 6)

        into = preview["merging"][0]["into"]
        stored = [
            await one.report(f"lost {name}") for one in (server, other) for name in ("ord_a", "ord_new")
        ]
        found = await issues_of(admin)
        assert (len(found), found[into]) == (2, 7)
        shown = (await admin.get(f"/api/errors/{stored[3]['id']}")).json()
        assert shown["grouping"]["rules"] == [done["rule"]]
        rules = (await admin.get("/api/grouping/rules")).json()
        assert [(item["id"], item["pattern"], item["created_by"]) for item in rules["items"]] == [
            (done["rule"], "ord_*", "admin")
        ]

        (await admin.post(f"/api/undo/{done['action']}")).raise_for_status()
        assert set(await issues_of(admin)) == set(before)
        assert (await admin.get("/api/grouping/rules")).json()["items"] == []
        assert (await admin.post(f"/api/undo/{done['action']}")).status_code == 409
        history = (await admin.get(f"/api/issues/{into}/history")).json()["items"]
        assert any("bound to it by a change of the grouping by admin" in item["why"] for item in history)


async def test_issues_that_are_one_are_merged_without_a_rule(
    server: Server, admin: httpx.AsyncClient
) -> None:
    for message in ("one", "other"):
        await server.report(message)
    ids = list(await issues_of(admin))
    preview = (await admin.post("/api/grouping/preview", json={"merge": ids})).raise_for_status().json()
    assert (preview["merges"], preview["merging"][0]["into"]) == (1, ids[0])
    done = (await admin.post("/api/grouping/rules", json={"merge": ids})).raise_for_status().json()
    assert (done["rule"], done["issues"]) == (None, 1)
    assert await issues_of(admin) == {ids[0]: 2}
    await server.report("other")
    assert await issues_of(admin) == {ids[0]: 3}
    for path in ("preview", "rules"):
        answer = await admin.post(f"/api/grouping/{path}", json={"merge": [ids[0], str(uuid4())]})
        assert answer.status_code == 404


async def test_a_rule_that_is_deleted_can_be_brought_back(server: Server, admin: httpx.AsyncClient) -> None:
    done = (await admin.post("/api/grouping/rules", json={"rule": RULE})).raise_for_status().json()
    rules = (await admin.get("/api/grouping/rules")).json()
    deleted = (await admin.delete(f"/api/grouping/rules/{done['rule']}")).raise_for_status().json()
    assert (await admin.get("/api/grouping/rules")).json()["items"] == []
    assert (await admin.delete(f"/api/grouping/rules/{done['rule']}")).status_code == 404
    (await admin.post(f"/api/undo/{deleted['action']}")).raise_for_status()
    assert (await admin.get("/api/grouping/rules")).json() == rules


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "rule, version, merge"),
        ({"rule": RULE, "version": 1}, "rule, version, merge"),
        ({"rule": {"kind": "variable"}}, "rule"),
        ({"rule": {"kind": "ignore_frame", "pattern": "x"}}, "rule.pattern"),
        ({"rule": {"kind": "other"}}, "kind"),
        ({"rule": RULE, "days": 91}, "days"),
        ({"rule": RULE, "service": "\n"}, "service"),
        ({"version": 99}, "version"),
        ({"merge": ["00000000-0000-0000-0000-000000000001"]}, "merge"),
        ({"rule": RULE, "more": 1}, "more"),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["preview", "rules"])
async def test_what_makes_no_sense_is_a_400_that_says_why(
    admin: httpx.AsyncClient, path: str, body: dict[str, Any], said: str
) -> None:
    answer = await admin.post(f"/api/grouping/{path}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
    assert said in answer.json()["message"]

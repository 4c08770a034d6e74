"""Working on issues over HTTP: bodies, roles, refusals, history and undo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from avalon.database import Database
from avalon.events import UserCreated
from tests.conftest import Server
from tests.history import a_report, report
from tests.routes.reads_help import USER, App

ISSUE, OTHER = UUID(int=1), UUID(int=2)
SOON = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
async def app(database: Database, owner: psycopg.AsyncConnection[Any]) -> App:
    """Two issues, and an account for who is signed in."""
    await report(database, a_report(1, release="1.4.2"), a_report(1), a_report(2))
    await report(database, UserCreated(role="admin", must_change_password=False).new(USER, "system"))
    await owner.execute(
        "INSERT INTO account.app_user (id, username, password_hash) VALUES (%s, 'ada', '')", [USER]
    )
    return App(database)


@pytest.fixture
def client(app: App) -> httpx.AsyncClient:
    return app.client()


async def change(client: httpx.AsyncClient, body: dict[str, Any], issue: UUID = ISSUE) -> httpx.Response:
    return await client.patch(f"/api/issues/{issue}", json=body)


async def why(client: httpx.AsyncClient, issue: UUID = ISSUE) -> list[str]:
    answer = await client.get(f"/api/issues/{issue}/history")
    assert answer.status_code == 200, answer.text
    return [item["why"] for item in answer.json()["items"]]


async def test_a_change_answers_the_issue_and_its_action(client: httpx.AsyncClient) -> None:
    before = (await client.get(f"/api/issues/{ISSUE}")).json()
    answer = await change(client, {"status": "resolved", "in_release": "current"})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    action = found.pop("action")
    assert (found["status"], found["substatus"]) == ("resolved", "in_release")
    assert found["position"] > before["position"]
    assert found == (await client.get(f"/api/issues/{ISSUE}")).json()
    undone = await client.post(f"/api/undo/{action}")
    assert (undone.status_code, undone.json()["changed"]) == (200, 1)
    again = (await client.get(f"/api/issues/{ISSUE}")).json()
    assert {**again, "position": 0} == {**before, "position": 0}


@pytest.mark.parametrize(
    ("body", "status", "substatus"),
    [
        ({"status": "resolved"}, "resolved", ""),
        ({"status": "resolved", "in_release": "next"}, "resolved", "in_next_release"),
        ({"status": "resolved", "in_release": "7.0"}, "resolved", "in_release"),
        ({"status": "ignored"}, "ignored", "ignored"),
        ({"status": "ignored", "mute": {"events": 5}}, "ignored", "muted"),
        ({"mute": {"until": SOON, "users": 2}}, "ignored", "muted"),
        ({"status": "unresolved"}, "unresolved", "ongoing"),
        ({"assignee": str(USER)}, "unresolved", "new"),
        ({"assignee": None}, "unresolved", "new"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) and "until" not in str(value) else None,
)
async def test_what_a_body_comes_to(
    client: httpx.AsyncClient, body: dict[str, Any], status: str, substatus: str
) -> None:
    answer = await change(client, body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["substatus"]) == (status, substatus)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "status"),
        ({"status": "gone"}, "status: one of ignored, resolved, unresolved"),
        ({"in_release": "1.0"}, "in_release"),
        ({"status": "resolved", "in_release": " "}, "in_release"),
        ({"status": "resolved", "in_release": "x" * 501}, "in_release"),
        ({"status": "resolved", "mute": {"events": 1}}, "mute"),
        ({"status": "ignored", "mute": {}}, "mute"),
        ({"mute": {"events": 0}}, "mute.events"),
        ({"mute": {"users": 10**10}}, "mute.users"),
        ({"mute": {"hours": 3}}, "mute.hours: no such field; there are: until, events, users"),
        ({"mute": {"until": "soon"}}, "mute.until"),
        ({"mute": {"until": "2020-01-01T00:00:00Z"}}, "mute.until"),
        ({"assignee": "eve"}, "assignee: there is no such user"),
        ({"assignee": "a\0"}, "assignee"),
        ({"assignee": ""}, "assignee"),
        ({"assignee": "x" * 10_000}, "assignee"),
        ({"assignee": str(UUID(int=98))}, "assignee"),
        ({"status": "resolved", "expected_position": 2**63}, "expected_position"),
        ({"status": "resolved", "expected_position": -1}, "expected_position"),
        ({"status": "resolved", "colour": "red"}, "colour: no such field; there are: status, in_release"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_bad_input_names_the_field_and_what_it_takes(
    client: httpx.AsyncClient, body: dict[str, Any], said: str
) -> None:
    answer = await change(client, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
    assert said in answer.json()["message"]


@pytest.mark.parametrize("who", ["me", "ME", "ada", "Ada", str(USER)])
async def test_who_an_issue_is_for_may_be_said_in_several_ways(client: httpx.AsyncClient, who: str) -> None:
    assert (await change(client, {"assignee": who})).json()["assignee"] == str(USER)
    many = await client.post(
        "/api/issues/bulk", json={"q": "assigned:me", "action": "assign", "assignee": None}
    )
    assert many.json()["changed"] == 1
    many = await client.post(
        "/api/issues/bulk", json={"q": "assigned:nobody", "action": "assign", "assignee": who}
    )
    assert many.json()["changed"] == 2
    assert (await client.get(f"/api/issues/{OTHER}")).json()["assignee_name"] == "ada"


async def test_who_was_slower_is_told_the_position_that_stands(client: httpx.AsyncClient) -> None:
    seen = (await client.get(f"/api/issues/{ISSUE}")).json()["position"]
    first = await change(client, {"status": "resolved", "expected_position": seen})
    second = await change(client, {"status": "ignored", "expected_position": seen})
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["code"] == "conflict"
    assert str(first.json()["position"]) in second.json()["message"]
    assert "resolved by ada, 20" in second.json()["message"]
    both = (await client.get(f"/api/issues/{OTHER}")).json()["position"]
    assert seen < both < first.json()["position"]
    many = {"ids": [str(OTHER), str(ISSUE)], "action": "reopen", "expected_position": both}
    third = await client.post("/api/issues/bulk", json=many)
    assert (third.status_code, third.json()["code"]) == (409, "conflict")
    assert "resolved by ada, 20" in third.json()["message"]
    assert (await client.get(f"/api/issues/{OTHER}")).json()["position"] == both


async def test_an_issue_says_what_is_left_of_its_mute(client: httpx.AsyncClient, database: Database) -> None:
    muted = (await change(client, {"mute": {"events": 3, "users": 2, "until": SOON}})).json()
    assert (muted["muted_until"], muted["muted_events"], muted["muted_users"]) == (SOON, 3, 2)
    await report(database, a_report(1))
    left = (await client.get(f"/api/issues/{ISSUE}")).json()
    assert (left["muted_until"], left["muted_events"], left["muted_users"]) == (SOON, 2, 2)
    ended = (await change(client, {"status": "unresolved"})).json()
    assert (ended["muted_until"], ended["muted_events"], ended["muted_users"]) == (None, None, None)


async def test_what_was_merged_twice_leads_to_where_it_is_now(
    client: httpx.AsyncClient, database: Database
) -> None:
    third = UUID(int=3)
    await report(database, a_report(3))
    for into, other in ((OTHER, ISSUE), (third, OTHER)):
        body = {"ids": [str(other)], "into": str(into), "action": "merge"}
        assert (await client.post("/api/issues/bulk", json=body)).json()["into"] == str(into)
    found = (await client.get(f"/api/issues/{ISSUE}")).json()
    assert (found["moved_to"], found["first_seen"], found["events"]) == (str(third), None, 0)
    assert str(third) in (await change(client, {"status": "resolved"})).json()["message"]
    gone = (await client.delete(f"/api/issues/{third}")).json()
    for part in ("", "/history", "/tags", "/events", "/similar", ".md"):
        assert (await client.get(f"/api/issues/{ISSUE}{part}")).status_code == 404, part
    assert (await change(client, {"status": "resolved"})).status_code == 404
    await client.post(f"/api/undo/{gone['action']}")
    assert (await client.get(f"/api/issues/{ISSUE}")).json()["moved_to"] == str(third)


async def test_a_merged_issue_says_where_it_went_and_a_deleted_one_is_gone(client: httpx.AsyncClient) -> None:
    merged = await client.post("/api/issues/bulk", json={"ids": [str(ISSUE), str(OTHER)], "action": "merge"})
    assert merged.json()["changed"] == 1
    answer = await change(client, {"status": "resolved"}, OTHER)
    assert answer.status_code == 409
    assert str(ISSUE) in answer.json()["message"]
    gone = await client.delete(f"/api/issues/{ISSUE}")
    assert gone.status_code == 200
    for again in (
        await change(client, {"status": "resolved"}),
        await client.delete(f"/api/issues/{ISSUE}"),
        await client.get(f"/api/issues/{ISSUE}"),
        await client.get(f"/api/issues/{ISSUE}/history"),
        await client.post(f"/api/issues/{ISSUE}/comments", json={"text": "?"}),
    ):
        assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert (await client.post(f"/api/undo/{gone.json()['action']}")).status_code == 200
    assert (await client.get(f"/api/issues/{ISSUE}")).json()["events"] == 3


class TestBulk:
    @pytest.mark.parametrize(
        "body",
        [
            {"action": "resolve", "in_release": "next"},
            {"action": "reopen"},
            {"action": "ignore"},
            {"action": "mute", "mute": {"events": 3}},
            {"action": "assign", "assignee": str(USER)},
            {"action": "delete"},
        ],
        ids=lambda body: body["action"],
    )
    async def test_an_action_is_one_fact_an_issue_and_can_be_undone(
        self, client: httpx.AsyncClient, database: Database, body: dict[str, Any]
    ) -> None:
        answer = await client.post(
            "/api/issues/bulk", json=body | {"ids": [str(ISSUE), str(OTHER), str(ISSUE)]}
        )
        assert answer.status_code == 200, answer.text
        action = answer.json()["action"]
        assert answer.json() == {"changed": 2, "action": action, "into": None}
        rows = await database.fetch_dicts(
            "SELECT stream FROM log.event WHERE type <> 'error.reported' AND data ->> 'action' = %(action)s",
            {"action": action},
        )
        assert {row["stream"] for row in rows} == {ISSUE, OTHER}
        undone = await client.post(f"/api/undo/{action}")
        assert undone.json()["changed"] == 2
        for issue in (ISSUE, OTHER):
            assert (await client.get(f"/api/issues/{issue}")).json()["substatus"] == "new"

    async def test_a_query_names_the_issues_too(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/api/issues/bulk", json={"q": "release:1.4.2", "action": "resolve"})
        assert answer.json()["changed"] == 1
        assert (await client.get(f"/api/issues/{ISSUE}")).json()["status"] == "resolved"
        assert (await client.get(f"/api/issues/{OTHER}")).json()["status"] == "unresolved"

    @pytest.mark.parametrize(
        ("body", "status", "word"),
        [
            ({"action": "resolve"}, 400, "ids"),
            ({"action": "resolve", "ids": []}, 400, "ids"),
            ({"action": "resolve", "q": ""}, 400, "q: blank"),
            ({"action": "resolve", "q": " \t\u2003"}, 400, "q: blank"),
            ({"action": "merge", "q": ""}, 400, "q: blank"),
            ({"ids": [str(ISSUE)]}, 400, "action: required"),
            ({"action": "resolve", "ids": [], "q": ""}, 400, "ids"),
            ({"action": "resolve", "ids": ["x"]}, 400, "ids"),
            ({"action": "explode", "ids": [str(ISSUE)]}, 400, "action: one of assign, delete, ignore, merge"),
            (
                {"action": "assign", "assignee": "eve", "ids": [str(ISSUE)]},
                400,
                "assignee: there is no such user",
            ),
            ({"action": "assign", "ids": [str(ISSUE)]}, 400, "assignee"),
            ({"action": "mute", "ids": [str(ISSUE)]}, 400, "mute"),
            ({"action": "resolve", "mute": {"events": 1}, "ids": [str(ISSUE)]}, 400, "mute"),
            ({"action": "merge", "ids": [str(ISSUE)]}, 400, "ids"),
            ({"action": "merge", "ids": [str(ISSUE), str(OTHER)], "expected_position": 1}, 400, "expected"),
            ({"action": "merge", "ids": [str(ISSUE), str(UUID(int=99))]}, 404, str(UUID(int=99))),
            ({"action": "merge", "ids": [str(ISSUE)], "into": str(UUID(int=99))}, 404, str(UUID(int=99))),
            ({"action": "resolve", "q": "release:nothing"}, 404, "q finds no issue"),
            ({"action": "resolve", "q": "level:("}, 400, "q"),
        ],
        ids=str,
    )
    async def test_what_is_refused(
        self, client: httpx.AsyncClient, body: dict[str, Any], status: int, word: str
    ) -> None:
        answer = await client.post("/api/issues/bulk", json=body)
        assert answer.status_code == status, answer.text
        assert word in answer.json()["message"]

    async def test_all_or_none_and_those_that_are_not_there_are_named(
        self, client: httpx.AsyncClient
    ) -> None:
        unknown = [str(UUID(int=number)) for number in range(100, 1000)]
        body = {"action": "resolve", "ids": [str(ISSUE), *unknown]}
        answer = await client.post("/api/issues/bulk", json=body)
        assert answer.status_code == 404
        assert all(id_ in answer.json()["message"] for id_ in unknown[:10])
        assert "890 more" in answer.json()["message"]
        assert (await client.get(f"/api/issues/{ISSUE}")).json()["status"] == "unresolved"

    async def test_one_that_was_merged_is_named_with_where_it_went(self, client: httpx.AsyncClient) -> None:
        await client.post("/api/issues/bulk", json={"ids": [str(ISSUE), str(OTHER)], "action": "merge"})
        body = {"action": "resolve", "ids": [str(ISSUE), str(OTHER)]}
        answer = await client.post("/api/issues/bulk", json=body)
        assert answer.status_code == 409
        assert f"{OTHER} into {ISSUE}" in answer.json()["message"]
        assert (await client.get(f"/api/issues/{ISSUE}")).json()["status"] == "unresolved"

    async def test_a_query_that_finds_too_many_is_refused(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        body = {"q": "is:unresolved", "action": "resolve"}
        monkeypatch.setattr("avalon.issues.MAX_ISSUES", 1)
        answer = await client.post("/api/issues/bulk", json=body)
        assert (answer.status_code, "more than 1" in answer.json()["message"]) == (400, True)
        monkeypatch.undo()
        assert (await client.post("/api/issues/bulk", json=body)).json()["changed"] == 2

    async def test_a_refusal_in_the_middle_says_what_was_done_and_how_it_is_undone(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        """The second part has an issue of a service without releases."""
        await report(database, *[a_report(number, release="1.0") for number in range(3, 503)])
        await report(database, a_report(999, service="web"))
        ids = [str(UUID(int=number)) for number in (*range(3, 503), 999)]
        body = {"ids": ids, "action": "resolve", "in_release": "current"}
        answer = await client.post("/api/issues/bulk", json=body)
        assert answer.status_code == 400
        said = answer.json()["message"]
        assert said.startswith("in_release: web")
        assert "500 were done before" in said
        undone = await client.post(said.partition("POST ")[2].partition(" ")[0])
        assert undone.json()["changed"] == 500
        again = await client.post("/api/issues/bulk", json=body | {"ids": ids[-1:]})
        assert (again.status_code, "done before" in again.json()["message"]) == (400, False)

    async def test_a_merge_says_which_issue_is_left(self, client: httpx.AsyncClient) -> None:
        body = {"q": "is:unresolved", "action": "merge"}
        merged = (await client.post("/api/issues/bulk", json=body)).json()
        (left,) = (await client.get("/api/issues")).json()["items"]
        assert (merged["into"], merged["changed"]) == (left["id"], 1)

    async def test_only_admins_delete_and_restore(self, app: App) -> None:
        member, admin = app.client("member"), app.client()
        body = {"ids": [str(ISSUE)], "action": "delete"}
        for answer in (
            await member.post("/api/issues/bulk", json=body),
            await member.delete(f"/api/issues/{ISSUE}"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        action = (await admin.post("/api/issues/bulk", json=body)).json()["action"]
        assert (await member.post(f"/api/undo/{action}")).status_code == 403
        assert (await admin.post(f"/api/undo/{action}")).status_code == 200


class TestComments:
    async def test_a_comment_stands_in_the_history_until_it_is_taken_away(
        self, client: httpx.AsyncClient
    ) -> None:
        made = await client.post(f"/api/issues/{ISSUE}/comments", json={"text": "it is the **cache**"})
        assert made.status_code == 201
        comment = made.json()["id"]
        (item,) = (await client.get(f"/api/issues/{ISSUE}/history?cursor=4")).json()["items"][-1:]
        assert (item["comment"], item["text"], item["why"]) == (
            comment,
            "it is the **cache**",
            "commented by ada",
        )
        assert (await client.get(f"/api/issues/{ISSUE}")).json()["comments"] == 1
        gone = await client.delete(f"/api/issues/{ISSUE}/comments/{comment}")
        assert gone.json()["changed"] == 1
        page = (await client.get(f"/api/issues/{ISSUE}/history")).json()
        assert "cache" not in str(page)
        assert (await client.delete(f"/api/issues/{ISSUE}/comments/{comment}")).status_code == 404

    @pytest.mark.parametrize(
        "body", [{}, {"body": "hello"}, {"text": ""}, {"text": 5}, {"text": "x" * 20_001}], ids=str
    )
    async def test_a_comment_without_words_names_the_field(
        self, client: httpx.AsyncClient, body: dict[str, Any]
    ) -> None:
        answer = await client.post(f"/api/issues/{ISSUE}/comments", json=body)
        assert answer.status_code == 400
        assert "text" in answer.json()["message"]


class TestHistory:
    async def test_it_tells_everything_in_words(self, client: httpx.AsyncClient, database: Database) -> None:
        await change(client, {"status": "resolved", "in_release": "current", "assignee": str(USER)})
        await report(database, a_report(1, release="1.5.0", occurred_at=datetime.now(UTC)))
        await change(client, {"mute": {"events": 1}})
        await report(database, a_report(1))
        told = await why(client)
        assert told == [
            "opened by the first report of a new error, of release 1.4.2",
            "resolved in release 1.4.2 by ada",
            "assigned to ada by ada",
            "regressed: release 1.5.0 reported it right after it was resolved in 1.4.2",
            "muted for 1 event more by ada",
            "unmuted: as many events as it was muted for have come",
        ]
        action = (await change(client, {"assignee": None})).json()["action"]
        await client.post(f"/api/undo/{action}")
        assert (await why(client))[-1] == "a decision was undone by ada: assigned to ada again"

    async def test_what_was_merged_in_tells_its_own_before(self, client: httpx.AsyncClient) -> None:
        await change(client, {"status": "ignored"}, OTHER)
        body = {"ids": [str(ISSUE), str(OTHER)], "action": "merge"}
        action = (await client.post("/api/issues/bulk", json=body)).json()["action"]
        told = await why(client)
        assert "ignored by ada" in told
        assert told[-1] == f"issue {OTHER} merged into {ISSUE}; 1 group moved by ada"
        assert (await why(client, OTHER))[-1] == told[-1]
        await client.post(f"/api/undo/{action}")
        assert "ignored by ada" not in await why(client)
        assert (await why(client, OTHER))[
            -1
        ] == f"undone: 1 group moved back from issue {ISSUE} to {OTHER} by ada"

    async def test_pages_follow_each_other(self, client: httpx.AsyncClient) -> None:
        for _ in range(4):
            await change(client, {"status": "resolved"})
        whole = (await client.get(f"/api/issues/{ISSUE}/history")).json()["items"]
        found, cursor = [], None
        while cursor is not None or not found:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await client.get(f"/api/issues/{ISSUE}/history", params=params)).json()
            found += page["items"]
            cursor = page["next"]
        assert found == whole
        assert [item["position"] for item in whole] == sorted(item["position"] for item in whole)
        assert whole[-1]["actor"] == f"user:{USER}"
        assert whole[-1]["name"] == "ada"

    @pytest.mark.parametrize("cursor", ["x", "-1", "9" * 30, "1.5"])
    async def test_a_made_up_cursor_is_refused(self, client: httpx.AsyncClient, cursor: str) -> None:
        answer = await client.get(f"/api/issues/{ISSUE}/history", params={"cursor": cursor})
        assert answer.status_code == 400
        assert "cursor" in answer.json()["message"]


async def test_unmerging_sends_groups_home(client: httpx.AsyncClient) -> None:
    await client.post("/api/issues/bulk", json={"ids": [str(ISSUE), str(OTHER)], "action": "merge"})
    assert (await client.post(f"/api/issues/{ISSUE}/unmerge")).json()["changed"] == 1
    assert (await client.get(f"/api/issues/{OTHER}")).json()["events"] == 1
    assert (await client.post(f"/api/issues/{ISSUE}/unmerge")).status_code == 409
    answer = await client.post(f"/api/issues/{ISSUE}/unmerge", json={"groups": [str(OTHER)]})
    assert (answer.status_code, "groups" in answer.json()["message"]) == (400, True)


async def test_the_groups_of_an_issue_are_listed_as_unmerging_takes_them(
    client: httpx.AsyncClient, database: Database
) -> None:
    await report(database, a_report(3, message="third"))
    ids = [str(UUID(int=number)) for number in (1, 2, 3)]
    await client.post("/api/issues/bulk", json={"ids": ids, "action": "merge"})
    path = f"/api/issues/{ISSUE}/groups"
    found = (await client.get(path)).json()
    assert [(one["id"], one["home"], one["events"]) for one in found["items"]] == [
        (ids[0], ids[0], 2),
        (ids[1], ids[1], 1),
        (ids[2], ids[2], 1),
    ]
    page = (await client.get(path, params={"limit": 2})).json()
    assert page["items"] == found["items"][:2]
    rest = (await client.get(path, params={"limit": 2, "cursor": page["next"]})).json()
    assert (rest["items"], rest["next"]) == (found["items"][2:], None)
    third = found["items"][2]
    assert (third["title"], third["last_seen"] >= third["first_seen"]) == ("third", True)
    chosen = {"groups": [third["id"]]}
    assert (await client.post(f"/api/issues/{ISSUE}/unmerge", json=chosen)).json()["changed"] == 1
    assert len((await client.get(path)).json()["items"]) == 2
    assert (await client.get(f"/api/issues/{uuid4()}/groups")).status_code == 404


async def test_undoing_what_is_not_there_or_stands_no_more(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/api/undo/{uuid4()}")).status_code == 404
    for nonsense in ("nonsense", "1", "%00"):
        answer = await client.post(f"/api/undo/{nonsense}")
        assert (answer.status_code, "UUID" in answer.json()["message"]) == (400, True), nonsense
    action = (await change(client, {"status": "resolved"})).json()["action"]
    later = (await change(client, {"status": "ignored"})).json()
    answer = await client.post(f"/api/undo/{action}")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert str(later["position"]) in answer.json()["message"]
    assert "ignored by ada" in answer.json()["message"]
    await client.post("/api/issues/bulk", json={"ids": [str(OTHER), str(ISSUE)], "action": "merge"})
    answer = await client.post(f"/api/undo/{later['action']}")
    assert (answer.status_code, "merged or deleted" in answer.json()["message"]) == (409, True)
    assert "ada" not in answer.json()["message"]


async def test_dashboards_follow_over_the_live_stream(server: Server, admin: httpx.AsyncClient) -> None:
    """Items are for everybody: the same that a viewer gets."""
    from avalon.event_store import FACTS, START, read_after
    from avalon.items import wire_item

    receipt = await server.report("boom", release="1.0")
    issue = (await admin.get(f"/api/receipts/{receipt['position']}")).json()["issue"]["id"]
    await admin.patch(f"/api/issues/{issue}", json={"status": "resolved"})
    await server.report("boom", release="1.0")
    found = await read_after(server.services.database, START, FACTS)
    items = [item for event in found.events if (item := wire_item(event)) and item.type.startswith("issue:")]
    assert [item.type for item in items] == ["issue:opened", "issue:changed", "issue:regressed"]
    assert not any(item.is_for_admins for item in items)
    for part in (b'"change":"resolved"', b'"status":"resolved"', b'"actor":"user:', b'"service":'):
        assert part in items[1].body

"""User feedback over real sockets: a comment on the issue of its event, or a report of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest

from avalon import feedback as module
from tests.conftest import Server
from tests.routes.test_sentry import an_envelope, an_event, an_item, post, stored

OLD = "/api/0/projects/our-org/our_project/user-feedback/"
FORM = "/api/embed/error-page/"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of what is not there never comes."""
    monkeypatch.setattr(module, "PAUSES_S", ())


def a_user_report(event_id: str, comments: str = "it broke", **fields: Any) -> dict[str, Any]:
    return {"event_id": event_id, "name": "Jane", "email": "jane@example.org", "comments": comments} | fields


def a_feedback(event_id: str | None, message: str = "it broke", **context: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"message": message, "name": "Jane", "contact_email": "jane@example.org"}
    if event_id:
        said["associated_event_id"] = event_id
    return {"event_id": uuid4().hex, "type": "feedback", "contexts": {"feedback": said | context}}


async def history(admin: httpx.AsyncClient, event_id: str) -> list[dict[str, Any]]:
    """What is said in the history of an event's issue."""
    event = (await admin.get(f"/api/errors/{UUID(event_id)}")).raise_for_status().json()
    items = (
        (await admin.get(f"/api/issues/{event['issue']['id']}/history")).raise_for_status().json()["items"]
    )
    return [item for item in items if item["type"] == "issue.commented"]


def a_dsn(server: Server, key: str | None = None) -> str:
    return server.url.replace("://", f"://{key or server.key}@") + "/1"


async def test_a_user_report_is_a_comment_on_the_issue_of_its_event(
    server: Server, admin: httpx.AsyncClient
) -> None:
    event = an_event()
    await post(server, an_envelope(an_item("event", event)))
    answer = await post(server, an_envelope(an_item("user_report", a_user_report(event["event_id"]))))
    assert answer.status_code == 200
    (item,) = await history(admin, event["event_id"])
    assert (item["text"], item["name"], item["email"]) == ("it broke", "Jane", "jane@example.org")
    assert item["report"] == str(UUID(event["event_id"]))
    assert item["why"] == f"feedback of a user of the program, about report {item['report']}"
    assert item["actor"].startswith("key:")
    issue = (await admin.get(f"/api/issues/{item['issue']}")).json()
    assert (issue["comments"], issue["events"]) == (1, 1)


@pytest.mark.parametrize("type_", ["feedback", "user_report"])
async def test_feedback_before_its_event_in_one_envelope(
    server: Server, admin: httpx.AsyncClient, type_: str
) -> None:
    event = an_event()
    said = a_feedback(event["event_id"]) if type_ == "feedback" else a_user_report(event["event_id"])
    envelope = an_envelope(an_item(type_, said), an_item("event", event))
    assert (await post(server, envelope)).json() == {"id": event["event_id"]}
    (item,) = await history(admin, event["event_id"])
    assert (item["text"], item["name"], item["email"]) == ("it broke", "Jane", "jane@example.org")


async def test_an_event_that_comes_a_moment_later_is_waited_for(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (0.02,) * 500)
    event = an_event()
    sent = asyncio.create_task(
        post(server, an_envelope(an_item("user_report", a_user_report(event["event_id"]))))
    )
    async with asyncio.timeout(10):
        while not server.services.feedback.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await post(server, an_envelope(an_item("event", event)))
    assert (await sent).status_code == 200
    assert [item["text"] for item in await history(admin, event["event_id"])] == ["it broke"]
    assert len(await stored(server)) == 1
    assert server.services.feedback.waiting == 0


async def test_so_many_wait_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (3600.0,))
    monkeypatch.setattr(module, "MAX_WAITING", 0)
    answer = await post(server, an_envelope(an_item("user_report", a_user_report(uuid4().hex))))
    assert answer.status_code == 200
    assert len(await stored(server)) == 1


async def test_those_of_one_key_leave_room_for_others(
    server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES_S", (0.02,) * 500)
    monkeypatch.setattr(module, "MAX_WAITING_OF_KEY", 1)
    made = (await admin.post("/api/keys", json={"name": "other", "service": "other"})).json()
    mine, theirs = an_event(), an_event()

    async def say(event_id: str, key: str = "") -> httpx.Response:
        body = an_envelope(an_item("user_report", a_user_report(event_id)))
        return await post(server, body, **({"X-Sentry-Auth": f"Sentry sentry_key={key}"} if key else {}))

    async def waiting(number: int) -> None:
        async with asyncio.timeout(10):
            while server.services.feedback.waiting < number:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    first = asyncio.create_task(say(mine["event_id"]))
    await waiting(1)
    await say(uuid4().hex)
    assert len(await stored(server)) == 1
    other = asyncio.create_task(say(theirs["event_id"], made["key"]))
    await waiting(2)
    await post(server, an_envelope(an_item("event", mine)))
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={made['key']}"}
    await post(server, an_envelope(an_item("event", theirs)), **auth)
    assert {(await first).status_code, (await other).status_code} == {200}
    assert len(await stored(server)) == 3
    assert server.services.feedback.waiting == 0


class TestFeedbackAboutNothing:
    async def test_is_a_report_of_its_own(self, server: Server, admin: httpx.AsyncClient) -> None:
        said = a_feedback(
            None, "The basket is empty again", url="https://shop.example/basket?token=abc", source="widget"
        )
        said |= {"environment": "prod", "release": "1.4", "user": {"id": "42"}, "tags": {"a": "b"}}
        answer = await post(server, an_envelope(an_item("feedback", said)))
        assert answer.json() == {"id": said["event_id"]}
        found = (await admin.get(f"/api/errors/{UUID(said['event_id'])}")).json()
        assert (found["level"], found["type"], found["message"]) == (
            "info",
            "User feedback",
            "The basket is empty again",
        )
        assert found["user"] == {"id": "42", "username": "Jane", "email": "jane@example.org"}
        assert found["tags"] == {"a": "b", "feedback": "true"}
        assert (found["environment"], found["release"], found["path"]) == ("prod", "1.4", "/basket")
        assert "abc" not in json.dumps(found)
        assert found["issue"]["title"] == "The basket is empty again"

    async def test_or_about_an_event_that_never_came(self, server: Server) -> None:
        event_id = uuid4().hex
        for _ in range(2):
            await post(server, an_envelope(an_item("user_report", a_user_report(event_id, "help"))))
        (row,) = await stored(server)
        assert row["data"]["message"] == "help"
        assert row["data"]["contexts"] == {"feedback": {"associated_event_id": event_id}}

    async def test_does_not_take_the_id_of_the_event_that_may_come_yet(
        self, server: Server, admin: httpx.AsyncClient
    ) -> None:
        event = an_event()
        said = a_feedback(event["event_id"], "help") | {"event_id": event["event_id"]}
        await post(server, an_envelope(an_item("feedback", said)))
        await post(server, an_envelope(an_item("event", event)))
        assert [row["data"]["message"] for row in await stored(server)] == ["help", "boom"]

    async def test_or_about_one_that_was_deleted(self, server: Server, admin: httpx.AsyncClient) -> None:
        event = an_event()
        await post(server, an_envelope(an_item("event", event)))
        await admin.delete(f"/api/errors/{UUID(event['event_id'])}")
        await post(server, an_envelope(an_item("user_report", a_user_report(event["event_id"], "help"))))
        assert [row["data"]["message"] for row in await stored(server)] == ["boom", "help"]


async def test_the_same_feedback_twice_is_one_comment(server: Server, admin: httpx.AsyncClient) -> None:
    event = an_event()
    await post(server, an_envelope(an_item("event", event)))
    feedback = a_feedback(event["event_id"], "twice")
    for _ in range(2):
        await post(server, an_envelope(an_item("user_report", a_user_report(event["event_id"]))))
        await post(server, an_envelope(an_item("feedback", feedback)))
    texts = [item["text"] for item in await history(admin, event["event_id"])]
    assert texts == ["it broke", "twice"]
    await post(server, an_envelope(an_item("user_report", a_user_report(event["event_id"], "other words"))))
    assert len(await history(admin, event["event_id"])) == 3


async def test_a_comment_that_was_deleted_does_not_come_back_with_a_retry(
    server: Server, admin: httpx.AsyncClient
) -> None:
    event = an_event()
    envelope = an_envelope(an_item("event", event), an_item("user_report", a_user_report(event["event_id"])))
    await post(server, envelope)
    (item,) = await history(admin, event["event_id"])
    gone = await admin.delete(f"/api/issues/{item['issue']}/comments/{item['comment']}")
    assert gone.status_code == 200
    await post(server, envelope)
    (item,) = await history(admin, event["event_id"])
    assert (item["text"], item["name"], item["email"], item["comment"]) == (None, None, None, None)
    assert "Jane" not in json.dumps((await admin.get("/api/log")).json())


async def test_nobody_comments_on_what_another_service_sent(server: Server, admin: httpx.AsyncClient) -> None:
    event = an_event()
    await post(server, an_envelope(an_item("event", event)))
    made = (await admin.post("/api/keys", json={"name": "web", "service": "web"})).json()
    foreign = {"X-Sentry-Auth": f"Sentry sentry_key={made['key']}"}
    answer = await post(
        server, an_envelope(an_item("user_report", a_user_report(event["event_id"]))), **foreign
    )
    assert answer.status_code == 200
    assert await history(admin, event["event_id"]) == []
    assert [row["service"] for row in await stored(server)] == [server.service, "web"]


class TestTheOldRoute:
    @pytest.mark.parametrize("path", [OLD, OLD.rstrip("/")], ids=["slash", "no slash"])
    async def test_takes_json_with_a_dsn(self, server: Server, admin: httpx.AsyncClient, path: str) -> None:
        event = an_event()
        await post(server, an_envelope(an_item("event", event)))
        async with server.client(headers={"Authorization": f"DSN {a_dsn(server)}"}) as client:
            answer = await client.post(path, json=a_user_report(event["event_id"]))
        assert answer.status_code == 200
        assert answer.json() | {"id": ""} == {
            "id": "",
            "eventID": event["event_id"],
            "name": "Jane",
            "email": "jane@example.org",
            "comments": "it broke",
        }
        assert [item["text"] for item in await history(admin, event["event_id"])] == ["it broke"]

    async def test_takes_a_key_in_the_other_places(self, server: Server) -> None:
        said = json.dumps(a_user_report(uuid4().hex)).encode()
        assert (await post(server, said, OLD)).status_code == 200
        async with server.client() as client:
            answer = await client.post(f"{OLD}?sentry_key={server.key}", content=said)
            assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("body", "status"),
        [(b"{", 400), (b"[]", 400), (b'{"comments": "  "}', 400), (b"x" * 100_001, 413)],
        ids=["broken", "a list", "no words", "too large"],
    )
    async def test_says_what_is_wrong(self, server: Server, body: bytes, status: int) -> None:
        answer = await post(server, body, OLD)
        assert (answer.status_code, answer.json()["status"]) == (status, "error")
        assert await stored(server) == []

    @pytest.mark.parametrize("dsn", ["", "DSN nonsense", "DSN http://[", "DSN http://avl_x@h/1"])
    async def test_wants_a_key(self, server: Server, dsn: str) -> None:
        async with server.client(headers={"Authorization": dsn} if dsn else {}) as client:
            answer = await client.post(OLD, json=a_user_report(uuid4().hex))
        assert answer.status_code == 401
        assert answer.json()["code"] in ("key_missing", "key_unknown")


class TestTheCrashReportDialog:
    async def test_posts_a_form_from_any_page(self, server: Server, admin: httpx.AsyncClient) -> None:
        event = an_event()
        await post(server, an_envelope(an_item("event", event)))
        address = f"{FORM}?dsn={quote(a_dsn(server), safe='')}&eventId={event['event_id']}"
        page = {"Origin": "https://shop.example"}
        async with server.client() as client:
            preflight = await client.options(address, headers=page)
            assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
            form = {"name": "Jane", "email": "jane@example.org", "comments": "it broke & burned"}
            answer = await client.post(address, data=form, headers=page)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        (item,) = await history(admin, event["event_id"])
        assert (item["text"], item["name"]) == ("it broke & burned", "Jane")

    async def test_gets_no_script(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(FORM)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")

    async def test_is_held_to_the_origins_of_its_key(self, server: Server, admin: httpx.AsyncClient) -> None:
        body = {"name": "web", "service": "web", "allowed_origins": ["https://shop.example"]}
        made = (await admin.post("/api/keys", json=body)).json()
        address = f"{FORM}?dsn={quote(a_dsn(server, made['key']), safe='')}"
        async with server.client() as client:
            for origin, status in (("https://evil.example", 403), ("https://shop.example", 200)):
                answer = await client.post(address, data={"comments": "x"}, headers={"Origin": origin})
                assert answer.status_code == status
        assert len(await stored(server)) == 1


class TestBounds:
    async def test_words_names_and_addresses_are_cut_and_scrubbed(
        self, server: Server, admin: httpx.AsyncClient
    ) -> None:
        event = an_event()
        said = a_user_report(
            event["event_id"],
            "my card is 4111 1111 1111 1111 \0" + "x" * 9_000,
            name="J" * 9_000,
            email="password=hunter2",
        )
        await post(server, an_envelope(an_item("event", event), an_item("user_report", said)))
        (item,) = await history(admin, event["event_id"])
        assert item["text"].startswith("my card is [Filtered] \ufffdxxx")
        assert (len(item["text"]), len(item["name"])) == (4_096, 512)
        assert item["email"] == "password=[Filtered]"

    async def test_feedback_counts_against_the_rate_of_its_key(
        self, server: Server, admin: httpx.AsyncClient
    ) -> None:
        made = (await admin.post("/api/keys", json={"name": "web", "service": "web"})).json()
        auth = {"X-Sentry-Auth": f"Sentry sentry_key={made['key']}"}
        event = an_event()
        await post(server, an_envelope(an_item("event", event)), **auth)
        await admin.patch(f"/api/keys/{made['id']}", json={"rate_per_minute": 3})
        statuses = []
        for number in range(8):
            said = a_user_report(event["event_id"], f"number {number}")
            statuses.append(
                (await post(server, an_envelope(an_item("user_report", said)), **auth)).status_code
            )
        # A minute of the log may end meanwhile.
        assert statuses[:3] == [200] * 3
        assert 429 in statuses
        assert len(await history(admin, event["event_id"])) == statuses.count(200)

    async def test_an_issue_has_room_for_so_many(
        self, server: Server, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MAX_PER_ISSUE", 2)
        event = an_event()
        await post(server, an_envelope(an_item("event", event)))
        for number in range(3):
            said = a_user_report(event["event_id"], f"number {number}")
            assert (await post(server, an_envelope(an_item("user_report", said)))).status_code == 200
        assert len(await history(admin, event["event_id"])) == 2
        assert len(await stored(server)) == 1
        await server.services.drops.flush()
        (dropped,) = (await admin.get("/api/drops")).json()["items"]
        assert (dropped["category"], dropped["reason"], dropped["quantity"]) == (
            "feedback",
            "too_many_comments",
            1,
        )

    async def test_an_envelope_full_of_feedback_is_cut(self, server: Server) -> None:
        items = [an_item("user_report", a_user_report(uuid4().hex)) for _ in range(12)]
        assert (await post(server, an_envelope(*items))).status_code == 200
        assert len(await stored(server)) == 10


async def test_it_is_announced_live(server: Server) -> None:
    event = an_event()
    await post(server, an_envelope(an_item("event", event)))
    headers = {"Authorization": f"Bearer {await server.login()}"}
    async with server.client(headers=headers) as client, client.stream("GET", "/api/stream?after=0") as live:
        await post(server, an_envelope(an_item("user_report", a_user_report(event["event_id"]))))
        async with asyncio.timeout(10):
            async for line in live.aiter_lines():
                if '"commented"' in line:
                    break
    item = json.loads(line.removeprefix("data: "))
    assert (item["type"], item["change"]) == ("issue:changed", "commented")
    assert "Jane" not in line

"""Sinks and settings over HTTP, on a running service with a Discord on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server, Urls, running, settings_for
from tests.sinks.conftest import until
from tests.sinks.fake_discord import FakeDiscord, Prepared


@pytest.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as found:
        yield found


@pytest.fixture
async def server(urls: Urls, tmp_path: Path, discord: FakeDiscord) -> AsyncIterator[Server]:
    async with running(settings_for(urls, tmp_path, AVALON_WEBHOOK_ALLOWED_HOSTS=discord.host)) as found:
        yield found


async def create(admin: httpx.AsyncClient, discord: FakeDiscord, **fields: Any) -> dict[str, Any]:
    answer = await admin.post("/api/sinks", json={"url": discord.webhook(), **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_sink_is_made_changed_and_deleted(admin: httpx.AsyncClient, discord: FakeDiscord) -> None:
    sink = await create(admin, discord, name="Ops", levels=["error"])
    assert sink["url"] == f"http://{discord.host}/api/webhooks/1/********"
    assert (sink["is_active"], sink["levels"]) == (True, ["error"])
    path = f"/api/sinks/{sink['id']}"

    async def has_read_all() -> bool:
        return bool((await admin.get(path)).json()["lag"] == 0)

    await until(has_read_all)
    changed = await admin.patch(path, json={"name": "Night", "is_active": False})
    assert changed.json()["name"] == "Night" and changed.json()["is_active"] is False
    assert (await admin.get(path)).json() | {"lag": 0} == changed.json() | {"lag": 0}
    assert [item["id"] for item in (await admin.get("/api/sinks")).json()["items"]] == [sink["id"]]
    assert (await admin.delete(path)).json() == {"status": "ok"}
    for answer in (await admin.get(path), await admin.delete(path), await admin.get(f"{path}/deliveries")):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_report_reaches_discord_and_the_list_of_deliveries(
    server: Server, admin: httpx.AsyncClient, discord: FakeDiscord
) -> None:
    sink = await create(admin, discord)
    sent = [await server.report(f"boom {word}", level="fatal") for word in ("one", "two")]

    async def deliveries(query: str = "") -> dict[str, Any]:
        found: dict[str, Any] = (await admin.get(f"/api/sinks/{sink['id']}/deliveries{query}")).json()
        return found

    async def are_written() -> bool:
        return len((await deliveries())["items"]) == 2

    await until(are_written)
    page = await deliveries("?limit=1")
    rest = await deliveries(f"?limit=1&cursor={page['next']}")
    assert [i["first_position"] for i in page["items"] + rest["items"]] == [s["position"] for s in sent[::-1]]
    assert page["items"][0]["message_id"] == discord.accepted[1].message_id
    assert (page["items"][0]["outcome"], page["items"][0]["reports"]) == ("delivered", 1)
    assert rest["next"] is None
    assert (await admin.get(f"/api/sinks/{sink['id']}")).json()["delivered"] == 2


async def test_the_settings_hold_the_default_sink(admin: httpx.AsyncClient, discord: FakeDiscord) -> None:
    assert (await admin.get("/api/settings")).json()["discord_webhook_url"] is None
    masked = f"http://{discord.host}/api/webhooks/1/********"
    answer = await admin.put("/api/settings", json={"discord_webhook_url": discord.webhook()})
    assert answer.json()["discord_webhook_url"] == masked
    assert answer.json()["retention_days"] == 90
    same = await admin.put("/api/settings", json={"discord_webhook_url": masked})
    assert same.json() == answer.json()
    (sink,) = (await admin.get("/api/sinks")).json()["items"]
    tried = await admin.post(f"/api/sinks/{sink['id']}/test")
    assert tried.json()["delivered"] is True
    gone = await admin.put("/api/settings", json={"discord_webhook_url": None})
    assert gone.json()["discord_webhook_url"] is None
    assert (await admin.get("/api/sinks")).json()["items"] == []


async def test_a_try_tells_what_discord_said_and_not_the_address(
    admin: httpx.AsyncClient, discord: FakeDiscord
) -> None:
    sink = await create(admin, discord)
    discord.answer_with(Prepared(401, 50027))
    answer = await admin.post(f"/api/sinks/{sink['id']}/test")
    assert answer.json() == {
        "delivered": False,
        "message": "Discord answered 401 (code 50027): the webhook's token is wrong",
        "answer": 401,
        "message_id": None,
    }
    everything = [
        (await admin.get(path)).text for path in ("/api/sinks", "/api/settings", "/api/log?limit=200")
    ]
    assert "secret-token" not in "".join(everything)


async def test_a_sink_that_fails_for_now_says_so(
    server: Server, admin: httpx.AsyncClient, discord: FakeDiscord
) -> None:
    sink = await create(admin, discord)
    discord.always = Prepared(503)
    await server.report(level="critical")

    async def shown() -> dict[str, Any]:
        found: dict[str, Any] = (await admin.get(f"/api/sinks/{sink['id']}")).json()
        return found

    async def says_so() -> bool:
        return bool((await shown())["last_error"] == "Discord answered 503")

    await until(says_so)
    found = await shown()
    assert (found["waiting"], found["delivered"]) == (1, 0)
    assert found["quiet_until"] is not None


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/sinks", {"url": "http://169.254.169.254/latest"}, "url"),
        ("POST", "/api/sinks", {"url": "https://discord.com/api/webhooks/1/a", "levels": ["loud"]}, "levels"),
        ("POST", "/api/sinks", {"url": "https://discord.com/api/webhooks/1/a", "kind": "fax"}, "kind"),
        ("POST", "/api/sinks", {}, "url"),
        ("POST", "/api/sinks", {"url": 7}, "url"),
        ("PUT", "/api/settings", {"discord_webhook_url": "https://evil.example/"}, "discord_webhook_url"),
        ("PUT", "/api/settings", {"retention_days": 1}, "retention_days"),
    ],
)
async def test_bad_input_names_the_field(
    admin: httpx.AsyncClient, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await admin.request(method, path, json=body)
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["message"]


async def test_a_change_of_nothing_is_no_change(admin: httpx.AsyncClient, discord: FakeDiscord) -> None:
    sink = await create(admin, discord)
    assert (await admin.patch(f"/api/sinks/{sink['id']}", json={})).status_code == 400
    assert (await admin.get(f"/api/sinks/{sink['id']}")).json()["position"] == sink["position"]


async def test_a_viewer_reads_and_changes_nothing(
    server: Server, admin: httpx.AsyncClient, discord: FakeDiscord
) -> None:
    sink = await create(admin, discord)
    await admin.post(
        "/api/users", json={"username": "vera", "role": "viewer", "password": "a long password of hers"}
    )
    token = await server.login("vera", "a long password of hers")
    path = f"/api/sinks/{sink['id']}"
    async with server.client(headers={"Authorization": f"Bearer {token}"}) as viewer:
        reads = [await viewer.get(p) for p in ("/api/sinks", path, f"{path}/deliveries", "/api/settings")]
        writes = [
            await viewer.post("/api/sinks", json={"url": discord.webhook()}),
            await viewer.patch(path, json={"name": "x"}),
            await viewer.delete(path),
            await viewer.post(f"{path}/test"),
            await viewer.put("/api/settings", json={"discord_webhook_url": None}),
        ]
    assert {answer.status_code for answer in reads} == {200}
    assert {answer.status_code for answer in writes} == {403}

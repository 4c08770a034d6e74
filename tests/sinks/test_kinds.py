"""Each kind of sink over HTTP on a running service: made, tried, told of a report, switched off."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from avalon.sinks.webhook import signature_headers
from tests.conftest import Server, Urls, running, settings_for
from tests.sinks import mattermost_rules, slack_rules
from tests.sinks.conftest import until
from tests.sinks.fake_http import FakeHooks, Said
from tests.sinks.fake_smtp import FakeSmtp

SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


class World:
    """The other side of every kind."""

    def __init__(self, slack: FakeHooks, mattermost: FakeHooks, webhook: FakeHooks, smtp: FakeSmtp) -> None:
        self.hooks = {"slack": slack, "mattermost": mattermost, "webhook": webhook}
        self.smtp = smtp

    @property
    def hosts(self) -> str:
        return ",".join(hooks.host for hooks in self.hooks.values())

    def body(self, kind: str) -> dict[str, Any]:
        if kind == "email":
            return {"kind": kind, "to": ["ops@example.org", "night@example.org"]}
        return {"kind": kind, "url": self.hooks[kind].url("/services/T1/B1/secret-token")}

    def taken(self, kind: str) -> list[str]:
        """What has arrived, as text."""
        if kind == "email":
            return [str(mail.message["Subject"]) for mail in self.smtp.mails]
        return [got.body.decode() for got in self.hooks[kind].accepted]

    def give_up(self, kind: str) -> None:
        """From now on this one can never work again."""
        match kind:
            case "slack":
                self.hooks[kind].answer_with(Said(404, "no_service"))
            case "mattermost":
                name = "web.incoming_webhook.invalid.app_error"
                self.hooks[kind].answer_with(Said(400, msgspec.json.encode({"id": name}).decode()))
            case "webhook":
                self.hooks[kind].answer_with(Said(410))
            case "email":
                self.smtp.answer_with("RCPT", "550 no", "550 no")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(FakeHooks(slack_rules.refusals))
        mattermost = await stack.enter_async_context(
            FakeHooks(mattermost_rules.refusals, refuse=mattermost_rules.answer)
        )
        webhook = await stack.enter_async_context(FakeHooks())
        yield World(slack, mattermost, webhook, await stack.enter_async_context(FakeSmtp()))


@pytest.fixture
async def server(urls: Urls, tmp_path: Path, world: World) -> AsyncIterator[Server]:
    settings = settings_for(
        urls,
        tmp_path,
        AVALON_WEBHOOK_ALLOWED_HOSTS=world.hosts,
        SMTP_URL=world.smtp.url(),
        SMTP_FROM="avalon@example.org",
        AVALON_PUBLIC_URL="https://avalon.example.org",
    )
    async with running(settings) as found:
        yield found


async def make(admin: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await admin.post("/api/sinks", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


KINDS = ["slack", "mattermost", "webhook", "email"]


async def test_every_kind_is_made_tried_told_and_switched_off(
    server: Server, admin: httpx.AsyncClient, world: World
) -> None:
    sinks = {kind: await make(admin, world.body(kind)) for kind in KINDS}
    for kind, sink in sinks.items():
        tried = await admin.post(f"/api/sinks/{sink['id']}/test")
        assert tried.json()["delivered"], tried.text
        assert "Avalon can reach you here" in world.taken(kind)[0]
    await server.report("boom @channel <!channel>", level="fatal")

    async def shown(kind: str) -> dict[str, Any]:
        found: dict[str, Any] = (await admin.get(f"/api/sinks/{sinks[kind]['id']}")).json()
        return found

    for kind in KINDS:

        async def is_delivered() -> bool:
            return bool((await shown(kind))["delivered"] == 1)  # noqa: B023

        await until(is_delivered)
        assert len(world.taken(kind)) == 2 and "FATAL" in world.taken(kind)[1].upper()
        world.give_up(kind)
    await server.report("another", level="fatal")
    for kind in KINDS:

        async def is_off() -> bool:
            return not (await shown(kind))["is_active"]  # noqa: B023

        await until(is_off)
        assert (await shown(kind))["switched_off_reason"]


async def test_names_secrets_and_addresses_of_each_kind(admin: httpx.AsyncClient, world: World) -> None:
    made = {kind: await make(admin, world.body(kind)) for kind in KINDS}
    assert {kind: sink["name"] for kind, sink in made.items()} == {
        "slack": "Slack",
        "mattermost": "Mattermost",
        "webhook": "Webhook",
        "email": "E-mail",
    }
    assert [sink["secret"] is None for sink in made.values()] == [True, True, False, True]
    assert [sink["has_secret"] for sink in made.values()] == [False, False, True, False]
    given = await make(admin, world.body("webhook") | {"secret": SECRET})
    assert (given["secret"], given["has_secret"]) == (None, True)
    listed = (await admin.get("/api/sinks")).text
    log = (await admin.get("/api/log?limit=200")).text
    for secret in (made["webhook"]["secret"], SECRET, "secret-token", "ops@example", "night@example"):
        assert secret not in listed + log
    assert made["email"]["to"] == ["o********@example.org", "n********@example.org"]
    assert made["email"]["url"] is None
    assert made["slack"]["url"].endswith("/services/T1/B1/********")


async def test_a_new_secret_or_address_is_used_from_then_on(admin: httpx.AsyncClient, world: World) -> None:
    hook, mail = [await make(admin, world.body(kind)) for kind in ("webhook", "email")]
    await admin.patch(f"/api/sinks/{hook['id']}", json={"secret": SECRET})
    await admin.patch(f"/api/sinks/{mail['id']}", json={"to": ["new@example.org"]})
    for sink in (hook, mail):
        assert (await admin.post(f"/api/sinks/{sink['id']}/test")).json()["delivered"]
    assert world.smtp.mails[0].recipients == ["new@example.org"]
    got = world.hooks["webhook"].accepted[0]
    sent_at = int(got.headers["webhook-timestamp"])
    signed = signature_headers(SECRET, got.headers["webhook-id"], sent_at, got.body)
    assert got.headers["webhook-signature"] == signed["webhook-signature"]
    facts = (await admin.get("/api/log?limit=200")).json()["items"]
    changed = [fact["data"] for fact in facts if fact["type"] == "sink.changed"]
    assert changed == [{"secret": True}, {"recipients": True}]


async def test_a_delivery_says_who_did_not_get_it(
    server: Server, admin: httpx.AsyncClient, world: World
) -> None:
    sink = await make(admin, world.body("email"))
    world.smtp.answer_with("RCPT", "452 full")
    await server.report("boom", level="fatal")

    async def deliveries() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await admin.get(f"/api/sinks/{sink['id']}/deliveries")).json()["items"]
        return found

    await until(deliveries)
    (delivery,) = await deliveries()
    assert (delivery["outcome"], delivery["reason"]) == ("delivered", "1 of 2 recipients refused: 452")
    assert delivery["message_id"].startswith("error.reported-")


async def test_a_try_tells_what_the_mail_server_said(admin: httpx.AsyncClient, world: World) -> None:
    sink = await make(admin, world.body("email"))
    world.smtp.answer_with("RCPT", "452 full")
    tried = (await admin.post(f"/api/sinks/{sink['id']}/test")).json()
    assert (tried["delivered"], tried["message"]) == (True, "1 of 2 recipients refused: 452")
    world.smtp.answer_with("RCPT", "550 no", "550 no")
    tried = (await admin.post(f"/api/sinks/{sink['id']}/test")).json()
    assert (tried["delivered"], tried["answer"]) == (False, 550)


WRONG = [
    ({"kind": "slack"}, "url"),
    ({"kind": "slack", "url": "https://hooks.example.org/services/T/B/x"}, "url"),
    ({"kind": "mattermost", "url": "http://chat.example.org/hooks/x"}, "url"),
    ({"kind": "webhook", "url": "https://10.0.0.1/"}, "url"),
    ({"kind": "webhook", "url": "https://hooks.example.org/", "secret": "hunter2"}, "secret"),
    ({"kind": "slack", "url": "https://hooks.slack.com/services/T/B/x", "secret": SECRET}, "secret"),
    ({"kind": "slack", "url": "https://hooks.slack.com/services/T/B/x", "to": ["a@b.example"]}, "to"),
    ({"kind": "email"}, "to"),
    ({"kind": "email", "to": []}, "to"),
    ({"kind": "email", "to": ["ops@example.org\r\nBcc: eve@evil.example"]}, "to"),
    ({"kind": "email", "to": ["Ops <ops@example.org>"]}, "to"),
    ({"kind": "email", "to": ["a@b.example"] * 51}, "to"),
    ({"kind": "email", "to": ["a@b.example"], "url": "https://hooks.example.org/"}, "url"),
    ({"kind": "email", "to": ["a@b.example"], "secret": SECRET}, "secret"),
]


async def test_bad_input_names_the_field(admin: httpx.AsyncClient) -> None:
    for body, field in WRONG:
        answer = await admin.post("/api/sinks", json=body)
        assert answer.status_code == 400, (body, answer.text)
        assert answer.json()["message"].startswith(f"{field}:"), (body, answer.text)
        assert "hunter2" not in answer.text
    assert (await admin.get("/api/sinks")).json()["items"] == []


async def test_a_sink_is_changed_only_within_its_kind(admin: httpx.AsyncClient, world: World) -> None:
    sink = await make(admin, world.body("email"))
    for change in ({"url": "https://a.example/"}, {"secret": SECRET}, {"to": ["x"]}):
        assert (await admin.patch(f"/api/sinks/{sink['id']}", json=change)).status_code == 400


ENCODED = "=?utf-8?q?x=0d=0aBcc=3ax=40e.io=0d=0a?=@example.org"


async def test_an_address_that_would_be_decoded_to_headers_is_refused_by_its_field(
    server: Server, admin: httpx.AsyncClient
) -> None:
    answer = await admin.post("/api/sinks", json={"kind": "email", "name": "ops", "to": [ENCODED]})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("to: give plain e-mail addresses"), answer.text

"""The doctor at the sinks: which addresses may be called, and which webhook Discord knows."""

from __future__ import annotations

from avalon.cli.check_webhook import check_failing, check_links, check_webhooks
from avalon.cli.findings import FAULT, GOOD, WORTH_A_LOOK
from avalon.database import Database
from avalon.sinks import Address
from avalon.subscriptions.commands import create_sink
from tests.conftest import Urls
from tests.sinks.conftest import Stage, a_settings_for, until
from tests.sinks.fake_discord import Prepared
from tests.sinks.fake_http import FakeHooks, Said


async def test_it_looks_at_every_url_and_posts_to_none(urls: Urls, database: Database) -> None:
    async with FakeHooks() as hooks:
        settings = a_settings_for(
            hooks.host, DATABASE_URL=urls.service, SMTP_URL="smtp://mail", SMTP_FROM="a@example.org"
        )
        for kind, address in {
            "slack": Address(url=hooks.url()),
            "discord": Address(url=hooks.url("/api/webhooks/1/secret-token")),
            "email": Address(recipients=["ops@example.org"]),
        }.items():
            await create_sink(database, settings, kind=kind, address=address, actor="user:test")
        hooks.answer_with(Said(404))
        slack, discord = await check_webhooks(settings)
        assert [request.path for request in hooks.requests] == ["/api/webhooks/1/secret-token"]
    assert "may be called" in slack.text and "the webhook was deleted" in discord.text
    assert "secret-token" not in slack.text + discord.text


async def test_an_address_that_is_no_longer_allowed_is_a_fault(urls: Urls, database: Database) -> None:
    url = "http://chat.internal:8065/hooks/secret-token"
    allowing = a_settings_for("chat.internal:8065", DATABASE_URL=urls.service)
    await create_sink(database, allowing, kind="mattermost", address=Address(url=url), actor="user:test")
    (found,) = await check_webhooks(a_settings_for("", DATABASE_URL=urls.service))
    assert "https://" in found.text and "secret-token" not in found.text + found.advice
    assert "AVALON_WEBHOOK_ALLOWED_HOSTS has to name chat.internal:8065, here" in found.advice


async def test_a_webhook_that_is_none_is_to_be_copied_again(urls: Urls) -> None:
    settings = a_settings_for("", DISCORD_WEBHOOK_URL="https://discord.com/channels/1")
    (found,) = await check_webhooks(settings)
    assert found.mark == FAULT and found.advice == "copy the address again from the channel's settings"


async def test_it_shows_a_sink_that_fails_now(urls: Urls, stage: Stage) -> None:
    settings = a_settings_for("", DATABASE_URL=urls.service)
    await stage.create(name="night shift")
    assert await check_failing(settings) == []
    stage.discord.always = Prepared(500)
    stage.start()
    await stage.report(1)

    async def has_failed() -> bool:
        return bool(await check_failing(settings))

    await until(has_failed)
    (found,) = await check_failing(settings)
    assert found.text == "the sink night shift takes no messages now: Discord answered 500"
    assert found.advice.startswith("1 message will be tried again at 20")


def test_it_says_where_links_lead_where_no_public_address_is_set() -> None:
    known = check_links(a_settings_for("", AVALON_PUBLIC_URL="https://avalon.example.org"))
    assert (known.mark, known.text) == (GOOD, "links in alerts begin with https://avalon.example.org")
    unset = check_links(a_settings_for("", AVALON_PUBLIC_URL="", AVALON_HOST="0.0.0.0"))
    assert unset.mark == WORTH_A_LOOK
    assert unset.text == "AVALON_PUBLIC_URL is not set: links in alerts begin with http://localhost:4000"

"""The doctor at the sinks: which addresses may be called, and which webhook Discord knows."""

from __future__ import annotations

from avalon.cli.check_webhook import check_webhooks
from avalon.database import Database
from avalon.sinks import Address
from avalon.subscriptions.commands import create_sink
from tests.conftest import Urls
from tests.sinks.conftest import a_settings_for
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
    assert "https://" in found.text and "secret-token" not in found.text

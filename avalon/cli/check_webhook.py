"""The doctor at the webhooks: each address's shape, and whether Discord knows its own. No message is sent.

A GET on a webhook of Discord's gives its description (docs.discord.com, Get Webhook with Token); what others
take can only be seen by a message, which an admin sends with POST /api/sinks/{id}/test.
"""

from __future__ import annotations

import psycopg

from avalon.cli.findings import Finding, fault, good, look
from avalon.database import connect
from avalon.errors import BadInput, TransportError
from avalon.read_models.sinks import mask_url
from avalon.settings import Settings
from avalon.sinks.address import check_discord_url, check_public_url
from avalon.sinks.discord import GONE
from avalon.sinks.http import HttpClient
from avalon.sinks.kinds import KINDS
from avalon.statements import load

statements = load("doctor")


async def check_webhooks(settings: Settings) -> list[Finding]:
    """Those of the active sinks, or else the one that the settings give to the first start."""
    known = await _active_sinks(settings)
    if not known and settings.discord_webhook_url:
        known = [("discord", "DISCORD_WEBHOOK_URL", settings.discord_webhook_url)]
    if not known:
        return [good("no webhook: nobody is alerted")]
    async with HttpClient(settings.webhook_allowed_hosts) as client:
        return [await _check(kind, name, url, client, settings) for kind, name, url in known]


async def _active_sinks(settings: Settings) -> list[tuple[str, str, str]]:
    """None where there is no Postgres or no schema: that has been said already."""
    if settings.database_url is None:
        return []
    try:
        async with await connect(settings.database_url) as connection:
            return await (await connection.execute(statements.webhooks)).fetchall()
    except psycopg.Error:
        return []


async def _check(kind: str, name: str, url: str, client: HttpClient, settings: Settings) -> Finding:
    try:
        (KINDS[kind].check_url or check_public_url)(url, settings.webhook_allowed_hosts, "url")
    except BadInput as error:
        return fault(f"webhook {name}: {error.message}", "copy the address again from the channel's settings")
    shown = f"webhook {name} ({mask_url(url)})"
    if kind != "discord":
        return good(f"{shown} may be called; POST /api/sinks/{{id}}/test tries it")
    try:
        answer = await client.call("GET", url, check=check_discord_url, headers={})
    except TransportError as error:
        return look(f"{shown} can't be reached: {error.message}", "alerts wait until it can")
    if answer.status == 200:
        return good(f"{shown} is known there")
    if answer.status in GONE:
        return fault(f"{shown}: {GONE[answer.status]}", "make a new webhook in the channel's settings")
    return look(f"{shown} answered {answer.status}", "alerts wait while it can't be used")

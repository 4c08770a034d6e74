"""The doctor at the webhooks: the address's shape, and whether Discord knows it. No message is sent.

A GET on a webhook's address gives its description (docs.discord.com, Get Webhook with Token).
"""

from __future__ import annotations

import asyncio

import httpx
import psycopg

from avalon.cli.findings import Finding, fault, good, look
from avalon.database import connect
from avalon.errors import BadInput
from avalon.read_models.sinks import mask_url
from avalon.settings import Settings
from avalon.sinks.address import check_discord_url
from avalon.sinks.discord import GONE, new_client
from avalon.statements import load

statements = load("doctor")

TIMEOUT_S = 5.0


async def check_webhooks(settings: Settings) -> list[Finding]:
    """Those of the active sinks, or else the one that the settings give to the first start."""
    known = await _active_sinks(settings)
    if not known and settings.discord_webhook_url:
        known = [("DISCORD_WEBHOOK_URL", settings.discord_webhook_url)]
    if not known:
        return [good("no webhook: nobody is alerted")]
    async with new_client() as client:
        return [await _check(name, url, client, settings.webhook_allowed_hosts) for name, url in known]


async def _active_sinks(settings: Settings) -> list[tuple[str, str]]:
    """None where there is no Postgres or no schema: that has been said already."""
    if settings.database_url is None:
        return []
    try:
        async with await connect(settings.database_url) as connection:
            return await (await connection.execute(statements.webhooks)).fetchall()
    except psycopg.Error:
        return []


async def _check(name: str, url: str, client: httpx.AsyncClient, allowed: frozenset[str]) -> Finding:
    try:
        check_discord_url(url, allowed)
    except BadInput as error:
        return fault(f"webhook {name}: {error.message}", "copy the address again from the channel's settings")
    shown = f"webhook {name} ({mask_url(url)})"
    try:
        async with asyncio.timeout(TIMEOUT_S), client.stream("GET", url) as response:
            status = response.status_code
    except (httpx.HTTPError, TimeoutError) as error:  # its text may quote the address
        return look(f"{shown} can't be reached: {type(error).__name__}", "alerts wait until it can")
    if status == 200:
        return good(f"{shown} is known there")
    if status in GONE:
        return fault(f"{shown}: {GONE[status]}", "make a new webhook in the channel's settings")
    return look(f"{shown} answered {status}", "alerts wait while it can't be used")

"""The doctor at the sinks: which fail now, each address's shape, and whether Discord knows its own webhook.
No message is sent.

A GET on a webhook of Discord's gives its description (docs.discord.com, Get Webhook with Token); what others
take can only be seen by a message, which an admin sends with POST /api/sinks/{id}/test.
"""

from __future__ import annotations

from typing import Any, Final, LiteralString

import psycopg

from avalon.cli.findings import Finding, fault, good, look
from avalon.database import connect
from avalon.errors import BadInput, TransportError
from avalon.read_models.rows import as_time
from avalon.read_models.sinks import mask_url
from avalon.settings import Settings, base_url
from avalon.sinks.address import check_discord_url, check_public_url, host_with_port, split
from avalon.sinks.discord import GONE
from avalon.sinks.http import HttpClient
from avalon.sinks.kinds import KINDS
from avalon.sinks.words import many
from avalon.statements import load

statements = load("doctor")

ALLOWED: Final = "AVALON_WEBHOOK_ALLOWED_HOSTS"


async def check_webhooks(settings: Settings) -> list[Finding]:
    """Those of the active sinks, or else the one that the settings give to the first start."""
    known = await _ask(settings, statements.webhooks)
    if not known and settings.discord_webhook_url:
        known = [("discord", "DISCORD_WEBHOOK_URL", settings.discord_webhook_url)]
    if not known:
        return [good("no webhook: nobody is alerted")]
    async with HttpClient(settings.webhook_allowed_hosts) as client:
        return [await _check(kind, name, url, client, settings) for kind, name, url in known]


async def check_failing(settings: Settings) -> list[Finding]:
    """The sinks that take no messages now, whatever their kind."""
    return [
        look(
            f"the sink {name} takes no messages now: {error}",
            f"{many(waiting, 'message')} will be tried again at {as_time(at)}, and given up after a day",
        )
        for name, error, waiting, at in await _ask(settings, statements.failing)
    ]


def check_links(settings: Settings) -> Finding:
    """Where the links in alerts lead."""
    if settings.public_url:
        return good(f"links in alerts begin with {settings.public_url}")
    links = base_url(settings) or "the port that is taken"
    return look(
        f"AVALON_PUBLIC_URL is not set: links in alerts begin with {links}",
        "set it to the address that people open, if they open another",
    )


async def _ask(settings: Settings, query: LiteralString) -> list[tuple[Any, ...]]:
    """The rows; none where there is no Postgres or no schema: that has been said already."""
    if settings.database_url is None:
        return []
    try:
        async with await connect(settings.database_url) as connection:
            return await (await connection.execute(query)).fetchall()
    except psycopg.Error:
        return []


async def _check(kind: str, name: str, url: str, client: HttpClient, settings: Settings) -> Finding:
    try:
        (KINDS[kind].check_url or check_public_url)(url, settings.webhook_allowed_hosts, "url")
    except BadInput as error:
        return fault(f"webhook {name}: {error.message}", _advice(error, url))
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


def _advice(error: BadInput, url: str) -> str:
    """The doctor has an environment of its own, in which the service's exceptions may be missing."""
    copy_it = "copy the address again from the channel's settings"
    if ALLOWED not in error.message:
        return copy_it
    host = host_with_port(split(url))
    return f"{ALLOWED} has to name {host}, here and for the service, if it may be called; else {copy_it}"

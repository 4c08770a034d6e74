"""`/api/sinks` and `/api/settings`: who is told of errors. Everybody sees them; admins change them."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from avalon.errors import BadInput, NotFound
from avalon.read_models.sinks import (
    DeliveryPage,
    SinkItem,
    SinkPage,
    find_sink,
    list_deliveries,
    list_sinks,
)
from avalon.routes.answers import MAX_PAGE, Done, Limit
from avalon.routes.dependencies import Services, principal, requires, services
from avalon.sinks import Address
from avalon.subscriptions import TestResult, commands
from avalon.subscriptions.commands import DEFAULT_LEVELS, DEFAULT_SINK

AnyRequest = Request[Any, Any, Any]
Before = Annotated[
    int | None, QueryParameter(ge=0, le=2**63 - 1, description="The `next` of the page before")
]


class NewSinkBody(msgspec.Struct, forbid_unknown_fields=True):
    """`kind`: discord, slack, mattermost and webhook have a `url`, email has recipients in `to`.

    Without `levels`: fatal and critical. `secret`: what a webhook's messages are signed with, whsec_ and the
    base64 of 24 to 64 bytes; without it one is made. Without `name`: the kind's.
    """

    kind: str = "discord"
    name: str | None = None
    levels: list[str] = msgspec.field(default_factory=lambda: list(DEFAULT_LEVELS))
    url: str | None = None
    secret: str | None = None
    to: list[str] | None = None


class NewSinkItem(SinkItem):
    """`secret` is shown this one time, and only where it was made here."""

    secret: str | None = None


class SinkChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Only what is there is changed. One that is switched on tells of what is reported from then on."""

    name: str | None = None
    levels: list[str] | None = None
    is_active: bool | None = None
    url: str | None = None
    secret: str | None = None
    to: list[str] | None = None


class SettingsBody(msgspec.Struct, forbid_unknown_fields=True):
    """null takes the default Discord sink away; the masked address leaves it as it is."""

    discord_webhook_url: str | UnsetType | None = UNSET


class SettingsItem(msgspec.Struct):
    """The address is masked; what follows it is set where the service is started."""

    discord_webhook_url: str | None
    public_url: str | None
    retention_days: int
    log_file: str | None


@get("/api/settings", tags=["settings"])
async def read_settings(request: AnyRequest) -> SettingsItem:
    """The settings."""
    return await _settings(services(request))


@put("/api/settings", guards=[requires("admin")], tags=["settings"])
async def change_settings(request: AnyRequest, data: JSONBody[SettingsBody]) -> SettingsItem:
    """Set or clear the address of the default Discord sink."""
    found, wanted = services(request), data.discord_webhook_url
    before = await _settings(found)
    if wanted is not UNSET and (wanted or None) != before.discord_webhook_url:
        actor = principal(request).actor
        await commands.set_default_url(found.database, found.settings, wanted or None, actor=actor)
    return await _settings(found)


async def _settings(found: Services) -> SettingsItem:
    try:
        url: str | None = (await find_sink(found.database, DEFAULT_SINK)).url
    except NotFound:
        url = None
    return SettingsItem(
        discord_webhook_url=url,
        public_url=found.settings.public_url,
        retention_days=found.settings.retention_days,
        log_file=str(found.settings.log_file) if found.settings.log_file else None,
    )


@get("/api/sinks", tags=["sinks"])
async def list_all(
    request: AnyRequest, cursor: FromQuery[UUID | None] = None, limit: Limit = MAX_PAGE
) -> SinkPage:
    """Sinks, each with how far behind it is."""
    return await list_sinks(services(request).database, after=cursor, limit=limit)


@post("/api/sinks", guards=[requires("admin")], tags=["sinks"])
async def create_sink(request: AnyRequest, data: JSONBody[NewSinkBody]) -> NewSinkItem:
    """Make a sink; it tells of what is reported from now on."""
    found = services(request)
    made = await commands.create_sink(
        found.database,
        found.settings,
        actor=principal(request).actor,
        kind=data.kind,
        name=data.name,
        levels=data.levels,
        address=_address(data),
    )
    item = await find_sink(found.database, made.sink)
    secret = None if data.secret else made.secret
    return NewSinkItem(**msgspec.structs.asdict(item), secret=secret)


@get("/api/sinks/{sink:uuid}", tags=["sinks"])
async def read_sink(request: AnyRequest, sink: FromPath[UUID]) -> SinkItem:
    """One sink."""
    return await find_sink(services(request).database, sink)


@patch("/api/sinks/{sink:uuid}", guards=[requires("admin")], tags=["sinks"])
async def change_sink(request: AnyRequest, sink: FromPath[UUID], data: JSONBody[SinkChangeBody]) -> SinkItem:
    """Rename a sink, give it another address, secret or other levels, switch it off or on."""
    found, fields = services(request), msgspec.structs.asdict(data)
    if all(value is None for value in fields.values()):
        raise BadInput(f"give at least one of {', '.join(fields)}")
    await commands.change_sink(
        found.database,
        found.settings,
        sink,
        actor=principal(request).actor,
        name=data.name,
        levels=data.levels,
        is_active=data.is_active,
        address=_address(data),
    )
    return await find_sink(found.database, sink)


def _address(data: NewSinkBody | SinkChangeBody) -> Address:
    return Address(url=data.url, secret=data.secret, recipients=data.to)


@delete("/api/sinks/{sink:uuid}", status_code=200, guards=[requires("admin")], tags=["sinks"])
async def delete_sink(request: AnyRequest, sink: FromPath[UUID]) -> Done:
    """Delete a sink and forget its address."""
    await commands.delete_sink(services(request).database, sink, actor=principal(request).actor)
    return Done()


@post("/api/sinks/{sink:uuid}/test", status_code=200, guards=[requires("admin")], tags=["sinks"])
async def test_sink(request: AnyRequest, sink: FromPath[UUID]) -> TestResult:
    """Send a real message; what the other side said to it."""
    return await services(request).subscriptions.test(sink)


@get("/api/sinks/{sink:uuid}/deliveries", tags=["sinks"])
async def read_deliveries(
    request: AnyRequest, sink: FromPath[UUID], cursor: Before = None, limit: Limit = MAX_PAGE
) -> DeliveryPage:
    """What a sink sent, held back and gave up, and why; newest first."""
    return await list_deliveries(services(request).database, sink, before=cursor, limit=limit)


handlers: Final = [
    read_settings,
    change_settings,
    list_all,
    create_sink,
    read_sink,
    change_sink,
    delete_sink,
    test_sink,
    read_deliveries,
]

"""Creating, changing and deleting sinks. A sink's address is a secret and stands in schema account, with the
secret that it shares; the fact says only that they changed. Both are one statement.

The *default sink* is the one that the settings page knows: its id is always the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import psycopg

from avalon.database import Database, RawJson
from avalon.errors import BadInput, Conflict, NotFound, SettingsError
from avalon.events import LEVELS, SYSTEM, SinkChanged, SinkCreated, uuid7
from avalon.settings import Settings
from avalon.sinks import Address, Target
from avalon.sinks.address import check_discord_url
from avalon.sinks.kinds import check_address, find_kind, new_address
from avalon.statements import load

sql = load("subscriptions")

DEFAULT_SINK = UUID("a7a10000-0000-8000-8000-000000000001")
# The fact that made it from the environment; a fixed id, so that only one replica can store it.
DEFAULT_CREATED = UUID("a7a10000-0000-8000-8000-000000000002")
DEFAULT_LEVELS = ("fatal", "critical")
MAX_NAME = 100
UNCHANGED = Address()

_encode = msgspec.json.Encoder().encode


async def create_sink(
    database: Database,
    settings: Settings,
    *,
    address: Address,
    actor: str,
    kind: str = "discord",
    name: str | None = None,
    levels: Sequence[str] = DEFAULT_LEVELS,
    sink: UUID | None = None,
) -> Target:
    """Makes a sink that tells of reports from now on, with a secret where it needs one and none is given.

    Raises BadInput, Conflict.
    """
    found = find_kind(kind)
    address = new_address(found, address, settings)
    fact = SinkCreated(kind=kind, name=_checked_name(name or found.label), levels=_checked_levels(levels))
    sink = sink or uuid7()
    params = {"sink": sink, "id": uuid7(), "actor": actor, "data": RawJson(_encode(fact))}
    try:
        await database.execute(sql.create, params | msgspec.structs.asdict(address))
    except psycopg.errors.UniqueViolation:
        raise Conflict("this sink exists already") from None
    return Target(sink=sink, kind=kind, name=fact.name, **msgspec.structs.asdict(address))


async def change_sink(
    database: Database,
    settings: Settings,
    sink: UUID,
    *,
    actor: str,
    address: Address = UNCHANGED,
    name: str | None = None,
    levels: Sequence[str] | None = None,
    is_active: bool | None = None,
) -> None:
    """Changes what is given; None leaves it as it is. Raises BadInput, NotFound."""
    fact = SinkChanged()
    changed = msgspec.structs.asdict(address)
    if address != UNCHANGED:
        kind = await database.fetch_value(sql.kind, {"sink": sink})
        if kind is None:
            raise NotFound("there is no such sink")
        check_address(find_kind(kind), address, settings)
        for field, value in changed.items():
            if value is not None:
                setattr(fact, field, True)
    if name is not None:
        fact.name = _checked_name(name)
    if levels is not None:
        fact.levels = _checked_levels(levels)
    if is_active is not None:
        fact.is_active = is_active
    params = {"sink": sink, "id": uuid7(), "is_active": is_active, "actor": actor} | changed
    if not await database.execute(sql.change, params | {"data": RawJson(_encode(fact))}):
        raise NotFound("there is no such sink")


async def delete_sink(database: Database, sink: UUID, *, actor: str) -> None:
    """Deletes the sink and its address; what it did stays in the log. Raises NotFound."""
    if not await database.execute(sql.delete, {"sink": sink, "id": uuid7(), "actor": actor}):
        raise NotFound("there is no such sink")


async def set_default_url(database: Database, settings: Settings, url: str | None, *, actor: str) -> None:
    """Gives the default sink this address, making it or switching it on where needed; None deletes it."""
    if url:
        check_discord_url(url, settings.webhook_allowed_hosts, field="discord_webhook_url")
    address = Address(url=url)
    try:
        if url:
            await change_sink(database, settings, DEFAULT_SINK, actor=actor, address=address, is_active=True)
        else:
            await delete_sink(database, DEFAULT_SINK, actor=actor)
    except NotFound:
        if url:
            await create_sink(database, settings, address=address, actor=actor, sink=DEFAULT_SINK)


async def ensure_default(database: Database, settings: Settings) -> bool:
    """Makes the default sink of DISCORD_WEBHOOK_URL where there has never been a sink; says whether it did.

    Raises SettingsError where that address can't be used. Several replicas may do this at once.
    """
    url = settings.discord_webhook_url
    if url is None or await database.fetch_value(sql.any_was_created):
        return False
    try:
        check_discord_url(url, settings.webhook_allowed_hosts, field="DISCORD_WEBHOOK_URL")
    except BadInput as error:
        raise SettingsError(error.message) from None
    kind = "discord"
    fact = SinkCreated(kind=kind, name=find_kind(kind).label, levels=list(DEFAULT_LEVELS))
    params = {"sink": DEFAULT_SINK, "id": DEFAULT_CREATED, "url": url, "actor": SYSTEM}
    return bool(await database.execute(sql.create_first, params | {"data": RawJson(_encode(fact))}))


def _checked_name(name: str) -> str:
    stripped = " ".join(name.split())
    if not 1 <= len(stripped) <= MAX_NAME or not stripped.isprintable():
        raise BadInput(f"give 1 to {MAX_NAME} printable characters", field="name")
    return stripped


def _checked_levels(levels: Sequence[str]) -> list[str]:
    """The levels in their order, each once. With none a sink is told what its rules ask for, and no more."""
    if set(levels) - set(LEVELS):
        raise BadInput(f"give some of {', '.join(LEVELS)}", field="levels")
    return [level for level in LEVELS if level in levels]

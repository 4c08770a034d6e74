"""The doctor at Postgres: the server and its settings, the logins, notifications, the schema, the clock."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from avalon.cli import first_line
from avalon.cli.check_log import check_log
from avalon.cli.findings import FAULT, Finding, fault, good, look
from avalon.database import connect
from avalon.errors import SchemaError
from avalon.release import check_schema
from avalon.settings import Settings
from avalon.statements import load

statements = load("doctor")

Connection = psycopg.AsyncConnection[Any]

OLDEST, NEWEST = 15, 18  # that the tests run on
# The pool, the listener, the writer of reports, and now and then retention.
CONNECTIONS_PER_PROCESS: Final = 12
PROBE_S: Final = 2.0
MAX_SKEW_S: Final = 2.0


class Server(msgspec.Struct, frozen=True):
    """What a server says of itself; `others` are connections that are not Avalon's."""

    version: str
    major: int
    is_standby: bool
    encoding: str
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    idle_session_timeout: str
    max_connections: int
    others: int
    size: str


async def check_postgres(settings: Settings) -> list[Finding]:
    """All of it; ends early where the rest would only repeat what is wrong."""
    assert settings.database_owner_url is not None
    try:
        async with await connect(settings.database_owner_url, statement_timeout="30s") as owner:
            return await _examine(settings, owner)
    except psycopg.OperationalError as error:
        advice = "is it running? DATABASE_OWNER_URL, or else DATABASE_URL, says where Avalon looks for it"
        return [fault(f"Postgres can't be used as the owner: {first_line(error)}", advice)]


async def _examine(settings: Settings, owner: Connection) -> list[Finding]:
    cursor = owner.cursor(row_factory=class_row(Server))
    server = await (await cursor.execute(statements.server)).fetchone()
    assert server is not None
    found = _server(server)
    if any(finding.mark == FAULT for finding in found):
        return found
    found += [*_durability(server), *_limits(server, settings), await _clock(owner)]
    found += [await _service(settings), await _notifications(settings)]
    schema = await _schema(owner)
    return [*found, schema] if schema.mark == FAULT else [*found, schema, *await check_log(owner, settings)]


def _server(server: Server) -> list[Finding]:
    if server.major < OLDEST:
        return [fault(f"Postgres {server.version} is too old", f"Avalon needs {OLDEST} or newer")]
    if server.is_standby:
        return [fault("this Postgres is a standby", "give the address of the primary")]
    if server.encoding != "UTF8":
        return [
            fault(f"the database's encoding is {server.encoding}", "make a database with ENCODING 'UTF8'")
        ]
    text = f"Postgres {server.version}, the primary; {server.size} in this database"
    if server.major > NEWEST:
        return [look(text, f"newer than {NEWEST}, the newest that Avalon's tests ran on")]
    return [good(text)]


def _durability(server: Server) -> list[Finding]:
    """A report is acknowledged when it is committed: a commit has to mean that it is on the disk."""
    bad = [
        f"{name} = {value}"
        for name, value in (
            ("fsync", server.fsync),
            ("full_page_writes", server.full_page_writes),
            ("synchronous_commit", server.synchronous_commit),
        )
        if value == "off"
    ]
    if bad:
        advice = "a crash may lose or destroy what was acknowledged; switch it on in postgresql.conf"
        return [fault(", ".join(bad), advice)]
    return [good(f"commits are durable (synchronous_commit = {server.synchronous_commit})")]


def _limits(server: Server, settings: Settings) -> list[Finding]:
    needed = CONNECTIONS_PER_PROCESS * settings.workers
    free = server.max_connections - server.others
    text = f"{free} connections for Avalon; {settings.workers} process(es) here use up to {needed}"
    if free < needed:
        found = [fault(text, "raise max_connections, or put a pooler before Postgres (not for the listener)")]
    elif free < 2 * needed:
        found = [look(text, "a second replica, or a rolling restart, will not fit: raise max_connections")]
    else:
        found = [good(text)]
    if server.idle_session_timeout != "0":
        text = f"idle_session_timeout = {server.idle_session_timeout} ends idle connections"
        found.append(look(text, "set it to 0 for Avalon's logins: ALTER ROLE … SET idle_session_timeout = 0"))
    return found


async def _clock(owner: Connection) -> Finding:
    before = time.time()
    row = await (await owner.execute("SELECT clock_timestamp()")).fetchone()
    after = time.time()
    assert row is not None
    there: datetime = row[0]
    skew_s = there.timestamp() - (before + after) / 2
    text = f"Postgres's clock is {abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
    if abs(skew_s) > MAX_SKEW_S + (after - before) / 2:
        return look(text, "synchronise both (NTP): days and rates go by Postgres's clock, sessions by ours")
    return good(text)


async def _service(settings: Settings) -> Finding:
    """The service's own login; before the first migrate it need not be there."""
    assert settings.database_url is not None
    try:
        async with await connect(settings.database_url) as service:
            user = service.info.user
    except psycopg.OperationalError as error:
        return fault(
            f"the service can't log in: {first_line(error)}", "run `avalon migrate`; see DATABASE_URL"
        )
    is_owner = settings.database_url == settings.database_owner_url
    return good(f"the service works as {user}" + (", the owner" if is_owner else ", with fewer rights"))


async def _notifications(settings: Settings) -> Finding:
    """Whether what is said through the pool is heard on the direct line: a pooler loses LISTEN silently."""
    assert settings.database_url is not None and settings.database_direct_url is not None
    channel = f"avalon_doctor_{uuid4().hex}"
    try:
        async with (
            await connect(settings.database_direct_url) as listener,
            await connect(settings.database_url) as speaker,
        ):
            await listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            await speaker.execute("SELECT pg_notify(%s, '')", [channel])
            heard = [one async for one in listener.notifies(timeout=PROBE_S, stop_after=1)]
    except psycopg.OperationalError as error:
        return fault(f"the listener can't connect: {first_line(error)}", "see DATABASE_DIRECT_URL")
    if not heard:
        advice = (
            "a pooler stands between: set DATABASE_DIRECT_URL to Postgres itself. Until then Avalon polls"
        )
        return fault("notifications do not arrive on the listener's connection", advice)
    return good("notifications arrive")


async def _schema(owner: Connection) -> Finding:
    try:
        await check_schema(owner)
    except SchemaError as error:
        return fault(error.message, "`avalon serve` migrates when it starts; `avalon migrate` does only that")
    return good("the schema fits this release")

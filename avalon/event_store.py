"""Appends to the log and reads from it.

`append` is one statement in autocommit: what it returns is committed. Reads go by a cursor of position and
recorded_at, so that each touches a day or two. An id that the INSERT did not return is looked up before
anything is acknowledged: found, it was a retry; not found, it is Unavailable, never success.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

import msgspec
import psycopg
from psycopg.pq.abc import PGresult
from psycopg.rows import namedtuple_row

from avalon.database import Database, RawJson
from avalon.errors import Gone, Unavailable
from avalon.events import Event, NewEvent
from avalon.statements import load

sql = load("event_store")

READ_LIMIT = 500


class Cursor(msgspec.Struct, frozen=True, order=True):
    """A place in the log: everything up to it has been read. Its day is settled (`_settle`)."""

    position: int
    recorded_at: datetime


START = Cursor(0, datetime(2000, 1, 1, tzinfo=UTC))


class Wanted(msgspec.Struct, frozen=True):
    """Which reports a reader wants, besides all facts: those that any of these names. By default none."""

    everything: bool = False
    services: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    issues: tuple[UUID, ...] = ()

    def any_report(self) -> bool:
        return self.everything or bool(self.services or self.levels or self.issues)

    def covers(self, other: Wanted) -> bool:
        """Whether a read for this one finds all that `other` wants."""
        if self.everything or not other.any_report():
            return True
        return not other.everything and (
            set(other.services) <= set(self.services)
            and set(other.levels) <= set(self.levels)
            and set(other.issues) <= set(self.issues)
        )


FACTS = Wanted()
EVERYTHING = Wanted(everything=True)


class Batch(msgspec.Struct, frozen=True):
    """What one read found, in order, and the cursor behind it. `is_last`: the log's end was reached."""

    events: list[Event]
    cursor: Cursor
    is_last: bool


class Stored(msgspec.Struct, frozen=True):
    """Where an event stands; `is_retry` if it had been stored before."""

    position: int
    id: UUID
    service: str | None
    is_retry: bool = False


async def append(database: Database, events: Sequence[NewEvent]) -> list[Stored]:
    """Appends reports or facts (never both), in this order; the answer is in the same order.

    Raises Unavailable where Postgres is away or an event can't be found afterwards, and psycopg.DataError or
    IntegrityError where Postgres refuses one of them; nothing is stored then.
    """
    async with database.connection() as connection:
        return await append_encoded(connection, [(e.id, e.service, e.encode()) for e in events])


async def append_encoded(
    connection: psycopg.AsyncConnection[Any], rows: Sequence[tuple[UUID, str | None, bytes]]
) -> list[Stored]:
    """`append` of encoded rows, each with the id and service that name it, on a connection in autocommit."""
    body = b"[" + b",".join([encoded for _, _, encoded in rows]) + b"]"
    result = (await connection.execute(sql.append, {"events": RawJson(body)})).pgresult
    assert result is not None
    if result.ntuples == len(rows):
        # RETURNING keeps the order of the rows: nothing but the positions needs reading.
        positions = [int(result.get_value(index, 0) or 0) for index in range(len(rows))]
        return [Stored(position, row[0], row[1]) for position, row in zip(positions, rows, strict=True)]
    found = _inserted(result)
    missing = [(id_, service) for id_, service, _ in rows if (id_, service) not in found]
    retried = await _find(connection, missing) if missing else {}
    return [found.get((id_, service)) or _retry(retried, id_, service) for id_, service, _ in rows]


def _inserted(result: PGresult) -> dict[tuple[UUID, str | None], Stored]:
    found = {}
    for index in range(result.ntuples):
        position, id_, service = (result.get_value(index, column) for column in range(3))
        name = UUID((id_ or b"").decode()), None if service is None else service.decode()
        found[name] = Stored(int(position or 0), *name)
    return found


async def _find(
    connection: psycopg.AsyncConnection[Any], missing: list[tuple[UUID, str | None]]
) -> dict[tuple[UUID, str | None], Stored]:
    params = {"ids": [id_ for id_, _ in missing], "services": [service for _, service in missing]}
    cursor = await connection.execute(sql.find_reports, params)
    return {(row[1], row[2]): Stored(row[0], row[1], row[2], True) for row in await cursor.fetchall()}


def _retry(found: dict[tuple[UUID, str | None], Stored], id_: UUID, service: str | None) -> Stored:
    try:
        return found[id_, service]
    except KeyError:
        raise Unavailable(f"event {id_} was neither stored nor found; send it again") from None


async def read_after(
    database: Database,
    cursor: Cursor,
    wanted: Wanted = EVERYTHING,
    *,
    limit: int = READ_LIMIT,
    brief: bool = False,
) -> Batch:
    """The next events behind a cursor: ordered and gapless, because positions are drawn under the lock.

    `brief` cuts the data of large reports down to what lists and alerts show. Raises Gone where the log ends
    before the cursor: it was restored, or a standby that lagged took over.
    """
    params = {"position": cursor.position, "recorded_at": cursor.recorded_at, "row_limit": limit}
    statement = sql.read_facts_after
    if wanted.any_report():
        statement = sql.read_after
        params |= msgspec.structs.asdict(wanted)
        params |= {
            "services": list(wanted.services),
            "levels": list(wanted.levels),
            "issues": list(wanted.issues),
            "brief": brief,
        }
    batch, day = await _read(database, statement, params, cursor), cursor.recorded_at.date()
    while batch.cursor.recorded_at.date() != day:
        day = batch.cursor.recorded_at.date()
        await _settle(database)
        batch = await _read(database, statement, params, cursor)
    return batch


async def _read(
    database: Database, statement: LiteralString, params: dict[str, Any], cursor: Cursor
) -> Batch:
    async with database.connection() as connection:
        result = await connection.cursor(row_factory=namedtuple_row).execute(statement, params)
        rows = await result.fetchall()
    return _as_batch(rows, cursor, params["row_limit"])


async def _settle(database: Database) -> None:
    """Returns when every plan that is made from now on knows the partitions of all that was committed.

    An append that makes its own day is visible an instant before other backends hear of the partition, and a
    plan is made before its snapshot is taken: a read could find that append's facts and not its reports, and
    move on. Passing the log's lock waits for that instant; the first read into a new day is made again.
    """
    await database.execute(sql.settle)


def _as_batch(rows: list[Any], cursor: Cursor, limit: int) -> Batch:
    events = [_as_event(row) for row in rows if row.position is not None]
    if len(events) == limit:
        return Batch(events, Cursor(events[-1].position, events[-1].recorded_at), is_last=False)
    head = rows[0]
    if (head.head_position or 0) < cursor.position:
        raise Gone
    if head.head_position is not None:
        cursor = Cursor(head.head_position, head.head_recorded_at)
    return Batch(events, cursor, is_last=True)


def _as_event(row: Any) -> Event:
    return Event(
        position=row.position,
        id=row.id,
        type=row.type,
        stream=row.stream,
        service=row.service,
        level=row.level,
        environment=row.environment,
        release=row.release,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        actor=row.actor,
        data=row.data,
        issue=row.issue,
        title=row.title,
    )


async def head(database: Database) -> Cursor:
    """The log's end now."""
    found = await database.fetch_one(sql.head, row=Cursor) or START
    await _settle(database)
    return found


async def cursor_at(database: Database, position: int) -> Cursor:
    """The cursor of a bare position; raises Gone where events behind it are not kept any more."""
    if await database.fetch_value(sql.is_gone, {"position": position}):
        raise Gone
    found = await database.fetch_one(sql.cursor_at, {"position": position}, row=Cursor)
    await _settle(database)
    return Cursor(position, found.recorded_at) if found else START


async def read_stream(
    database: Database, stream: UUID, *, after: int = 0, limit: int = READ_LIMIT
) -> list[Event]:
    """The facts of one key, user, sink or issue, oldest first."""
    return await database.fetch(
        sql.read_stream, {"stream": stream, "after": after, "row_limit": limit}, row=Event
    )

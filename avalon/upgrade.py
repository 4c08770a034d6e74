"""Brings what an older release has folded to this one's projections, once, while other replicas go on.

What is known of days that are not kept any more stands in the baseline alone. So `sql/upgrade.sql` counts
there what is kept of the sealed past; then the baseline is sealed to the log's head, and counted again, since
an older release's deletions don't say which tags went. From there the projections are rebuilt. Whatever cuts
this short, the next `avalon migrate` begins anew, because the release is recorded last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import psycopg
from psycopg.rows import class_row

from avalon import event_store, projections
from avalon.database import as_query, connect
from avalon.event_store import Cursor
from avalon.scratch import MAINTENANCE_LOCK, Progress, Report
from avalon.statements import SQL

# The oldest release whose folds made the projections' tables what they are now.
FOLDS_OF: Final = "0.2.0"
LINE_EVERY_S: Final = 5.0

Connection = psycopg.AsyncConnection[Any]
Say = Callable[[str], None]


async def upgrade(owner_url: str, say: Say) -> None:
    """Makes the baseline and the projections what this release's folds would have made them."""
    async with _alone(owner_url, say) as connection:
        head = await _head(connection)
        if head is None:
            return
        say("the sealed past: counting what is kept of it")
        await _count_kept(connection)
        await projections.seal(owner_url, head, _lines(say, "replaying the log"))
        say("counting what is kept")
        await _count_kept(connection)
    await projections.rebuild(owner_url, _lines(say, "rebuilding"), in_steps=True)
    say("the projections are of this release")


@asynccontextmanager
async def _alone(owner_url: str, say: Say) -> AsyncIterator[Connection]:
    """A connection with the maintenance lock: an older replica's retention may be at work just now."""
    async with await connect(owner_url, lock_timeout="0", statement_timeout="0") as connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [MAINTENANCE_LOCK])
        if await cursor.fetchone() != (True,):
            say("waiting for retention, a purge or a replay that is at work")
            await connection.execute("SELECT pg_advisory_lock(%s)", [MAINTENANCE_LOCK])
        try:
            yield connection
        finally:
            if not connection.closed:
                await connection.execute("SELECT pg_advisory_unlock_all()")


async def _head(connection: Connection) -> Cursor | None:
    cursor = connection.cursor(row_factory=class_row(Cursor))
    await cursor.execute(event_store.sql.head)
    return await cursor.fetchone()


async def _count_kept(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute(as_query((SQL / "upgrade.sql").read_text()))


def _lines(say: Say, what: str) -> Report:
    """A line every few seconds."""
    said = 0.0

    def report(progress: Progress) -> None:
        nonlocal said
        if progress.seconds - said >= LINE_EVERY_S:
            said = progress.seconds
            say(f"{what}: position {progress.position:,} of {progress.head:,}")

    return report

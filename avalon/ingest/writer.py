"""The append of a batch, on one connection of its own.

Where the connection died the batch is sent once more under the same ids, which the log stores once. One event
that Postgres refuses is found by halving and stored as a minimal report that says so; its neighbours stay.
"""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from psycopg.conninfo import make_conninfo

from avalon import event_store
from avalon.database import AWAY, PRIMARY, connect
from avalon.event_store import Stored
from avalon.ingest.ticket import Pending
from avalon.telemetry import APPEND_EVENTS, APPEND_SECONDS, REPORTS, Action, log

# Past the server's own statement_timeout (5 s): only a frozen server gets there.
APPEND_TIMEOUT_S = 8.0
_REFUSED = (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError)


class Writer:
    """Appends batches, one after the other."""

    def __init__(self, service_url: str) -> None:
        self._url = make_conninfo(service_url, **PRIMARY)
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def connection(self) -> psycopg.AsyncConnection[Any]:
        """The connection, made anew where it was lost."""
        if self._connection is None or self._connection.closed:
            # The pool's connections plan every statement anew, for the partitions' sake; an append need not.
            self._connection = await connect(
                self._url, answer_timeout_s=APPEND_TIMEOUT_S, plan_cache_mode="auto"
            )
        return self._connection

    async def probe(self) -> None:
        """Raises one of AWAY where Postgres does not answer."""
        await (await self.connection()).execute("SELECT 1")

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def store(self, batch: list[Pending]) -> None:
        """Answers every event of the batch after its commit; raises one of AWAY, and then answers none."""
        try:
            stored = await self._append([pending.row() for pending in batch])
        except _REFUSED as error:
            if len(batch) == 1:
                await self._store_minimal(batch[0], error)
                return
            middle = len(batch) // 2
            await self.store(batch[:middle])
            await self.store(batch[middle:])
            return
        for pending, answer in zip(batch, stored, strict=True):
            pending.answer(answer)
        REPORTS.labels("stored").inc(len(batch))

    async def _store_minimal(self, pending: Pending, error: psycopg.Error) -> None:
        """Stores that a report came which Postgres refused, and why, instead of losing it."""
        event = pending.event
        log(Action.EVENT_REFUSED, level="warning", id=str(event.id), sqlstate=error.sqlstate)
        data = {"message": "(this report could not be stored as it was sent)", "refused": error.sqlstate}
        minimal = msgspec.structs.replace(
            event,
            level="error",
            environment=None,
            release=None,
            occurred_at=None,
            data=msgspec.Raw(msgspec.json.encode(data)),
        )
        (answer,) = await self._append([(event.id, event.service, minimal.encode())])
        pending.answer(answer)
        REPORTS.labels("minimal").inc()

    async def _append(self, rows: list[tuple[UUID, str | None, bytes]]) -> list[Stored]:
        """One append; where the connection died, once more on a new one under the same ids."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            answers = await self._append_once(rows)
        except AWAY:
            if self._connection is not None and not self._connection.broken:
                raise
            answers = await self._append_once(rows)
        APPEND_SECONDS.observe(loop.time() - begun)
        APPEND_EVENTS.observe(len(rows))
        return answers

    async def _append_once(self, rows: list[tuple[UUID, str | None, bytes]]) -> list[Stored]:
        return await event_store.append_encoded(await self.connection(), rows)

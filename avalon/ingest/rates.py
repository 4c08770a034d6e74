"""A key's reports per minute, counted by the log itself, so over all replicas.

The count is read before the append. What another replica appends between that look and ours is the one batch
by which a rate can be exceeded. A key that is found over its rate is refused from then on without a look,
until the log's minute ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

from avalon import event_store
from avalon.errors import TooManyRequests
from avalon.ingest.ticket import Key, Pending
from avalon.ingest.writer import Writer
from avalon.telemetry import REPORTS


class Rates:
    """Which keys have used up their minute, as far as this replica knows."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._exhausted_until: dict[UUID, float] = {}

    def check(self, key: Key) -> None:
        """Raises TooManyRequests for a key that is known to be over its rate."""
        if key.rate_per_minute is None:
            return
        left = self._exhausted_until.get(key.id, 0.0) - asyncio.get_running_loop().time()
        if left > 0:
            raise _over(key.rate_per_minute, left)

    async def admit(self, batch: list[Pending]) -> list[Pending]:
        """Answers those that are over their key's rate; gives the rest."""
        limited = {p.key.id for p in batch if p.key is not None and p.key.rate_per_minute is not None}
        if not limited:
            return batch
        used, left_s = await self._used(limited)
        admitted = []
        for pending in batch:
            key = pending.key
            if key is None or key.rate_per_minute is None:
                admitted.append(pending)
            elif used[key.id] < key.rate_per_minute:
                used[key.id] += 1
                admitted.append(pending)
            else:
                self._exhaust(key.id, left_s)
                pending.answer(_over(key.rate_per_minute, left_s))
                REPORTS.labels("rate_limited").inc()
        return admitted

    async def _used(self, keys: set[UUID]) -> tuple[Counter[UUID], float]:
        """What the keys have used of the log's current minute, and how long that minute still is."""
        connection = await self._writer.connection()
        cursor = await connection.execute(event_store.sql.rates, {"keys": list(keys)})
        rows = await cursor.fetchall()
        return Counter({row[0]: row[1] for row in rows if row[0] is not None}), rows[0][2]

    def _exhaust(self, key: UUID, left_s: float) -> None:
        now = asyncio.get_running_loop().time()
        self._exhausted_until = {k: until for k, until in self._exhausted_until.items() if until > now}
        self._exhausted_until[key] = now + left_s


def _over(rate: int, left_s: float) -> TooManyRequests:
    return TooManyRequests(f"over this key's rate of {rate} a minute", retry_after_s=left_s)

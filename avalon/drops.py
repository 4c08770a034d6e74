"""What was not taken, counted: what an SDK says that it dropped, and what we drop of what it sends.

Counts gather in memory and go to the log at most once a minute and at the end, one fact per key. They are
bounded: names must be plain, and past so many different ones of a key the rest count as `other`. While
Postgres is away they wait. A replica that is killed loses those of its last minute.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Final, Literal
from uuid import UUID

from avalon import event_store
from avalon.auth import ApiKey
from avalon.database import Database, RawJson
from avalon.errors import AvalonError
from avalon.events import Dropped, NewEvent, ReportsDropped
from avalon.telemetry import Action, log

EVERY_S: Final = 60.0
# Of one key between two appends. An SDK knows about twenty reasons and a dozen categories.
MAX_ROWS: Final = 50
MAX_QUANTITY: Final = 1_000_000
OTHER: Final = "other"

By = Literal["sdk", "avalon"]
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


class Drops:
    """The counts of this replica that are not in the log yet."""

    def __init__(self, database: Database, *, every_s: float = EVERY_S) -> None:
        self._database = database
        self._every_s = every_s
        self._keys: dict[UUID, ApiKey] = {}
        self._counts: dict[UUID, Counter[tuple[By, str, str]]] = {}
        self._unanswered: list[NewEvent] = []

    def add(self, key: ApiKey, *, by: By, reason: str, category: str, quantity: int = 1) -> None:
        """Counts; a name that is none counts as `other`, and a quantity below one not at all."""
        if quantity < 1:
            return
        counts = self._counts.setdefault(key.id, Counter())
        self._keys[key.id] = key
        row = (by, _name(reason), _name(category))
        if row not in counts and len(counts) >= MAX_ROWS:
            row = (by, OTHER, OTHER)
        counts[row] += min(quantity, MAX_QUANTITY)

    async def run(self) -> None:
        """Appends what was counted, every minute; on cancellation for the last time."""
        try:
            while True:
                await asyncio.sleep(self._every_s)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Appends now. What fails is logged, and waits for the next time, under the same ids."""
        if self._unanswered and not await self._append():
            return
        self._unanswered = [self._fact(id) for id in list(self._counts)]
        if self._unanswered:
            await self._append()

    async def _append(self) -> bool:
        """Whether Postgres has them now. Those that it had, because an answer got lost, stay as they are."""
        body = b"[" + b",".join([event.encode() for event in self._unanswered]) + b"]"
        try:
            await self._database.execute(event_store.sql.append, {"events": RawJson(body)})
        except AvalonError as error:
            log(
                Action.APPEND_FAILED, level="warning", facts=len(self._unanswered), error=type(error).__name__
            )
            return False
        self._unanswered = []
        return True

    def _fact(self, id: UUID) -> NewEvent:
        key, counts = self._keys.pop(id), self._counts.pop(id)
        rows = [
            Dropped(dropped_by=by, reason=reason, category=category, quantity=quantity)
            for (by, reason, category), quantity in counts.items()
        ]
        return ReportsDropped(rows=rows).new(key.id, key.actor, service=key.service)


def _name(text: str) -> str:
    name = text.lower()
    return name if _NAME.fullmatch(name) else OTHER

"""`avalon` as a program that acknowledges before the commit: what a test of kills has to notice."""

from __future__ import annotations

import asyncio
import sys

from avalon.__main__ import main
from avalon.events import uuid7
from avalon.ingest.ticket import Pending
from avalon.ingest.writer import Writer

HEAD_START_S = 0.1
_store = Writer.store


class Promised:
    """Stands for what an append answers."""

    def __init__(self) -> None:
        self.id, self.position = uuid7(), 1


async def store(self: Writer, batch: list[Pending]) -> None:
    for pending in batch:
        pending.answer(Promised())  # type: ignore[arg-type]
    await asyncio.sleep(HEAD_START_S)
    await _store(self, batch)


Writer.store = store  # type: ignore[method-assign]
sys.exit(main())

"""A connection to Postgres that gives up on a server which does not answer.

psycopg's own (3.3.9) first asks such a server to cancel, which takes ten seconds more, and a time-out waits
for as long. Ours hangs up: whoever waited goes on at once, and the next one gets a new connection. What was
asked may have been done all the same, as with every connection that breaks.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

INTERVAL_S: Final = 0.1

Result = TypeVar("Result")


class Connection(psycopg.AsyncConnection[Any]):
    """psycopg's, with a bound; a query that is given up takes its connection with it."""

    # So long may one exchange take; None: for ever, for long work and for those who listen.
    answer_timeout_s: float | None = None

    async def wait(
        self, gen: PQGen[Result], interval: float = INTERVAL_S, timeout: float | None = None
    ) -> Result:
        """Sees one exchange through; raises OperationalError where the server is silent for too long."""
        bound_s = self.answer_timeout_s if timeout is None else None
        try:
            async with asyncio.timeout(bound_s):
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
        except TimeoutError:
            self._hang_up()
            raise psycopg.OperationalError(f"Postgres did not answer within {bound_s} s") from None
        except asyncio.CancelledError:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.pgconn.finish()

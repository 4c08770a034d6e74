"""The lease of one sink: who follows it, how long that holds, and the only way to save what was decided.

It runs on Postgres's clock and carries a fencing token: every write says which token it was made under, and
one with an older token, or after the lease's end, changes nothing and raises LeaseLost. Saving renews it. So
a replica that froze and wakes up can neither move the checkpoint nor append a fact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from avalon.database import Database, RawJson
from avalon.errors import LeaseLost, Unavailable
from avalon.event_store import Cursor
from avalon.events import Fact
from avalon.sinks import Target
from avalon.statements import load
from avalon.subscriptions.state import State

sql = load("subscriptions")

LEASE_S = 30.0
ACTOR = "policy:alerts"
RETRY_S = 0.5

_encode = msgspec.json.Encoder().encode


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A lease that was just taken, with the sink as it is and what its last follower left."""

    sink: UUID
    token: int
    position: int
    recorded_at: datetime
    state: dict[str, Any]
    kind: str
    name: str
    is_active: bool
    levels: list[str]
    changed_at: int
    url: str | None
    secret: str | None
    recipients: list[str] | None
    now: float  # Postgres's clock, in seconds

    @property
    def target(self) -> Target:
        return msgspec.convert(self, Target, from_attributes=True)


async def claim(database: Database, owner: str, lease_s: float, running: list[UUID]) -> list[Claim]:
    """Takes every lease that is free but for the sinks of `running`."""
    params = {"owner": owner, "lease_s": lease_s, "running": running}
    return await database.fetch(sql.claim, params, row=Claim)


class Lease:
    """A claim that is being used, with the place in the log and the state that it saves."""

    def __init__(self, database: Database, claimed: Claim, lease_s: float = LEASE_S) -> None:
        self.sink = claimed.sink
        self.cursor = Cursor(claimed.position, claimed.recorded_at)
        self.state = msgspec.convert(claimed.state, State)
        self.saved_at = asyncio.get_running_loop().time()
        self._database = database
        self._token = claimed.token
        self._lease_s = lease_s

    @property
    def renew_at(self) -> float:
        """When to save even if nothing has changed, on the loop's clock."""
        return self.saved_at + self._lease_s / 3

    def check(self) -> None:
        """Raises LeaseLost where it may end during a call to the other side: this process was frozen."""
        if asyncio.get_running_loop().time() - self.saved_at > self._lease_s / 2:
            raise LeaseLost

    async def save(self, facts: Sequence[Fact] = ()) -> None:
        """Saves checkpoint, state and facts in one statement, and renews. Raises LeaseLost.

        Goes on trying while Postgres is away and the lease may still be ours: what was sent must not be sent
        again only because it could not be written down. A second try stores no fact twice.
        """
        rows = [fact.new(self.sink, ACTOR) for fact in facts]
        params = self._params() | {"lease_s": self._lease_s, "facts": RawJson(_encode(rows))}
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                if rows:
                    held = bool(await self._database.fetch_dicts(sql.decide, params))
                else:
                    held = bool(await self._database.execute(sql.save, params))
                break
            except Unavailable:
                if loop.time() - self.saved_at > self._lease_s:
                    raise LeaseLost from None
                await asyncio.sleep(RETRY_S)
        if not held:
            raise LeaseLost
        self.saved_at = begun

    async def release(self) -> None:
        """Saves and gives the lease back; without effect where it is another's by now."""
        await self._database.execute(sql.release, self._params())

    def _params(self) -> dict[str, Any]:
        return {
            "sink": self.sink,
            "token": self._token,
            "position": self.cursor.position,
            "recorded_at": self.cursor.recorded_at,
            "state": RawJson(_encode(self.state)),
        }

"""What the tests of accounts share: settings, an `Auth`, its events as the feed would bring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from avalon import event_store
from avalon.auth import Auth, SignedIn
from avalon.database import Database
from avalon.event_store import FACTS, START, Cursor
from avalon.events import Event
from avalon.settings import Settings, load_settings

PASSWORD = "a long enough one"
ADDRESS = "198.51.100.7"


def settings(**changes: Any) -> Settings:
    return msgspec.structs.replace(load_settings({}, Path("/nowhere")), **changes)


class Feed:
    """Stands in for the hub: brings facts when told to, and says whether it is fresh."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cursor: Cursor = START
        self.fresh = True

    def is_fresh(self) -> bool:
        return self.fresh

    async def bring(self, *auths: Auth) -> list[Event]:
        batch = await event_store.read_after(self._database, self._cursor, FACTS)
        self._cursor = batch.cursor
        for event in batch.events:
            for auth in auths:
                auth.forget(event)
        return batch.events


async def facts(database: Database) -> list[Event]:
    """All facts, oldest first."""
    return (await event_store.read_after(database, START, FACTS)).events


async def sign_up(auth: Auth, username: str = "ada", role: str = "admin") -> SignedIn:
    """A new user, signed in."""
    await auth.users.create("system", username=username, role=role, password=PASSWORD)
    return await sign_in(auth, username)


async def sign_in(auth: Auth, username: str = "ada", password: str = PASSWORD) -> SignedIn:
    return await auth.login(username, password, user_agent="tests", address=ADDRESS)

"""How fast passwords may be guessed: per account and per address, counted in Postgres for all replicas.

An attempt is counted before it is tried, in one statement, so that parallel guesses can't slip through
together. After a few failures each further one doubles the wait, up to a minute; nobody is locked out for
longer, so that guessing at an account is no way to keep its owner away. All on Postgres's clock.
"""

from __future__ import annotations

import ipaddress
from hashlib import sha256
from typing import Final

import msgspec

from avalon.database import Database
from avalon.errors import TooManyRequests
from avalon.statements import load

sql = load("auth")


class Limit(msgspec.Struct, frozen=True):
    """So many attempts may fail at once; from then on each failure doubles the wait."""

    free: int
    base_s: float = 2.0
    longest_s: float = 60.0
    window_s: float = 15 * 60.0


# Five at once, then 2, 4, 8 … 60 s: at most ten guesses in any minute, and then one.
PER_ACCOUNT: Final = Limit(free=5)
# An office may stand behind one address; a list of names tried from one address is stopped all the same.
PER_ADDRESS: Final = Limit(free=100)


class Throttle:
    """Counts attempts and says who has to wait."""

    def __init__(
        self, database: Database, *, per_account: Limit = PER_ACCOUNT, per_address: Limit = PER_ADDRESS
    ) -> None:
        self._database = database
        self._per_account = per_account
        self._per_address = per_address

    async def admit(self, username: str, address: str) -> None:
        """Counts an attempt; raises TooManyRequests where the address or the account has to wait.

        An address that has to wait does not count against the account.
        """
        await self._count(_address(address), self._per_address)
        await self._count(_account(username), self._per_account)

    async def succeeded(self, username: str, address: str) -> None:
        """Takes the attempt back, and with it the account's failures before."""
        await self._database.execute(sql.forget_attempts, {"subject": _account(username)})
        await self._database.execute(sql.return_attempt, {"subject": _address(address)})

    async def _count(self, subject: str, limit: Limit) -> None:
        params = {"subject": subject, **msgspec.structs.asdict(limit)}
        if await self._database.fetch_value(sql.count_attempt, params) is None:
            wait_s = await self._database.fetch_value(sql.wait_s, {"subject": subject})
            raise TooManyRequests("too many failed attempts; wait a little", retry_after_s=wait_s or 1.0)


def _account(username: str) -> str:
    return f"account:{sha256(username.lower().encode('utf-8', 'replace')).hexdigest()}"


def _address(address: str) -> str:
    """Who has one IPv6 address has a network of 2^64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"address:{address[:64]}"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return f"address:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address:{getattr(parsed, 'ipv4_mapped', None) or parsed}"

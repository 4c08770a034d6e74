"""Passwords: argon2id, and which new ones are taken.

Hashing runs in two threads of its own, so that a flood of logins can take two cores' time and no more; past
a bounded number of callers in line it answers Unavailable. Where there is no user, a hash that nothing
matches is verified all the same, so that the answer takes as long.
"""

from __future__ import annotations

import asyncio
import secrets
import string
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from avalon.errors import BadInput, Unavailable

# OWASP's password storage cheat sheet, argon2id: 19 MiB, two passes, one lane.
MEMORY_KIB: Final = 19_456
PASSES: Final = 2
LANES: Final = 1
THREADS: Final = 2
MAX_WAITING: Final = 64

# OWASP ASVS 5.0, 6.2.1 and 6.2.4: 8 at least, 15 or more where the list of common ones is not asked.
MIN_LENGTH: Final = 8
LONG_ENOUGH: Final = 15
MAX_LENGTH: Final = 1000

# Of the same parameters as ours, over random bytes that were thrown away.
NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$Ouo+RGzWUmrKoVf8bXzg6A$AyefwBKAVXZnfagk90+o7k+/YH0ToWTU8SD31ry86Y4"
)

# The most used passwords of 8 to 14 characters in the lists of breaches, and our own names, in lower case.
COMMON: Final = frozenset((Path(__file__).parent / "common_passwords.txt").read_text().split())


class Passwords:
    """Hashes and verifies in threads of its own."""

    def __init__(self) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=argon2.Type.ID
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="argon2")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The argon2id hash of a password that `check_new_password` has let pass."""
        return str(await self._run(lambda: self._hasher.hash(_normalize(password))))

    async def matches(self, password: str, stored: str | None) -> bool:
        """Whether the password is that of the stored hash; with None it never is, but takes as long."""
        matched = await self._run(lambda: self._verify(password, stored or NOBODYS_HASH))
        return bool(matched) and stored is not None

    def _verify(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, _normalize(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], object]) -> object:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("too many logins at once; try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def check_new_password(password: str, username: str, *, field: str) -> None:
    """Raises BadInput, naming the field, where a new password is too easy to guess."""
    if len(password) < MIN_LENGTH:
        raise BadInput(f"must have at least {MIN_LENGTH} characters", field=field)
    if len(password) > MAX_LENGTH:
        raise BadInput(f"must have at most {MAX_LENGTH} characters", field=field)
    if password.casefold() == username.casefold():
        raise BadInput("must not be the username", field=field)
    if len(password) < LONG_ENOUGH and (password.casefold() in COMMON or len(set(password)) < 3):
        raise BadInput("is among the first that anybody would try; choose another", field=field)


def random_password() -> str:
    """A one-time password of 119 bits, without signs that break a double click."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(20))


def _normalize(password: str) -> bytes:
    """The same bytes however the keyboard composes (NIST SP 800-63B §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")

"""Postgres's clock, carried on by this machine's steady one, so that pace means the same on every replica."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Seconds since the epoch. Tests have one of their own."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def set(self, now: float) -> None:
        """What Postgres said just now."""
        self._offset_s = now - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset_s

    async def sleep_until(self, at: float) -> None:
        await asyncio.sleep(at - self.now())

"""What all commands share: words for people, the settings, and a Postgres to work on."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import msgspec

from avalon.errors import SettingsError
from avalon.settings import Settings, load_settings

if TYPE_CHECKING:
    from avalon.database import Database
    from avalon.projections import Progress

BAR: Final = 30
QUIET_S: Final = 2.0  # shorter work shows nothing
LINE_EVERY_S: Final = 10.0  # where a line can't be written over

# C0 and C1 controls, DEL, the line separators, and what changes the direction of text (Unicode TR #36):
# a report must not move the cursor, ring, recolour or hide anything on the terminal of who reads it.
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def say(text: str) -> None:
    """A line for people."""
    print(text, file=sys.stderr, flush=True)


def count(number: int, noun: str) -> str:
    """`1 day`, `2 days`"""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def escape(text: str) -> str:
    """The text with everything that a terminal would act on written as \\uXXXX; JSON stays the same JSON."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


@contextmanager
def database_of(settings: Settings, *, may_make: bool = False) -> Iterator[Settings]:
    """The settings with a Postgres behind them: their own, or the embedded one for so long as this lasts.

    Raises SettingsError where neither is: only who `may_make` an embedded one makes it.
    """
    if settings.database_url:
        yield settings
        return
    if not may_make and not has_embedded(settings):
        raise SettingsError(
            f"there is no embedded Postgres in {settings.data_dir.absolute()}: "
            "go to the folder where the service starts, or set AVALON_DATA_DIR or DATABASE_URL"
        )
    from avalon.embedded import start_embedded

    embedded = start_embedded(settings.data_dir)
    try:
        yield msgspec.structs.replace(
            settings,
            database_url=embedded.service_url,
            database_owner_url=embedded.owner_url,
            database_direct_url=embedded.service_url,
        )
    finally:
        embedded.stop()


def has_embedded(settings: Settings) -> bool:
    """Whether an embedded Postgres has been made in AVALON_DATA_DIR."""
    return (settings.data_dir / "postgres").exists()


@contextmanager
def owner_url() -> Iterator[str]:
    """The owner's URL, of a Postgres whose schema fits. Raises Unavailable and SchemaError."""
    with database_of(load_settings(os.environ)) as settings:
        assert settings.database_owner_url is not None
        asyncio.run(_check(settings.database_owner_url))
        yield settings.database_owner_url


async def _check(url: str) -> None:
    """Postgres's own reason where it is away, and ours where the schema is another release's."""
    from avalon.database import connect, wait_until_reachable
    from avalon.release import check_schema

    await wait_until_reachable(url, 0)
    async with await connect(url) as connection:
        await check_schema(connection)


@asynccontextmanager
async def service_database(settings: Settings) -> AsyncIterator[Database]:
    """The service's way in, for one command. Raises Unavailable and SchemaError."""
    from avalon.database import Database

    assert settings.database_url is not None
    await _check(settings.database_url)
    database = Database(settings.database_url, size=1)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@contextmanager
def replay_progress() -> Iterator[Callable[[Progress], None]]:
    """Shows how far a replay is."""
    with _progress() as show:
        yield lambda progress: show(
            progress.position / progress.head if progress.head else 1.0,
            lambda seconds: f"{_rate(progress.events, seconds)}  to position {progress.head:,}",
        )


@contextmanager
def file_progress() -> Iterator[Callable[[int, int, int], None]]:
    """Shows how far a file is read: bytes done, bytes in all (0 where nobody knows), events."""
    with _progress() as show:

        def show_file(done: int, size: int, events: int) -> None:
            share = done / size if size else None
            show(share, lambda seconds: _rate(events, seconds) + _left(share, seconds))

        yield show_file


def _rate(events: int, seconds: float) -> str:
    return f"{events:,} events  {events / seconds if seconds else 0.0:,.0f}/s"


def _left(share: float | None, seconds: float) -> str:
    if not share:
        return ""
    left = round(seconds * (1 - share) / share)
    return f"  {left // 60}:{left % 60:02} min left"


@contextmanager
def _progress() -> Iterator[Callable[[float | None, Callable[[float], str]], None]]:
    """Shows a share and some words once it takes long: a bar on a terminal, a line now and then elsewhere."""
    begun = shown = time.monotonic()
    is_terminal = sys.stderr.isatty()

    def show(share: float | None, words: Callable[[float], str]) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - begun < QUIET_S or now - shown < (0.1 if is_terminal else LINE_EVERY_S):
            return
        shown = now
        line = "  ".join([*([_bar(share)] if share is not None else []), words(now - begun)])
        print(f"\r{line}\x1b[K" if is_terminal else line, end="" if is_terminal else "\n", file=sys.stderr)
        sys.stderr.flush()

    try:
        yield show
    finally:
        if is_terminal and shown != begun:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _bar(share: float) -> str:
    filled = min(BAR, round(share * BAR))
    return f"{'█' * filled}{'░' * (BAR - filled)} {share:4.0%}"

"""Follow the reports as they come in, one line each, until Ctrl-C.

With --json each is one JSON object; the data of very large reports is cut there. --service and --level may
be given often: what matches one of each is shown. --after shows what stands behind a position first.
Whatever a terminal would act on is written as \\uXXXX.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from typing import Any, Final

import msgspec

from avalon import event_store
from avalon.cli.console import database_of, escape, say, service_database
from avalon.database import Database
from avalon.event_store import EVERYTHING, Cursor, Wanted
from avalon.events import LEVELS, REPORTED, Event
from avalon.feed import follow
from avalon.listener import Doorbell
from avalon.settings import Settings, load_settings
from avalon.statements import load

statements = load("log")

POLL_S: Final = 0.5
COLOURS: Final = {
    "debug": "2",
    "info": "36",
    "warning": "33",
    "error": "31",
    "fatal": "1;31",
    "critical": "1;37;41",
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with everything")
    parser.add_argument("--service", action="append", default=[], metavar="NAME")
    parser.add_argument("--level", action="append", default=[], choices=LEVELS)
    parser.add_argument("--after", type=int, metavar="POSITION", help="begin behind this position, not now")


def run(options: argparse.Namespace) -> int:
    with database_of(load_settings(os.environ)) as settings:
        asyncio.run(_tail(settings, options))
    return 0


async def _tail(settings: Settings, options: argparse.Namespace) -> None:
    out, in_colour = sys.stdout, sys.stdout.isatty()
    async with service_database(settings) as database:
        with redirect_stdout(sys.stderr):  # the log's own lines, as when Postgres is away
            async for event in _follow(database, options):
                print(_as_json(event) if options.json else _as_line(event, in_colour), file=out, flush=True)


async def _follow(database: Database, options: argparse.Namespace) -> AsyncIterator[Event]:
    """The wanted reports, for ever."""
    wanted = Wanted(services=tuple(options.service)) if options.service else EVERYTHING
    cursor = await _begin(database, options.after)
    async for batch in follow(database, Doorbell(), cursor, wanted, poll_s=POLL_S):
        visible = await _visible(database, batch.events)
        for event in batch.events:
            if event.position in visible and (not options.level or event.level in options.level):
                yield event


async def _begin(database: Database, after: int | None) -> Cursor:
    if after is not None:
        return await event_store.cursor_at(database, after)
    cursor = await event_store.head(database)
    if sys.stderr.isatty():
        say(f"following from position {cursor.position}; Ctrl-C ends")
    return cursor


async def _visible(database: Database, events: list[Event]) -> set[int]:
    """The positions of those that are reports and not deleted."""
    reports = [event for event in events if event.type == REPORTED]
    if not reports:
        return set()
    params = {
        "positions": [event.position for event in reports],
        "first": reports[0].recorded_at,
        "last": reports[-1].recorded_at,
    }
    return {row["position"] for row in await database.fetch_dicts(statements.visible, params)}


def _as_json(event: Event) -> str:
    return escape(msgspec.json.encode(event).decode())


def _as_line(event: Event, in_colour: bool) -> str:
    """`2026-11-22 14:03:11Z error api TypeError: the message (POST /path) #1234`"""
    level = f"{event.level or '':8}"
    if in_colour:
        level = f"\x1b[{COLOURS.get(event.level or '', '0')}m{level}\x1b[0m"
    where = " ".join(filter(None, [_text(event.data, "method"), _text(event.data, "path")]))
    words = _one_line(f"{_what(event.data)} ({where})" if where else _what(event.data))
    head = f"{event.occurred_at:%Y-%m-%d %H:%M:%S}Z {level} {escape(event.service or '')}"
    return f"{head}  {escape(words)}  #{event.position}"


def _what(data: dict[str, Any]) -> str:
    """`TypeError: the message`, or the message alone."""
    message = _text(data, "message")
    exceptions = data.get("exceptions") or []
    last = exceptions[-1] if isinstance(exceptions[-1:], list) and exceptions else None
    kind = _text(data.get("grouping"), "type") or _text(last, "type")
    return f"{kind}: {message}" if kind and not message.startswith(kind) else message


def _text(data: Any, name: str) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())

"""Take over the events that another tracker has stored, as its API gives them out.

    avalon import sentry-export events.jsonl.gz --service shop
    ./export.sh | avalon import sentry-export - --key avl_…

Files hold JSON lines or JSON arrays, plain or gzip, of Sentry's, GlitchTip's or Bugsink's events. Each event
keeps its id and its time, and is stored once: run the same command again after whatever cut it short. Nobody
is told of what comes in this way, and it brings no issue back. Events older than AVALON_RETENTION_DAYS are
left out. With --key they are scrubbed by the rules of that key too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Final

from avalon.auth.key_fields import check_service
from avalon.auth.key_ring import KeyRing
from avalon.cli import FOUND, OK
from avalon.cli.console import count, database_of, escape, file_progress, say, service_database
from avalon.importing import Bad, Element, Imported, Source, Target, import_events, open_source
from avalon.protocols.submission import Terms
from avalon.regrouping import RuleBook
from avalon.settings import Settings, load_settings

# So many bad elements are named; all are counted.
NAMED: Final = 100


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=["sentry-export"], help="what the files hold")
    parser.add_argument("files", nargs="+", metavar="FILE", help="- reads standard input")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--service", metavar="NAME", help="the service that the events become")
    whose.add_argument("--key", help="an API key: its service, and its rules for what is not stored")


def run(options: argparse.Namespace) -> int:
    settings = load_settings(os.environ)
    begun = time.monotonic()
    with ExitStack() as stack:
        # Before anything is stored: a name that was mistyped.
        files = _Files([stack.enter_context(closing(open_source(name))) for name in options.files])
        found = stack.enter_context(database_of(settings))
        try:
            asyncio.run(_import(found, options, files))
        except BaseException:
            say(f"stopped: {_summary(files.imported)}. Run it again, and it goes on from there")
            raise
    seconds = time.monotonic() - begun
    rate = files.imported.all / seconds if seconds else 0.0
    say(f"{_summary(files.imported)}; {seconds:,.1f} s, {rate:,.0f} a second")
    if files.imported.too_old:
        say(
            f"{count(files.imported.too_old, 'event')} older than AVALON_RETENTION_DAYS"
            f" ({settings.retention_days}) left out: reports are kept no longer than that"
        )
    return FOUND if files.imported.bad else OK


async def _import(settings: Settings, options: argparse.Namespace, files: _Files) -> None:
    assert settings.database_direct_url is not None
    target = await _target(settings, options)
    with file_progress() as show:

        def report(imported: Imported) -> None:
            files.imported = imported
            show(files.done, files.size, imported.all)

        try:
            await import_events(
                settings.database_direct_url, target, files.elements(), refuse=files.refuse, report=report
            )
        finally:
            files.stop()


async def _target(settings: Settings, options: argparse.Namespace) -> Target:
    """Raises BadInput, KeyRefused and Forbidden."""
    async with service_database(settings) as database:
        service, privacy = options.service, None
        if options.key is not None:
            key = await KeyRing(database, lambda: False).find(options.key)
            key.require("report")
            service, privacy = key.service, key.privacy
        service = check_service(service)
        rules = await RuleBook(database, lambda: False).find(service)
    return Target(service, Terms(rules, privacy), settings.retention_days)


class _Files:
    """The files one after the other, and how far they are read."""

    def __init__(self, sources: list[Source]) -> None:
        self._sources = sources
        self._current = sources[0]
        self._bad = 0
        self.imported = Imported()
        self.size = sum(source.size for source in sources) if all(s.size for s in sources) else 0

    @property
    def done(self) -> int:
        return sum(source.done for source in self._sources)

    def elements(self) -> Iterator[Element | Bad]:
        for source in self._sources:
            self._current = source
            yield from source.elements()

    def stop(self) -> None:
        for source in self._sources:
            source.stop()

    def refuse(self, bad: Bad) -> None:
        self._bad += 1
        if self._bad <= NAMED:
            say(escape(f"{self._current.name}, line {bad.line}: {bad.reason}"))
        if self._bad == NAMED:
            say("more that are bad are counted, and not named")


def _summary(imported: Imported) -> str:
    parts = [
        f"{count(imported.stored, 'event')} imported",
        f"{imported.known:,} already there",
        f"{imported.too_old:,} too old",
        f"{imported.bad:,} bad",
    ]
    if imported.no_error:
        parts.append(f"{imported.no_error:,} transactions left out")
    return ", ".join(parts)

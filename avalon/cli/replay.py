"""Replay the log. `verify` prints what the projections differ in; `rebuild` mends it as well.

What the dashboard shows is folded from the log, event by event; a replay folds the log again, aside, while
the service runs. Days that have expired are replayed from the sealed baseline.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter

import msgspec

from avalon import projections
from avalon.cli import FOUND, OK
from avalon.cli.console import escape, owner_url, replay_progress, say
from avalon.projections import Difference, Progress

KINDS = {"wrong": "not in the log", "missing": "missing here"}


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> int:
    rebuilds = options.command == "rebuild"
    with owner_url() as url, replay_progress() as show:
        replayed = _Replayed()

        def report(progress: Progress) -> None:
            replayed.last = progress
            show(progress)

        work = projections.rebuild if rebuilds else projections.verify
        found = asyncio.run(work(url, report))
    events = f"{replayed.last.events if replayed.last else 0:,} events replayed"
    if not found:
        say(f"no difference ({events})")
        return OK
    _print(found)
    say(f"{_summary(found)} ({events})" + (", mended" if rebuilds else "; `avalon rebuild` mends them"))
    return OK if rebuilds else FOUND


class _Replayed:
    last: Progress | None = None


def _print(found: list[Difference]) -> None:
    """One line a row: the table, whether the row is too much or too little there, and the row as JSON."""
    for difference in found:
        row = escape(msgspec.json.encode(difference.row).decode())
        print(f"{difference.table}\t{difference.kind}\t{row}")
    sys.stdout.flush()


def _summary(found: list[Difference]) -> str:
    counts = Counter((difference.table, difference.kind) for difference in found)
    rows = ", ".join(f"{n} of {table} {KINDS[kind]}" for (table, kind), n in sorted(counts.items()))
    more = " or more" if len(found) >= projections.SHOWN_DIFFERENCES else ""
    return f"{len(found)}{more} rows differ: {rows}"

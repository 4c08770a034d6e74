"""The doctor at the log: its clock, its days, and what retention has left behind."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec
import psycopg
from psycopg.rows import class_row

from avalon import retention
from avalon.cli.console import count
from avalon.cli.findings import Finding, good, look
from avalon.retention import Leaf
from avalon.settings import Settings
from avalon.statements import load

statements = load("doctor")

MAX_AHEAD_S: Final = 60.0


class Log(msgspec.Struct, frozen=True):
    """How the log stands."""

    today: date
    ahead_s: float
    oldest_reader_s: float | None


async def check_log(owner: psycopg.AsyncConnection[Any], settings: Settings) -> list[Finding]:
    cursor = owner.cursor(row_factory=class_row(Log))
    log = await (await cursor.execute(statements.log)).fetchone()
    assert log is not None
    leaves_cursor = owner.cursor(row_factory=class_row(Leaf))
    leaves = await (await leaves_cursor.execute(retention.statements.leaves)).fetchall()
    return [_clock(log), _days(log, leaves), _backlog(log, leaves, settings.retention_days)]


def _clock(log: Log) -> Finding:
    if log.ahead_s > MAX_AHEAD_S:
        text = f"the log's clock is {log.ahead_s:,.0f} s ahead of Postgres's"
        return look(text, "Postgres's clock was wrong once; recorded_at stands still until it has caught up")
    return good("the log's clock goes with Postgres's")


def _days(log: Log, leaves: list[Leaf]) -> Finding:
    attached = [leaf.day for leaf in leaves if leaf.is_attached and not leaf.is_pending]
    kept = f"{count(len(attached), 'day')} of reports" + (f", from {attached[0]}" if attached else "")
    today = "today's partition stands" if log.today in attached else "the next report makes today's partition"
    return good(f"{kept}; {today}")


def _backlog(log: Log, leaves: list[Leaf], days: int) -> Finding:
    """Days that should be gone; a day's grace, because retention works by the hour."""
    if days == 0:
        return good("reports are kept for ever (AVALON_RETENTION_DAYS = 0)")
    late = [leaf for leaf in leaves if leaf.is_attached and (log.today - leaf.day).days > days + 1]
    halves = [leaf for leaf in leaves if leaf.is_pending or not leaf.is_attached]
    if not late and not halves:
        return good(f"retention keeps {count(days, 'day')}, and is not behind")
    text = f"retention is behind: {count(len(late), 'day')} to drop, {len(halves)} half dropped or detached"
    if log.oldest_reader_s is not None and log.oldest_reader_s > 3600:
        return look(
            text, f"a transaction has been open for {log.oldest_reader_s:,.0f} s: see pg_stat_activity"
        )
    return look(text, "a running service drops them within the hour; see retention_failed in its log")

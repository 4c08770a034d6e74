"""Fills the projections of issues and the days of the log, as months of reports would, past the folds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from avalon.statements import split

SQL = split(Path(__file__).with_name("lists.sql").read_text())
DAYS = 60
CHUNK = 250_000
_TABLES = ("issue", "issue_group", "group_tag", "group_hour", "group_user")
_SETTINGS = (
    "statement_timeout = 0",
    "synchronous_commit = off",
    "work_mem = '256MB'",
    "maintenance_work_mem = '512MB'",
)


def fill(owner_url: str, issues: int, reports: int) -> None:
    """Writes all of it; says on standard error how far it is."""
    begun = time.monotonic()
    with psycopg.connect(owner_url, autocommit=True) as owner:
        for setting in _SETTINGS:
            owner.execute(f"SET {setting}".encode())
        with _without_indexes(owner):
            _fill_issues(owner, issues, reports, begun)
        _say("indexes", begun)
        _fill_days(owner, issues, reports, begun)
        for table in _TABLES:
            owner.execute(f"VACUUM ANALYZE projection.{table}".encode())
        owner.execute("ANALYZE log.event")
        _say("analyzed", begun)


@contextmanager
def _without_indexes(owner: psycopg.Connection[Any]) -> Iterator[None]:
    """Rows are written first and indexed then: so it takes minutes."""
    indexes = owner.execute(SQL["indexes"], [list(_TABLES)]).fetchall()
    for table, name, _, is_constraint in indexes:
        drop = (
            f"ALTER TABLE projection.{table} DROP CONSTRAINT {name}"
            if is_constraint
            else f"DROP INDEX projection.{name}"
        )
        # The fill itself joins by these two.
        if table not in ("issue", "issue_group") or not is_constraint:
            owner.execute(drop.encode())
    yield
    for table, name, definition, is_constraint in indexes:
        if table not in ("issue", "issue_group") or not is_constraint:
            made = (
                f"ALTER TABLE projection.{table} ADD CONSTRAINT {name} {definition}"
                if is_constraint
                else definition
            )
            owner.execute(made.encode())


def _fill_issues(owner: psycopg.Connection[Any], issues: int, reports: int, begun: float) -> None:
    owner.execute(SQL["words"].encode())
    for first in range(1, issues + 1, CHUNK):
        chunk = {"first": first, "last": min(first + CHUNK - 1, issues)}
        for statement in (SQL["issues"], SQL["groups"], SQL["tags"], SQL["hours"], SQL["users"]):
            owner.execute(statement.encode(), chunk | {"issues": issues, "reports": reports, "days": DAYS})
        owner.execute("ANALYZE projection.issue, projection.issue_group")
        _say(f"{chunk['last']:,} issues", begun)


def _fill_days(
    owner: psycopg.Connection[tuple[object, ...]], issues: int, reports: int, begun: float
) -> None:
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(DAYS, -1, -1):
        day = midnight - timedelta(days=back)
        owner.execute("SELECT log.create_day(%s::date)", [day])
        each = reports // (DAYS + 1)
        params = {
            "day": day,
            "span": timedelta(days=1) if back else now - midnight,
            "each": each,
            "issues": issues,
            "seed": back * 104_729,
        }
        owner.execute(SQL["reports"].format(day=f"report_{day:%Y%m%d}").encode(), params)
        if back % 10 == 0:
            _say(f"{(DAYS + 1 - back) * each:,} reports", begun)


def _say(what: str, begun: float) -> None:
    print(f"filled {what} ({time.monotonic() - begun:.0f} s)", file=sys.stderr)

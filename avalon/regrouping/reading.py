"""Groups stored reports anew, by the code that ingest uses, and changes nothing.

Newest first and bounded, in reports and in time. The loop reads a chunk, half a megabyte, a thread groups
it: so the replica goes on with its work meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from avalon import event_store
from avalon.database import Database
from avalon.errors import BadInput, Conflict
from avalon.event_store import Cursor
from avalon.grouping import VERSION, Rule, check_rule, group_id, group_report
from avalon.issues.chunks import chunks
from avalon.regrouping.plan import Owner, Tally
from avalon.regrouping.rule_book import Book, sql
from avalon.reports import Report

DAYS: Final = 7
MAX_DAYS: Final = 90
MAX_REPORTS: Final = 200_000
MAX_S: Final = 20.0
FIRST_CHUNK: Final = 50
MAX_CHUNK: Final = 250
CHUNK_BYTES: Final = 500_000
YIELD_EVERY: Final = 16
_OWNERS_AT_ONCE: Final = 5_000
# A report may occur a minute later than it is recorded.
_CLOCKS: Final = timedelta(minutes=1)

decode_report = msgspec.json.Decoder(Report).decode


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed: a rule more, or a version, of one service or of all; over how many days."""

    rule: Rule | None = None
    version: int = VERSION
    service: str | None = None
    days: int = DAYS

    def checked(self) -> Change:
        """The change as it can be stored; raises BadInput where this release can't say what it comes to."""
        if self.version != VERSION:
            raise BadInput(f"this release groups by version {VERSION} alone", field="version")
        if not 1 <= self.days <= MAX_DAYS:
            raise BadInput(f"1 to {MAX_DAYS}", field="days")
        return replace(self, rule=check_rule(self.rule)) if self.rule else self

    def books(self, now: Book) -> Books:
        """The rules as they are and as they would be. Raises Conflict where the rule is there already."""
        if self.rule is None:
            return Books(now, now, None)
        if now.has(self.service, self.rule):
            raise Conflict("there is such a rule already")
        return Books(now, now.with_rule(self.service, self.rule), str(self.rule.id))


class Books(NamedTuple):
    """The rules before a change and after it; `new` is the one that is added."""

    before: Book
    after: Book
    new: str | None


class Found(msgspec.Struct):
    """What the reports come to. `is_complete`: all of the days were looked at, not the newest alone.

    `matched` are those that a new rule touches.
    """

    tallies: dict[tuple[UUID, UUID], Tally]
    reports: int
    matched: int
    since: datetime
    is_complete: bool
    head: Cursor


async def look(database: Database, change: Change, books: Books) -> Found:
    """Groups the reports of the last days anew."""
    head = await event_store.head(database)
    loop = asyncio.get_running_loop()
    deadline, since = loop.time() + MAX_S, datetime.now(UTC) - timedelta(days=change.days)
    found = Found({}, 0, 0, since, True, head)
    after_at, after_position, limit = datetime.max.replace(tzinfo=UTC), 0, FIRST_CHUNK
    while True:
        params: dict[str, Any] = {"service": change.service, "since": since}
        params["recorded_since"] = since - _CLOCKS
        params |= {"after_at": after_at, "after_position": after_position, "row_limit": limit}
        rows = await database.fetch_dicts(sql.reports_before, params)
        await asyncio.to_thread(_tally, rows, books, found)
        if len(rows) < limit:
            return found
        after_at, after_position = rows[-1]["occurred_at"], rows[-1]["position"]
        if found.reports >= MAX_REPORTS or loop.time() >= deadline:
            found.is_complete, found.since = False, after_at
            return found
        limit = _next_limit(rows)


async def look_behind(database: Database, change: Change, books: Books, cursor: Cursor) -> Found:
    """Groups anew what was recorded behind a cursor."""
    deadline = asyncio.get_running_loop().time() + MAX_S
    found, limit = Found({}, 0, 0, cursor.recorded_at, True, cursor), FIRST_CHUNK
    while True:
        params = {"service": change.service, "position": cursor.position, "recorded_at": cursor.recorded_at}
        rows = await database.fetch_dicts(sql.reports_after, params | {"row_limit": limit})
        await asyncio.to_thread(_tally, rows, books, found)
        if len(rows) < limit or asyncio.get_running_loop().time() >= deadline:
            return found
        cursor, limit = Cursor(rows[-1]["position"], rows[-1]["recorded_at"]), _next_limit(rows)


def _next_limit(rows: Sequence[dict[str, Any]]) -> int:
    size = sum(len(row["data"]) for row in rows)
    return max(1, min(MAX_CHUNK, len(rows) * CHUNK_BYTES // max(size, 1)))


def _tally(rows: Sequence[dict[str, Any]], books: Books, found: Found) -> None:
    for row in rows:
        try:
            report = decode_report(row["data"])
        except msgspec.ValidationError:  # purged in this moment
            continue
        key = report.grouping.key_parts if report.grouping else []
        new_group, new_key = _regrouped(row, report, books, found) or (row["stream"], key)
        pair = (row["stream"], new_group)
        tally = found.tallies.get(pair)
        if tally is None:
            found.tallies[pair] = Tally(row["service"], 1, row["id"], key, new_key)
        else:
            tally.reports += 1
        found.reports += 1
        if not found.reports % YIELD_EVERY:
            time.sleep(0)  # lets the loop go on at once, not after the interpreter's 5 ms


def _regrouped(
    row: dict[str, Any], report: Report, books: Books, found: Found
) -> tuple[UUID, list[str]] | None:
    """Where the change sends such a report, and its key there; None: where it would go without it.

    What other rules do to reports that are older than they is not this one's work. Nor can it be said where a
    report goes whose frames had been resolved: its maps may be others by now, or gone.
    """
    if report.grouping and report.grouping.is_resolved:
        return None
    service = row["service"]
    after = group_report(report, books.after.of(service))
    if books.new is not None:
        if books.new not in after.rules:
            return None
        found.matched += 1
        if group_report(report, books.before.of(service)).key_parts == after.key_parts:
            return None
    return group_id(service, after.version, after.key_parts), after.key_parts


async def read_owners(database: Database, found: Found) -> dict[UUID, Owner]:
    """The issues of all groups that were met."""
    groups = sorted({group for pair in found.tallies for group in pair})
    owners: dict[UUID, Owner] = {}
    for chunk in chunks(groups, _OWNERS_AT_ONCE):
        params = {"groups": chunk}
        owners |= {one.group: one for one in await database.fetch(sql.owners, params, row=Owner)}
    return owners

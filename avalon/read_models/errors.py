"""Single reports: a page of them, newest first, and one with all that it says.

A page is found by the keyset of (occurred_at, position), so that what arrives meanwhile moves nothing. What
has been deleted is left out by the view that all statements read. A search that Postgres gives up is the
asker's to narrow, not an outage.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg.errors import QueryCanceled

from avalon.database import Database
from avalon.errors import BadInput, NotFound, Unavailable
from avalon.read_models import cursors
from avalon.read_models.cursors import Place
from avalon.read_models.rows import Time, as_struct
from avalon.search import REPORTS, Conditions, parse, report_conditions
from avalon.statements import load

sql = load("errors")

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
# A report is recorded at most a minute before it occurred, by the log's own constraint.
CLAMP: Final = timedelta(minutes=1)
# An issue's reports are first looked for in the days before the newest: to plan for all days takes its time.
NEWEST: Final = timedelta(days=2)
# What looks into reports looks at every one of its time, so it needs an end.
SEARCHED: Final = timedelta(days=30)


class IssueRef(msgspec.Struct):
    """The issue that a report belongs to."""

    id: UUID
    title: str | None
    status: str


class ErrorItem(msgspec.Struct):
    """A report in a list."""

    id: UUID
    position: int
    service: str
    level: str
    type: str | None
    message: str | None
    path: str | None
    method: str | None
    environment: str | None
    release: str | None
    occurred_at: Time
    recorded_at: Time
    issue: IssueRef | None


class ErrorPage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[ErrorItem]
    next: str | None


class ErrorDetail(ErrorItem, kw_only=True):
    """A report with the whole canonical report, whose empty fields are there too.

    JavaScript's frames are shown as they were written, where a source map says so: such a frame has
    `resolved`, and `raw` with what was reported. One that could not be found says why in `source_map`.
    """

    message_template: str = ""
    stack: str = ""
    exceptions: list[Any] = []
    request: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    tags: dict[str, Any] = {}
    user: dict[str, Any] = {}
    breadcrumbs: list[Any] = []
    contexts: dict[str, Any] = {}
    sdk: dict[str, Any] | None = None
    platform: str = ""
    server_name: str = ""
    transaction: str = ""
    fingerprint: list[Any] = []
    source_maps: dict[str, Any] = {}
    grouping: dict[str, Any] | None = None
    truncated: dict[str, Any] = {}


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports are wanted; None: whatever it is. `until` is not part of the time."""

    service: str | None = None
    level: str | None = None
    environment: str | None = None
    release: str | None = None
    issue: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


async def list_errors(
    database: Database, wanted: Filter, *, after: Place | None = None, skip: int = 0, limit: int = 50
) -> ErrorPage:
    """One page. Raises BadInput where what is wanted takes too long to find."""
    conditions = report_conditions(parse(wanted.q or "", REPORTS))
    params = _params(wanted, after, conditions) | {"skipped": skip, "row_limit": limit + 1}
    if wanted.issue is not None:
        groups = await database.fetch_dicts(sql.issue_groups, {"issue": wanted.issue})
        params["groups"] = [row["id"] for row in groups]
    return _page(await _fetch(database, conditions.put_into(sql.list), params), limit)


async def list_of_issue(
    database: Database,
    issue: UUID,
    *,
    first_seen: datetime,
    last_seen: datetime,
    is_large: bool,
    after: Place | None = None,
    limit: int = 50,
) -> ErrorPage:
    """One page of an issue's reports, the first and last of which occurred then.

    `is_large`: it is of very many groups.
    """
    statement = sql.of_large_issue if is_large else sql.of_issue
    params = {
        "issue": issue,
        "after_at": after.occurred_at if after else None,
        "after_position": after.position if after else None,
        "row_limit": limit + 1,
    }
    newest = (after.occurred_at if after else last_seen) - NEWEST
    for since in (newest, first_seen) if newest > first_seen else (first_seen,):
        rows = await _fetch(database, statement, params | {"recorded_since": since - CLAMP})
        # What occurred later than this was recorded later, too: nothing is missing between these.
        if len(rows) > limit and rows[-1]["occurred_at"] >= since:
            break
    return _page(rows, limit)


async def _fetch(
    database: Database, statement: LiteralString, params: dict[str, Any]
) -> list[dict[str, Any]]:
    try:
        return await database.fetch_dicts(statement, params)
    except Unavailable as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise BadInput(
                "takes too long to find; narrow the time", field="since", code="too_broad"
            ) from None
        raise


def _page(rows: list[dict[str, Any]], limit: int) -> ErrorPage:
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return ErrorPage(
        [as_struct(row, ErrorItem) for row in rows[:limit]],
        cursors.encode(Place(last["occurred_at"], last["position"])) if last else None,
    )


def _params(wanted: Filter, after: Place | None, conditions: Conditions) -> dict[str, Any]:
    since = wanted.since or EARLIEST
    if conditions.others and wanted.since is None:
        newest = after.occurred_at if after else wanted.until or datetime.now(UTC)
        since = max(newest - SEARCHED, EARLIEST)
    return {
        **msgspec.structs.asdict(wanted),
        **conditions.params,
        "groups": None,
        "since": since,
        "recorded_since": since - CLAMP,
        "after_at": after.occurred_at if after else None,
        "after_position": after.position if after else None,
    }


async def find_error(database: Database, id_: UUID, *, recorded_at: str | None = None) -> ErrorDetail:
    """One report, the newest of this id; raises NotFound where there is none to be seen.

    With `recorded_at`, as an item has it, only its day is looked at.
    """
    rows = await database.fetch_dicts(sql.find, {"id": id_, "recorded_at": recorded_at})
    if not rows:
        raise NotFound("there is no such report")
    return as_struct(rows[0].pop("data") | rows[0], ErrorDetail)

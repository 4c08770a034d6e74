"""Which issues a query finds, in what order: a page of ids by keyset, and the cursor behind it.

Conditions on an issue's own columns leave the way to Postgres's planner, which knows how frequent values
are. Of tags, users and words it knows little. So these are first looked for among the first issues in order:
what is common fills a page there. What does not is rare, so all of it is found first, and sorted then. Either
way the answer is the same; a list that takes too long is the asker's to narrow.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec
from psycopg.errors import QueryCanceled

from avalon.database import Database
from avalon.errors import BadInput, Unavailable
from avalon.read_models import cursors
from avalon.read_models.cursors import Mark
from avalon.search import ISSUES, RANKED, Conditions, Match, Pattern, Query, issue_conditions, parse, rank_of
from avalon.statements import load

sql = load("issue_lists")

# A walk over so many issues costs less than finding all that have something in common.
HEAD: Final = 2_000
# Trends are worked out of so many of the loudest issues.
CANDIDATES: Final = 1_000
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

# What a list may be sorted by, the greatest first; columns of time are the ones named *_seen.
SORTS: Final = ("last_seen", "first_seen", "events", "users", "trend")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which issues are wanted; None: whatever it is. Seen since `since`, and first before `until`."""

    q: str | None = None
    sort: str = "last_seen"
    service: str | None = None
    environment: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Found(msgspec.Struct):
    """A page's ids in order, and the cursor of the page behind it."""

    ids: list[UUID]
    next: str | None


async def find_page(
    database: Database, wanted: Wanted, *, user: UUID | None, cursor: str | None = None, limit: int = 50
) -> Found:
    """One page. Raises BadQuery, or BadInput where what is wanted takes too long to find."""
    after = cursors.decode_mark(cursor, wanted.sort) if cursor else None
    now = after.now if after else datetime.now(UTC)
    rows = await _rows(database, wanted, now, user, after, limit + 1)
    page = rows[:limit]
    more = None
    if len(rows) > limit:
        more = cursors.encode_mark(wanted.sort, Mark(now, page[-1]["sorted"], page[-1]["id"]))
    return Found([row["id"] for row in page], more)


async def find_ids(database: Database, q: str, *, user: UUID | None, limit: int) -> list[UUID]:
    """The issues that a query finds, last seen first; raises BadQuery."""
    rows = await _rows(database, Wanted(q=q), datetime.now(UTC), user, None, limit)
    return [row["id"] for row in rows]


async def _rows(
    database: Database, wanted: Wanted, now: datetime, user: UUID | None, after: Mark | None, limit: int
) -> list[dict[str, Any]]:
    conditions = issue_conditions(_query(wanted), now=now, user=user)
    _add_times(conditions, wanted)
    params = conditions.params | {
        "after": after.value if after else None,
        "after_id": after.id if after else None,
        "row_limit": limit,
        "head": HEAD,
        "candidates": CANDIDATES,
    }
    try:
        for statement in statements(wanted.sort, conditions):
            rows = await database.fetch_dicts(statement, params | _days(now))
            if len(rows) == limit:
                break
    except Unavailable as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise BadInput("takes too long to find; narrow it", field="q", code="too_broad") from None
        raise
    return rows


def statements(sort: str, conditions: Conditions) -> list[LiteralString]:
    """The statements that find a page; each further one is for where the one before did not fill it."""
    if sort == "trend":
        found = "MATERIALIZED" if conditions.others else "NOT MATERIALIZED"
        texts = [sql.list_trend.replace("NOT MATERIALIZED", found)]
    elif conditions.others:
        texts = [sql.list_head, sql.list_found]
    else:
        texts = [sql.list]
    return [_complete(text, sort, conditions) for text in texts]


def _complete(text: str, sort: str, conditions: Conditions) -> LiteralString:
    """A statement with its conditions and its order; both are made of constants."""
    if sort in RANKED:
        rank = rank_of("%(after)s::bigint")
        text = text.replace("(i.last_seen, i.id) < (", f"(i.{sort}_rank, i.last_seen, i.id) < ({rank}, ")
        text = text.replace("BY i.last_seen", f"BY i.{sort}_rank DESC, i.last_seen")
    if sort not in ("last_seen", "trend"):
        text = text.replace("i.last_seen", f"i.{sort}")
        if not sort.endswith("_seen"):
            text = text.replace("::timestamptz", "::bigint")
    return conditions.put_into(text)


def _query(wanted: Wanted) -> Query:
    """What was asked for in words, and in parameters of their own."""
    named = {"service": wanted.service, "environment": wanted.environment}
    exact = tuple(Match(key, (Pattern((value,)),)) for key, value in named.items() if value is not None)
    return parse(wanted.q or "", ISSUES) + exact


def _add_times(conditions: Conditions, wanted: Wanted) -> None:
    if wanted.since is not None:
        conditions.own.append(f"i.last_seen >= {conditions.put(wanted.since, 'timestamptz')}")
    if wanted.until is not None:
        conditions.own.append(f"i.first_seen < {conditions.put(wanted.until, 'timestamptz')}")


def _days(now: datetime) -> dict[str, datetime]:
    """The two days that a trend compares: full hours, the one that has begun included."""
    until = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return {"since": until - 2 * DAY, "middle": until - DAY, "until": until}

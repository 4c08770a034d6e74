"""Which issues a query finds, in what order: a page of ids by keyset, and the cursor behind it.

Conditions on an issue's own columns leave the way to Postgres's planner, which knows how frequent values
are. Of tags, users and words it knows little. What is rare by a count is found first, all of it, and sorted
then. The rest is first looked for among the first issues in order: what is common fills a page there. Either
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
from avalon.read_models.issue_types import name_types
from avalon.search import ISSUES, RANKED, Conditions, Match, Pattern, Query, issue_conditions, parse, rank_of
from avalon.statements import load

sql = load("issue_lists")

# A walk over so many issues costs less than finding all that have something in common.
HEAD: Final = 2_000
# What is not rare by its tags is found in a longer walk; to find all of it would take the longest.
LONG_HEAD: Final = 10_000
# So few rows that meet a condition elsewhere are all looked up.
RARE: Final = 5_000
# Trends are worked out of so many of the issues with the most reports in all, and of as many groups of a
# sample of the last day's reports: at most so many of each five minutes.
CANDIDATES: Final = 500
SAMPLE: Final = 10
HOUR: Final = timedelta(hours=1)
# A report is recorded at most a minute before it occurred, by the log's own constraint.
CLAMP: Final = timedelta(minutes=1)
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
    try:
        query = await name_types(database, _query(wanted))
        conditions = issue_conditions(query, now=now, user=user)
        _add_times(conditions, wanted)
        if wanted.sort == "trend":
            return await _by_trend(database, conditions, now, after, limit)
        return await _sorted(database, wanted.sort, conditions, after, limit)
    except Unavailable as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise BadInput("takes too long to find; narrow it", field="q", code="too_broad") from None
        raise


async def _sorted(
    database: Database, sort: str, conditions: Conditions, after: Mark | None, limit: int
) -> list[dict[str, Any]]:
    """The first of all that is found; without looking on where the first issues are enough."""
    params = (
        conditions.params
        | place(after)
        | {"row_limit": limit, "head": head(conditions), "types": conditions.types}
    )
    rows: list[dict[str, Any]] = []
    for statement in statements(sort, conditions, is_rare=await _is_rare(database, conditions)):
        rows = await database.fetch_dicts(statement, params)
        if len(rows) >= limit:
            break
    return rows


async def _by_trend(
    database: Database, conditions: Conditions, now: datetime, after: Mark | None, limit: int
) -> list[dict[str, Any]]:
    days = _days(now)
    seen = f"i.last_seen >= {conditions.put(days['since'], 'timestamptz')}"
    recent = msgspec.structs.replace(conditions, own=[*conditions.own, seen])
    loudest = await _sorted(database, "events", recent, None, CANDIDATES)
    params = conditions.params | place(after) | days | {"row_limit": limit}
    params |= {"loudest": [row["id"] for row in loudest], "candidates": CANDIDATES, "sample": SAMPLE}
    return await database.fetch_dicts(conditions.put_into(sql.list_trend), params)


async def _is_rare(database: Database, conditions: Conditions) -> bool:
    if not conditions.counts:
        return False
    fewest: int = await database.fetch_value(counting(conditions), conditions.params | {"rare": RARE})
    return fewest < RARE


def counting(conditions: Conditions) -> LiteralString:
    """The statement that says how rare what is wanted is, by rows elsewhere."""
    return sql.fewest.replace("/*counts*/ NULL::bigint", ", ".join(conditions.counts))


def head(conditions: Conditions) -> int:
    """How far the walk goes through the first issues."""
    return LONG_HEAD if conditions.counts else HEAD


def place(after: Mark | None) -> dict[str, Any]:
    """Where a page begins, as parameters."""
    return {"after": after.value if after else None, "after_id": after.id if after else None}


def statements(sort: str, conditions: Conditions, *, is_rare: bool = False) -> list[LiteralString]:
    """The statements that find a page; each further one is for where the one before did not fill it."""
    texts: list[str] = [sql.list]
    if conditions.types and sort == "last_seen" and not conditions.others:
        texts = [sql.list_of_types]
    elif conditions.others:
        texts = [sql.list_found] if is_rare else [sql.list_head, sql.list_found]
    return [_complete(text, sort, conditions) for text in texts]


def _complete(text: str, sort: str, conditions: Conditions) -> LiteralString:
    """A statement with its conditions and its order; both are made of constants."""
    if sort in RANKED:
        rank = rank_of("%(after)s::bigint")
        text = text.replace("(i.last_seen, i.id) < (", f"(i.{sort}_rank, i.last_seen, i.id) < ({rank}, ")
        text = text.replace("BY i.last_seen", f"BY i.{sort}_rank DESC, i.last_seen")
    if sort != "last_seen":
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
    middle = until - DAY
    return {"since": middle - DAY, "middle": middle, "until": until, "recorded_since": middle - CLAMP}

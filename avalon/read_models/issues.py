"""Issues as people read them: the items of a list, one issue, its tags, and those that look like it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.errors import NotFound
from avalon.read_models import errors, issue_lists
from avalon.read_models.cursors import Place
from avalon.read_models.errors import ErrorPage
from avalon.read_models.issue_lists import Wanted
from avalon.read_models.rows import Time, as_struct, fetch
from avalon.search.conditions import NEW
from avalon.statements import load

sql = load("issue_items")

HOURS: Final = 24
# How many environments, releases, values of a tag, similar issues an answer names.
NAMES: Final = 10
TOP: Final = 10
SIMILAR: Final = 10
CANDIDATES: Final = 2_000
NEAREST: Final = 200
# Tags are read of so many groups; an issue of so many is read another way. An overflow may have a million.
GROUPS: Final = 1_000
LARGE: Final = 200


class IssueItem(msgspec.Struct):
    """An issue. The newest environments and releases; `sparkline` is reports by hour, the last hour last.

    `position` is that of the last decision about it. `muted_events`, `muted_users`: so many more end a mute.
    `users` are counted up to 10,000 a group of reports: that number means at least so many.
    `moved_to` is the issue that its reports belong to since a merge: then it has none, and was never seen.
    """

    id: UUID
    service: str
    title: str | None
    type: str | None
    culprit: str | None
    level: str
    status: str
    substatus: str
    first_seen: Time | None
    last_seen: Time | None
    events: int
    users: int
    environments: list[str]
    releases: list[str]
    assignee: UUID | None
    assignee_name: str | None
    sparkline: list[int]
    position: int
    comments: int
    resolved_in: str | None
    muted_until: Time | None
    muted_events: int | None
    muted_users: int | None
    moved_to: UUID | None


class IssuePage(msgspec.Struct):
    """`next` is the cursor of the page behind this one."""

    items: list[IssueItem]
    next: str | None


class Group(msgspec.Struct):
    """Reports of one key, as an issue's part; `home` is the issue that it came from, and goes back to."""

    id: UUID
    home: UUID
    type: str | None
    title: str | None
    culprit: str | None
    level: str
    events: int
    first_seen: Time
    last_seen: Time


class TagValue(msgspec.Struct):
    """A value of a tag, how often it was reported, and its share of the reports with this tag."""

    value: str
    reports: int
    share: float
    first_seen: Time
    last_seen: Time


class Tag(msgspec.Struct):
    """A tag with its most frequent values. `overflow`: reports whose values came after the first hundred."""

    key: str
    reports: int
    distinct_values: int
    overflow: int
    values: list[TagValue]


class Tags(msgspec.Struct):
    """All tags of an issue."""

    items: list[Tag]


class SimilarIssue(msgspec.Struct):
    """An issue that looks alike; `score` is the share of the parts of both that they have in common."""

    id: UUID
    type: str | None
    title: str | None
    culprit: str | None
    level: str
    status: str
    last_seen: Time
    events: int
    score: float


class Similar(msgspec.Struct):
    """The most alike first."""

    items: list[SimilarIssue]


async def list_issues(
    database: Database, wanted: Wanted, *, user: UUID | None, cursor: str | None = None, limit: int = 50
) -> IssuePage:
    """One page of a list; raises BadInput as `issue_lists.find_page` does."""
    found = await issue_lists.find_page(database, wanted, user=user, cursor=cursor, limit=limit)
    items = {item.id: item for item in await _items(database, found.ids)}
    return IssuePage([items[id_] for id_ in found.ids if id_ in items], found.next)


async def find_issue(database: Database, id_: UUID) -> IssueItem:
    """One issue, also one that was merged into another; raises NotFound where there is none to be seen."""
    await require(database, id_)
    (item,) = await _items(database, [id_])
    return item


async def require(database: Database, id_: UUID) -> dict[str, Any]:
    """What is needed to read on; raises NotFound where there is no such issue, or it was deleted."""
    rows = await database.fetch_dicts(sql.find, {"id": id_, "groups": LARGE})
    if not rows or not rows[0]["is_known"]:
        raise NotFound(f"there is no issue {id_}")
    return rows[0]


async def list_events(
    database: Database, id_: UUID, *, after: Place | None = None, limit: int = 50
) -> ErrorPage:
    """One page of an issue's reports, newest first; raises NotFound."""
    known = await require(database, id_)
    return await errors.list_of_issue(
        database,
        id_,
        first_seen=known["first_seen"],
        last_seen=known["last_seen"],
        is_large=known["is_large"],
        after=after,
        limit=limit,
    )


async def list_groups(database: Database, id_: UUID, *, after: UUID | None, limit: int) -> list[Group]:
    """The groups of an issue, in the order of their ids; raises NotFound."""
    await require(database, id_)
    return await fetch(database, sql.groups, {"id": id_, "after": after, "row_limit": limit}, Group)


async def read_tags(database: Database, id_: UUID) -> Tags:
    """The tags of an issue; raises NotFound."""
    await require(database, id_)
    tags: dict[str, Tag] = {}
    for row in await database.fetch_dicts(sql.tags, {"id": id_, "top": TOP, "groups": GROUPS}):
        tag = tags.setdefault(row["key"], Tag(row["key"], row["total"], row["distinct_values"], 0, []))
        if row["is_overflow"]:
            tag.overflow = row["reports"]
        else:
            tag.values.append(as_struct(row | {"share": round(row["reports"] / row["total"], 4)}, TagValue))
    return Tags(list(tags.values()))


async def find_similar(database: Database, id_: UUID) -> Similar:
    """Issues that look alike; raises NotFound."""
    await require(database, id_)
    params = {"id": id_, "candidates": CANDIDATES, "nearest": NEAREST, "row_limit": SIMILAR}
    found = await fetch(database, sql.similar, params, SimilarIssue)
    for one in found:
        one.score = round(one.score, 4)
    return Similar(found)


async def _items(database: Database, ids: list[UUID]) -> list[IssueItem]:
    if not ids:
        return []
    now = datetime.now(UTC)
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    params = {"ids": ids, "recent": now - NEW, "since": since, "names": NAMES, "groups": GROUPS}
    rows = await database.fetch_dicts(sql.items, params)
    return [as_struct(row | {"sparkline": _sparkline(row)}, IssueItem) for row in rows]


def _sparkline(row: dict[str, Any]) -> list[int]:
    line = [0] * HOURS
    for hour, reports in zip(row["hours"], row["reports"], strict=True):
        # The next hour's, of clocks that are a little fast, are this hour's.
        line[min(hour, HOURS - 1)] += reports
    return line

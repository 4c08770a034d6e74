"""What a rule would have sent over the last days, before it is saved: its past, told again (`rehearsal`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.events import REPORTED, AlertSuppressed
from avalon.read_models.rows import Time, as_time
from avalon.rules import Definition, Rule, check, facts_of
from avalon.statements import load
from avalon.subscriptions.evaluation import as_match, find
from avalon.subscriptions.past import Minute, Past, by_part, start_of, too_broad
from avalon.subscriptions.questions import passed, search
from avalon.subscriptions.reach import event_reach, user_reach
from avalon.subscriptions.rehearsal import Happened, rehearse
from avalon.subscriptions.standings import Standings, split_search
from avalon.subscriptions.state import Bundle, Limits, Match, Passed

sql = load("subscriptions")

MAX_DAYS: Final = 30
MAX_EXAMPLES: Final = 20
MAX_S: Final = 5.0
_RULE: Final = UUID(int=1)
_Match = tuple[datetime, Match]


class Day(msgspec.Struct):
    """What would have been sent and held back on a day of UTC."""

    day: str
    messages: int = 0
    digests: int = 0
    suppressed: int = 0


class Example(msgspec.Struct):
    """One message: of one issue, or a digest of several; `why` says what it would have been told for."""

    at: Time
    kind: str
    issues: list[UUID]
    title: str | None
    reports: int
    why: str


class Preview(msgspec.Struct):
    """`messages` of one issue each, and `digests`; `suppressed` reports had no message of their own, for
    these `reasons`: storm and pace went into digests."""

    since: Time
    until: Time
    messages: int
    digests: int
    suppressed: int
    reasons: dict[str, int]
    days: list[Day]
    examples: list[Example]


async def preview(
    database: Database, definition: Definition, *, days: int, limits: Limits, now: datetime | None = None
) -> Preview:
    """What the rule alone would have sent to a sink. Raises BadInput, also with the code too_broad."""
    check(definition)
    until = now or datetime.now(UTC)
    since = start_of(int((until - timedelta(days=days)).timestamp()) // 60)
    rule = Rule(id=_RULE, **msgspec.structs.asdict(definition))
    past = Past(database, rule, since, until)
    found = _of_facts(past, database, rule) if facts_of(rule) else _of_minutes(past, rule)
    matches, stood = await found
    if rule.q is not None:
        matches = await _searched(database, rule.q, matches, stood, until)
    happened = await asyncio.to_thread(_rehearsed, matches, until.timestamp(), limits)
    return await _summed(database, happened, since, until)


def _rehearsed(matches: Sequence[_Match], until: float, limits: Limits) -> list[Happened]:
    """In a thread of its own, because it may take seconds; not more than `MAX_S`."""
    end = time.monotonic() + MAX_S

    def in_time() -> Iterator[tuple[float, Match]]:
        for at, match in matches:
            if time.monotonic() > end:
                raise too_broad("more than can be worked out in time")
            yield at.timestamp(), match

    return list(rehearse(in_time(), until, limits))


async def _of_facts(past: Past, database: Database, rule: Rule) -> tuple[list[_Match], Standings]:
    events = await past.facts(facts_of(rule))
    plain = msgspec.structs.replace(rule, q=None)
    found = await find(database, [plain], events, past.until.timestamp())
    stood = await past.standings({one.issue for one in found})
    matches = []
    for one in found:
        at = one.event.occurred_at
        matches.append((at, as_match(one, stood.silence(one.issue, at))))
    return matches, stood


async def _of_minutes(past: Past, rule: Rule) -> tuple[list[_Match], Standings]:
    minutes = await past.minutes()
    stood = await past.standings({one.issue for one in minutes})
    known = await past.parted(minutes, stood)
    by_columns = rule.release is None and not rule.tags
    reports = await past.reports(minutes) if rule.when == "users" or not by_columns else []
    reach = user_reach(rule, reports, stood) if rule.when == "users" else event_reach(rule, known, stood)
    matches = []
    for number, one in enumerate(by_part(known if by_columns else past.asked_for(reports), stood), 1):
        done = None
        if one.since < past.since:
            continue
        if rule.threshold is not None:
            done = _passed(rule, one.minute, *reach(one))
            if done is None:
                continue
        silent = stood.silence(one.issue, one.since)
        matches.append((one.since, _match(rule, number, one, silent, done)))
    return matches, stood


def _passed(rule: Rule, minute: int, reached: int, before: int) -> Passed | None:
    """Where the threshold is passed in this very minute, it is told of at the report that passes it."""
    threshold = rule.threshold or 0
    return passed(rule, minute, reached if before >= threshold else min(reached, threshold), before)


def _match(rule: Rule, number: int, minute: Minute, silent: str, done: Passed | None) -> Match:
    """All of a part is one match; a threshold is passed once, however many reports there are."""
    return Match(
        what="issue.passed" if done else REPORTED,
        position=number,
        recorded_at=minute.since,
        report=None,
        issue=minute.issue,
        service=minute.service,
        level=minute.level,
        rules=(rule,),
        passed={rule.key: done} if done else {},
        silent=silent,
        count=1 if done else minute.reports,
    )


async def _searched(
    database: Database, q: str, matches: list[_Match], stood: Standings, until: datetime
) -> list[_Match]:
    """What a search finds: states as they were, the rest of the issues as it is."""
    states, others = split_search(q)
    issues = {match.issue for _, match in matches}
    hits = await search(database, others, issues, until.timestamp()) if others else issues
    return [
        (at, match) for at, match in matches if match.issue in hits and stood.fits(states, match.issue, at)
    ]


async def _summed(
    database: Database, happened: Sequence[Happened], since: datetime, until: datetime
) -> Preview:
    days = {day.day: day for day in _days(since, until)}
    reasons: dict[str, int] = {}
    messages: list[Happened] = []
    for one in happened:
        day = days[datetime.fromtimestamp(one.at, UTC).date().isoformat()]
        if isinstance(one.what, AlertSuppressed):
            day.suppressed += one.what.count
            reasons[one.what.reason] = reasons.get(one.what.reason, 0) + one.what.count
        else:
            messages.append(one)
            day.digests += isinstance(one.what, Bundle)
            day.messages += not isinstance(one.what, Bundle)
    return Preview(
        since=as_time(since),
        until=as_time(until),
        messages=sum(day.messages for day in days.values()),
        digests=sum(day.digests for day in days.values()),
        suppressed=sum(reasons.values()),
        reasons=reasons,
        days=list(days.values()),
        examples=await _examples(database, messages[:MAX_EXAMPLES]),
    )


def _days(since: datetime, until: datetime) -> list[Day]:
    first, last = since.date(), until.date()
    return [Day((first + timedelta(days=number)).isoformat()) for number in range((last - first).days + 1)]


async def _examples(database: Database, messages: Sequence[Happened]) -> list[Example]:
    items = [(one.at, one.what) for one in messages if not isinstance(one.what, AlertSuppressed)]
    issues = {issue for _, item in items for issue in item.counts}
    rows = await database.fetch_dicts(sql.titles, {"issues": list(issues)})
    titles = {row["issue"]: row["title"] for row in rows}
    return [
        Example(
            at=as_time(datetime.fromtimestamp(at, UTC)),
            kind="digest" if isinstance(item, Bundle) else "report",
            issues=list(item.counts),
            title=None if isinstance(item, Bundle) else titles.get(item.issue),
            reports=sum(item.counts.values()),
            why="what was held back" if isinstance(item, Bundle) else item.words or item.what,
        )
        for at, item in items
    ]

"""From what a read of the log found to what its sink is to be told of: the rules at work, batch by batch.

A report may match rules by itself and be the first of its minute to stand at a threshold, and the fact that
its issue has opened or regressed follows it in the same append: all of that is one match for all its rules.
Reads only; what it decides is repeated by whoever reads the same batch again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.database import Database
from avalon.event_store import EVERYTHING, FACTS, Wanted
from avalon.events import IMPORT, REPORTED, Event
from avalon.rules import Rule, Seen, fits, mismatch
from avalon.sinks import What
from avalon.subscriptions.questions import (
    Asked,
    Facets,
    Kept,
    latest,
    minute_of,
    passed,
    reached,
    remembered,
    reports,
    search,
    silences,
)
from avalon.subscriptions.state import Match, Passed

LOOKED_AT: Final = (REPORTED, "issue.opened", "issue.regressed", "issue.unmuted")
# Reports that come later than this are in no minute, and pass no threshold.
LATE_S: Final = 86_400
_UNMUTED: Final = {
    "until": "it is not muted any more: its time is over",
    "events": "it is not muted any more: as many events came as were waited for",
    "users": "it is not muted any more: as many users met it as were waited for",
}


class Found(msgspec.Struct):
    """An event with what rules see of it, and which of them want it. A fact stands for a kept report."""

    event: Event
    issue: UUID
    seen: Seen
    report: UUID | None
    position: int
    recorded_at: datetime
    is_imported: bool
    rules: dict[str, Rule] = {}
    passed: dict[str, Passed] = {}
    what: What = "error.reported"
    words: str = ""


def wanted(rules: Sequence[Rule]) -> Wanted:
    """What has to be read of the log for these rules: facts always, reports as far as any of them asks."""
    levels: set[str] = set()
    services: set[str] = set()
    for rule in rules:
        if not fits(rule, REPORTED):
            continue
        if rule.levels:
            levels |= set(rule.levels)
        elif rule.services:
            services |= set(rule.services)
        else:
            return EVERYTHING
    return (
        Wanted(levels=tuple(sorted(levels)), services=tuple(sorted(services)))
        if levels or services
        else FACTS
    )


async def evaluate(
    database: Database, rules: Sequence[Rule], events: Sequence[Event], now: float
) -> list[Match]:
    """What these events are to the rules, in the log's order."""
    found = await find(database, rules, events, now)
    silent = await silences(database, {one.issue for one in found})
    return [as_match(one, silent.get(one.issue, "")) for one in found]


async def find(database: Database, rules: Sequence[Rule], events: Sequence[Event], now: float) -> list[Found]:
    """As evaluate, whatever people have decided about the issues."""
    types = {type_ for type_ in LOOKED_AT if any(fits(rule, type_) for rule in rules)}
    found = await _look(database, [event for event in events if event.type in types])
    _match(rules, found)
    await _count(database, found)
    for q in sorted({rule.q for rule in rules if rule.q is not None}):
        await _search(database, q, [rule.key for rule in rules if rule.q == q], found, now)
    return _merged([one for one in found if one.rules])


async def _look(database: Database, events: Sequence[Event]) -> list[Found]:
    """What is there to see: columns and tags, which for a fact are those of its report."""
    facts = [event for event in events if event.type != REPORTED]
    named = {id_ for event in facts if (id_ := _report_of(event))}
    of_report: dict[UUID, Kept] = {}
    if named:
        times = [event.recorded_at for event in facts]
        of_report = await reports(database, named, min(times), max(times))
    unnamed = {event.stream for event in facts if _report_of(event) is None}
    of_issue: dict[UUID, Facets] = {**await latest(database, unnamed)} if unnamed else {}
    if gone := unnamed - of_issue.keys():
        of_issue |= await remembered(database, gone)
    return [_found(event, of_report, of_issue) for event in events]


def _report_of(fact: Event) -> UUID | None:
    return UUID(fact.data["report"]) if "report" in fact.data else None


def _found(event: Event, of_report: dict[UUID, Kept], of_issue: dict[UUID, Facets]) -> Found:
    if event.type == REPORTED:
        seen = _seen(event, _tags(event.data))
        imported = event.actor == IMPORT
        issue = event.issue or event.stream
        return Found(event, issue, seen, event.id, event.position, event.recorded_at, imported)
    named = _report_of(event)
    facets = of_report.get(named) if named else of_issue.get(event.stream)
    kept = facets if isinstance(facets, Kept) else None
    return Found(
        event,
        event.stream,
        _seen(event, facets.tags if facets else {}, facets),
        kept.id if kept else named,
        kept.position if kept else event.position,
        kept.recorded_at if kept else event.recorded_at,
        bool(named and kept and kept.actor == IMPORT),
        what="issue.opened" if event.type == "issue.opened" else "issue.regressed",
        words=_UNMUTED.get(event.data.get("reason", ""), "") if event.type == "issue.unmuted" else "",
    )


def _seen(event: Event, tags: dict[str, str], facets: Facets | None = None) -> Seen:
    return Seen(
        what=event.type,
        service=event.service or "",
        level=event.level or (facets.level if facets else "error"),
        environment=event.environment or (facets.environment if facets else None) or "",
        release=event.release or (facets.release if facets else None) or "",
        tags=tags,
    )


def _tags(data: dict[str, Any]) -> dict[str, str]:
    found = data.get("tags")
    return found if isinstance(found, dict) else {}


def _match(rules: Sequence[Rule], found: Sequence[Found]) -> None:
    """Most rules are of other services: they are left out at once."""
    of_service: dict[str, list[Rule]] = {}
    for one in found:
        service = one.seen.service
        if service not in of_service:
            of_service[service] = [rule for rule in rules if not rule.services or service in rule.services]
        for rule in of_service[service]:
            if mismatch(rule, one.seen) is None:
                one.rules[rule.key] = rule


async def _count(database: Database, found: Sequence[Found]) -> None:
    """Leaves each rule with a threshold to the first report of each issue and minute that stands at it."""
    firsts: dict[Asked, Found] = {}
    for one in found:
        for rule in [rule for rule in one.rules.values() if rule.threshold is not None]:
            del one.rules[rule.key]
            if _is_timely(one.event) and not one.is_imported:
                minute = minute_of(one.event.occurred_at)
                firsts.setdefault(Asked(rule.key, one.issue, minute, rule), one)
    counts = await reached(database, list(firsts))
    for asked, one in firsts.items():
        done = passed(asked.rule, asked.minute, *counts.get(asked, (0, 0)))
        if done is not None:
            one.rules[asked.key], one.passed[asked.key] = asked.rule, done


def _is_timely(report: Event) -> bool:
    return (report.recorded_at - report.occurred_at).total_seconds() < LATE_S


async def _search(
    database: Database, q: str, keys: Sequence[str], found: Sequence[Found], now: float
) -> None:
    """Takes the rules of these keys from what their search does not find."""
    candidates = [one for one in found if not one.rules.keys().isdisjoint(keys)]
    if not candidates:
        return
    hits = await search(database, q, {one.issue for one in candidates}, now)
    for one in candidates:
        if one.issue not in hits:
            for key in keys:
                one.rules.pop(key, None)
                one.passed.pop(key, None)


def _merged(found: Sequence[Found]) -> list[Found]:
    """A report and the fact that it brought about are one."""
    kept: list[Found] = []
    of_report: dict[UUID, Found] = {}
    for one in found:
        told = of_report.get(one.report) if one.report and one.event.type != REPORTED else None
        if told is None:
            kept.append(one)
        else:
            told.rules |= one.rules
            told.what, told.words = one.what, one.words
        if one.event.type == REPORTED:
            of_report[one.event.id] = one
    return kept


def as_match(one: Found, silent: str) -> Match:
    """`silent`: why nobody is told of the issue; a regression is told all the same."""
    if one.is_imported:
        silent = "imported"
    what: What = "issue.passed" if one.passed and one.what == "error.reported" else one.what
    return Match(
        what=what,
        position=one.position,
        recorded_at=one.recorded_at,
        report=one.report,
        issue=one.issue,
        service=one.seen.service,
        level=one.seen.level,
        rules=tuple(one.rules.values()),
        words=one.words,
        passed=one.passed,
        silent="" if what == "issue.regressed" and not one.is_imported else silent,
    )

"""A query as conditions of SQL, each with its parameters: over an issue `i`, or over a report `r`.

Conditions that look at the row's own columns are kept apart from those that look into other tables or into
texts, because a list is found differently with the latter. Only constants of this module become SQL; what
people wrote is a parameter, always.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from hashlib import md5
from typing import Any, Final, LiteralString
from uuid import UUID

import msgspec

from avalon.search.query import Age, Comparison, Match, Pattern, Period, Query, Term, Words
from avalon.search.ranks import compared

# A new issue is shown as an ongoing one after so long.
NEW: Final = timedelta(days=7)

_STATES: Final = {
    "unresolved": "i.status = 'unresolved'",
    "resolved": "i.status = 'resolved'",
    "ignored": "i.status = 'ignored'",
    "muted": "i.status = 'ignored' AND i.substatus = 'muted'",
    "new": "i.status = 'unresolved' AND i.substatus = 'new' AND i.first_seen > {recent}",
    "ongoing": "i.status = 'unresolved'"
    " AND (i.substatus = 'ongoing' OR (i.substatus = 'new' AND i.first_seen <= {recent}))",
    "regressed": "i.status = 'unresolved' AND i.substatus = 'regressed'",
    "assigned": "i.assignee IS NOT NULL",
    "unassigned": "i.assignee IS NULL",
}
_HAS_USER: Final = ("has", (Pattern(("user",)),))
_ISSUE_COLUMNS: Final = {
    "level": "i.level",
    "service": "i.service",
    "type": "i.type",
    "first": "i.first_seen",
    "last": "i.last_seen",
    "events": "i.events",
    "users": "i.users",
}
_REPORT_COLUMNS: Final = {
    "level": "r.level",
    "service": "r.service",
    "environment": "r.environment",
    "release": "r.release",
    "type": "r.data #>> '{{exceptions,-1,type}}'",
}
# The first of these that is given is who the user is, as in the fold.
_REPORT_USER: Final = (
    "coalesce(nullif(r.data #>> '{{user,id}}', ''), nullif(r.data #>> '{{user,email}}', ''),"
    " nullif(r.data #>> '{{user,username}}', ''), nullif(r.data #>> '{{user,ip_address}}', ''))"
)
# An overflow's value is empty. By its mark the planner would skip over all values of an index (Postgres 18).
_TAGGED: Final = (
    "EXISTS (SELECT FROM projection.issue_group AS g JOIN projection.group_tag AS t ON t.issue_group = g.id"
    " WHERE g.issue = i.id AND t.key = {key} AND t.value <> '' AND ({matches}))"
)
_MET: Final = (
    "EXISTS (SELECT FROM projection.issue_group AS g JOIN projection.group_user AS u ON u.issue_group = g.id"
    " WHERE g.issue = i.id AND ({matches}))"
)

_NAMED: Final = (
    "i.assignee = (SELECT a.id FROM account.app_user AS a WHERE lower(a.username) = lower({name}))"
)


class Conditions(msgspec.Struct):
    """All of them must hold. `own` look at the row alone, `others` elsewhere or into the text."""

    own: list[str] = []
    others: list[str] = []
    params: dict[str, Any] = {}

    def put_into(self, statement: str) -> LiteralString:
        """A statement with them in place of its `/*own*/ true` and `/*others*/ true`."""
        for name, given in (("own", self.own), ("others", self.others)):
            statement = statement.replace(f"/*{name}*/ true", " AND ".join(given) or "true")
        return statement

    def put(self, value: Any, type_: str) -> str:
        """A new parameter, as it stands in SQL."""
        name = f"q{len(self.params)}"
        self.params[name] = value
        return f"%({name})s::{type_}"


def issue_conditions(query: Query, *, now: datetime, user: UUID | None) -> Conditions:
    """Over `i`, a row of projection.issue; `user` is who `me` is."""
    found = Conditions()
    for term in query:
        match term:
            case Words(text, is_prefix):
                asked = f"{found.put(text, 'text')}, {found.put(is_prefix, 'boolean')}"
                found.others.append(_signed(term, f"i.search @@ log.search_query({asked})"))
            case Match(key, values, name):
                is_own = key in ("is", "assigned") or key in _ISSUE_COLUMNS or (key, values) == _HAS_USER
                one = _issue_match(found, key, values, name, now, user)
                (found.own if is_own else found.others).append(_signed(term, one))
            case Comparison(key):
                found.own.append(_signed(term, _compared(found, _ISSUE_COLUMNS[key], term, now)))
    return found


def report_conditions(query: Query) -> Conditions:
    """Over `r`, a row of projection.visible_report. The language of reports has no comparisons."""
    found = Conditions()
    for term in query:
        match term:
            case Words(text):
                like = found.put(f"%{_like_literal(text)}%", "text")
                said = f"(r.data ->> 'message' ILIKE {like} OR r.data ->> 'stack' ILIKE {like})"
                found.others.append(_signed(term, said))
            case Match(key, values, name):
                one = _report_match(found, key, values, name)
                is_own = key in ("level", "service", "environment", "release")
                (found.own if is_own else found.others).append(_signed(term, one))
    return found


def _signed(term: Term, condition: str) -> str:
    """A condition on what is not there holds of nothing, so its contrary does."""
    return f"({condition}) IS NOT TRUE" if term.is_negated else f"({condition})"


def _any(values: tuple[Pattern, ...], one: Callable[[Pattern], str]) -> str:
    return " OR ".join(f"({one(value)})" for value in values)


def _issue_match(
    found: Conditions,
    key: str,
    values: tuple[Pattern, ...],
    name: str | None,
    now: datetime,
    user: UUID | None,
) -> str:
    match key:
        case "is":
            return _any(values, lambda value: _state(found, str(value.literal), now))
        case "assigned":
            return _any(values, lambda value: _assigned(found, str(value.literal), user))
        case "user":
            hashes = found.put([user_hash(str(value.literal)) for value in values], "bigint[]")
            return _MET.format(matches=f"u.user_hash = ANY({hashes})")
        case "has":
            return _any(values, lambda value: _has(found, str(value.literal)))
        case "tag" | "environment" | "release":
            matches = _equals(found, "t.value", values)
            return _TAGGED.format(key=found.put(name or key, "text"), matches=matches)
    return _equals(found, _ISSUE_COLUMNS[key], values)


def _state(found: Conditions, state: str, now: datetime) -> str:
    condition = _STATES[state]
    return condition.format(recent=found.put(now - NEW, "timestamptz")) if "{" in condition else condition


def _assigned(found: Conditions, who: str, user: UUID | None) -> str:
    if who.lower() == "me":
        return f"i.assignee = {found.put(user, 'uuid')}"
    try:
        return f"i.assignee = {found.put(UUID(who), 'uuid')}"
    except ValueError:
        return _NAMED.format(name=found.put(who, "text"))


def _has(found: Conditions, what: str) -> str:
    if what == "user":
        return "i.users > 0"
    return _TAGGED.format(key=found.put(what.removeprefix("tag."), "text"), matches="true")


def _report_match(found: Conditions, key: str, values: tuple[Pattern, ...], name: str | None) -> str:
    match key:
        case "user":
            return _equals(found, _REPORT_USER.format(), values)
        case "tag":
            return _equals(found, f"r.data -> 'tags' ->> {found.put(name, 'text')}", values)
        case "has":
            return _any(values, lambda value: f"{_reported(found, str(value.literal))} <> ''")
    return _equals(found, _REPORT_COLUMNS[key].format(), values)


def _reported(found: Conditions, what: str) -> str:
    if what == "user":
        return _REPORT_USER.format()
    if what in _REPORT_COLUMNS:
        return _REPORT_COLUMNS[what].format()
    return f"r.data -> 'tags' ->> {found.put(what.removeprefix('tag.'), 'text')}"


def _equals(found: Conditions, column: str, values: tuple[Pattern, ...]) -> str:
    """That a column is one of these: all values without stars in one array."""
    literals = [value.literal for value in values if value.literal is not None]
    conditions = [
        f"({column}) LIKE {found.put('%'.join(map(_like_literal, value.pieces)), 'text')}"
        for value in values
        if value.literal is None
    ]
    if len(literals) == 1:
        conditions.append(f"({column}) = {found.put(literals[0], 'text')}")
    elif literals:
        conditions.append(f"({column}) = ANY({found.put(literals, 'text[]')})")
    return " OR ".join(conditions)


def _like_literal(text: str) -> str:
    """A text that LIKE takes as it stands."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _compared(found: Conditions, column: str, term: Comparison, now: datetime) -> str:
    match term.value:
        case int(number):
            return compared(column, term.operator, found.put(number, "bigint"))
        case Age() as age:
            # Younger is later.
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}[term.operator]
            return f"{column} {turned} {found.put(now - age.length, 'timestamptz')}"
        case Period(start) as period:
            return _in_time(column, term.operator, partial(found.put, type_="timestamptz"), start, period.end)


def _in_time(
    column: str, operator: str, put: Callable[[datetime], str], start: datetime, end: datetime
) -> str:
    match operator:
        case ">":
            return f"{column} >= {put(end)}"
        case ">=":
            return f"{column} >= {put(start)}"
        case "<":
            return f"{column} < {put(start)}"
        case "<=":
            return f"{column} < {put(end)}"
    return f"{column} >= {put(start)} AND {column} < {put(end)}"


def user_hash(user: str) -> int:
    """Who it is, as the projections know them: the first 8 bytes of the MD5, as a bigint."""
    digest = md5(user.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)

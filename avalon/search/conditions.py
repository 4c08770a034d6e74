"""A query as conditions of SQL, each with its parameters: over an issue `i`.

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
# An overflow's value is empty. By its mark the planner would skip over all values of an index (Postgres 18).
_TAGGED: Final = (
    "EXISTS (SELECT FROM projection.issue_group AS g JOIN projection.group_tag AS t ON t.issue_group = g.id"
    " WHERE g.issue = i.id AND t.reports > 0 AND {which})"
)
_TAGS: Final = (
    "(SELECT count(*) FROM (SELECT FROM projection.group_tag AS t WHERE {which} LIMIT %(rare)s) AS one)"
)
_WHICH_TAG: Final = "t.key = {key} AND t.value <> '' AND ({matches})"
_MET: Final = (
    "EXISTS (SELECT FROM projection.issue_group AS g JOIN projection.group_user AS u ON u.issue_group = g.id"
    " WHERE g.issue = i.id AND {which})"
)
_PEOPLE: Final = (
    "(SELECT count(*) FROM (SELECT FROM projection.group_user AS u WHERE {which} LIMIT %(rare)s) AS one)"
)

_NAMED: Final = (
    "i.assignee = (SELECT a.id FROM account.app_user AS a WHERE lower(a.username) = lower({name}))"
)


class Conditions(msgspec.Struct):
    """All of them must hold. `own` look at the row alone, `others` elsewhere or into the text.

    `counts` are of rows elsewhere, by an index, up to `rare` of them: without such a row no issue is found.
    `types` are all that the issue's may be, where they are known; no order of theirs says anything.
    """

    own: list[str] = []
    others: list[str] = []
    counts: list[str] = []
    types: list[str] = []
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
                found.others.append(signed(term, f"i.search @@ log.search_query({asked})"))
            case Match(key, values, name):
                is_own = key in ("is", "assigned") or key in _ISSUE_COLUMNS or (key, values) == _HAS_USER
                counts = len(found.counts)
                one = _issue_match(found, key, values, name, now, user)
                if term.is_negated:
                    del found.counts[counts:]
                elif key == "type" and all(value.literal for value in values):
                    found.types = [str(value.literal) for value in values]
                (found.own if is_own else found.others).append(signed(term, one))
            case Comparison(key):
                found.own.append(signed(term, _compared(found, _ISSUE_COLUMNS[key], term, now)))
    return found


def signed(term: Term, condition: str) -> str:
    """A condition on what is not there holds of nothing, so its contrary does."""
    return f"({condition}) IS NOT TRUE" if term.is_negated else f"({condition})"


def any_of(values: tuple[Pattern, ...], one: Callable[[Pattern], str]) -> str:
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
            return any_of(values, lambda value: _state(found, str(value.literal), now))
        case "assigned":
            return any_of(values, lambda value: _assigned(found, str(value.literal), user))
        case "user":
            hashes = found.put([user_hash(str(value.literal)) for value in values], "bigint[]")
            which = f"u.user_hash = ANY({hashes})"
            found.counts.append(_PEOPLE.format(which=which))
            return _MET.format(which=which)
        case "has":
            return any_of(values, lambda value: _has(found, str(value.literal)))
        case "tag" | "environment" | "release":
            matches = equals(found, "t.value", values)
            which = _WHICH_TAG.format(key=found.put(name or key, "text"), matches=matches)
            # What begins with a star is no range of an index.
            if all(value.pieces[0] for value in values):
                found.counts.append(_TAGS.format(which=which))
            return _TAGGED.format(which=which)
    return equals(found, _ISSUE_COLUMNS[key], values)


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
    return _TAGGED.format(
        which=_WHICH_TAG.format(key=found.put(what.removeprefix("tag."), "text"), matches="true")
    )


def equals(found: Conditions, column: str, values: tuple[Pattern, ...]) -> str:
    """That a column is one of these, of which there may be none: all values without stars in one array."""
    literals = [value.literal for value in values if value.literal is not None]
    conditions = [
        f"({column}) LIKE {found.put(like(value), 'text')}" for value in values if value.literal is None
    ]
    if len(literals) == 1:
        conditions.append(f"({column}) = {found.put(literals[0], 'text')}")
    elif literals:
        conditions.append(f"({column}) = ANY({found.put(literals, 'text[]')})")
    return " OR ".join(conditions) or "false"


def like(value: Pattern) -> str:
    """A pattern as LIKE has it."""
    return "%".join(map(like_literal, value.pieces))


def like_literal(text: str) -> str:
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

"""A query as conditions of SQL over a report `r`, which are found by its columns, or by a look into it."""

from __future__ import annotations

from typing import Final

from avalon.search.conditions import Conditions, any_of, equals, like_literal, signed
from avalon.search.query import Match, Pattern, Query, Words
from avalon.search.text import parts_of, pattern_of

_REPORT_COLUMNS: Final = {
    "level": "r.level",
    "service": "r.service",
    "environment": "r.environment",
    "release": "r.release",
    "type": "coalesce(r.data #>> '{{grouping,type}}', r.data #>> '{{exceptions,-1,type}}')",
}
# The first of these that is given is who the user is, as in the fold.
_REPORT_USER: Final = (
    "coalesce(nullif(r.data #>> '{{user,id}}', ''), nullif(r.data #>> '{{user,email}}', ''),"
    " nullif(r.data #>> '{{user,username}}', ''), nullif(r.data #>> '{{user,ip_address}}', ''))"
)


def report_conditions(query: Query) -> Conditions:
    """Over `r`, a row of projection.visible_report. The language of reports has no comparisons."""
    found = Conditions()
    for term in query:
        match term:
            case Words(text, is_prefix):
                found.others.append(signed(term, _said(found, parts_of(text), is_prefix)))
            case Match(key, values, name):
                one = _report_match(found, key, values, name)
                is_own = key in ("level", "service", "environment", "release")
                (found.own if is_own else found.others).append(signed(term, one))
    return found


def _said(found: Conditions, parts: list[str], is_prefix: bool) -> str:
    rough = found.put(f"%{'%'.join(map(like_literal, parts))}%", "text")
    exact = found.put(pattern_of(parts, is_prefix=is_prefix), "text")
    return f"log.report_text(r.data) ILIKE {rough} AND log.report_text(r.data) ~ {exact}"


def _report_match(found: Conditions, key: str, values: tuple[Pattern, ...], name: str | None) -> str:
    match key:
        case "user":
            return equals(found, _REPORT_USER.format(), values)
        case "tag":
            return equals(found, f"r.data -> 'tags' ->> {found.put(name, 'text')}", values)
        case "has":
            return any_of(values, lambda value: f"{_reported(found, str(value.literal))} <> ''")
    return equals(found, _REPORT_COLUMNS[key].format(), values)


def _reported(found: Conditions, what: str) -> str:
    if what == "user":
        return _REPORT_USER.format()
    if what in _REPORT_COLUMNS:
        return _REPORT_COLUMNS[what].format()
    return f"r.data -> 'tags' ->> {found.put(what.removeprefix('tag.'), 'text')}"

"""The search language: what is read, what is refused and where, and that a query survives being written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avalon.errors import BadQuery
from avalon.search import (
    ISSUES,
    MAX_LENGTH,
    MAX_TERMS,
    REPORTS,
    Age,
    Comparison,
    Match,
    Pattern,
    Period,
    Query,
    Words,
    issue_conditions,
    parse,
    report_conditions,
    to_text,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def match(key: str, *values: str, **more: Any) -> Match:
    return Match(key, tuple(Pattern(tuple(value.split("*"))) for value in values), **more)


READ = {
    "": (),
    "   ": (),
    "is:unresolved": (match("is", "unresolved"),),
    "IS:Unresolved": (match("is", "unresolved"),),
    "level:warn": (match("level", "warning"),),
    "level:[error, fatal]": (match("level", "error", "fatal"),),
    "level:[error,error]": (match("level", "error"),),
    "env:prod": (match("environment", "prod"),),
    "release:1.4.*": (match("release", "1.4.*"),),
    r"release:1.4.\*": (Match("release", (Pattern(("1.4.*",)),)),),
    'service:"my service"': (match("service", "my service"),),
    'service:"a \\" quote"': (match("service", 'a " quote'),),
    "service:back\\slash": (match("service", "back\\slash"),),
    "type:<lambda>": (match("type", "<lambda>"),),
    "user:42": (match("user", "42"),),
    "user:ann+x@example.com": (match("user", "ann+x@example.com"),),
    "service:a:b": (match("service", "a:b"),),
    'tag.url:"http://x:80/a b"': (match("tag", "http://x:80/a b", name="url"),),
    "tag.browser:*": (match("tag", "*", name="browser"),),
    "-tag.browser:[a*, b]": (match("tag", "a*", "b", name="browser", is_negated=True),),
    "日本語": (Words("日本語", is_prefix=True),),
    'say \\"hi': (Words("say", is_prefix=True), Words('"hi', is_prefix=True)),
    '"say \\"hi\\""': (Words('say "hi"', is_prefix=False),),
    "tag.browser:firefox": (match("tag", "firefox", name="browser"),),
    'tag."my tag":x': (match("tag", "x", name="my tag"),),
    "TAG.Browser.Name:x": (match("tag", "x", name="Browser.Name"),),
    "has:tag.Browser": (match("has", "tag.Browser"),),
    "has:env": (match("has", "environment"),),
    "assigned:me": (match("assigned", "me"),),
    "events:>100": (Comparison("events", ">", 100),),
    "users:>=10": (Comparison("users", ">=", 10),),
    "users:7": (Comparison("users", "=", 7),),
    "last:<1h": (Comparison("last", "<", Age(1, "h")),),
    "last:30m": (Comparison("last", "<", Age(30, "m")),),
    "first:>2026-11-01": (Comparison("first", ">", Period(datetime(2026, 11, 1, tzinfo=UTC), "day")),),
    "first:<=2026-11-01T14:00+02:00": (
        Comparison("first", "<=", Period(datetime(2026, 11, 1, 12, tzinfo=UTC), "minute")),
    ),
    'first:<"2026-11-01 14:00:05"': (
        Comparison("first", "<", Period(datetime(2026, 11, 1, 14, 0, 5, tzinfo=UTC), "second")),
    ),
    "timeout": (Words("timeout", is_prefix=True),),
    "time*": (Words("time", is_prefix=True),),
    '"connection refused"': (Words("connection refused", is_prefix=False),),
    '"connection refu*"': (Words("connection refu", is_prefix=True),),
    "-timeout": (Words("timeout", is_prefix=True, is_negated=True),),
    '-"a b"': (Words("a b", is_prefix=False, is_negated=True),),
    "-is:resolved": (match("is", "resolved", is_negated=True),),
    "std::vector": (Words("std::vector", is_prefix=True),),
    "12:30": (Words("12:30", is_prefix=True),),
    "/api/users/42": (Words("/api/users/42", is_prefix=True),),
    "java.lang.String": (Words("java.lang.String", is_prefix=True),),
    '"OR" or oR': (Words("OR", is_prefix=False), *(Words(text, is_prefix=True) for text in ("or", "oR"))),
    'ORDER "AND*" OR* "!x"': (
        *(Words(text, is_prefix=True) for text in ("ORDER", "AND", "OR")),
        Words("!x", is_prefix=False),
    ),
    "tag.joined:OR level:[error]": (match("tag", "OR", name="joined"), match("level", "error")),
    "100%": (Words("100%", is_prefix=True),),
    "is:new  a\tb": (match("is", "new"), Words("a", is_prefix=True), Words("b", is_prefix=True)),
}


@pytest.mark.parametrize("text", READ, ids=lambda text: text or "empty")
def test_a_query_is_read(text: str) -> None:
    assert parse(text, ISSUES) == READ[text] == parse(to_text(READ[text]), ISSUES)


def test_the_example_of_the_contract_is_read() -> None:
    text = (
        "is:unresolved level:error service:api env:prod release:1.4.* user:42 tag.browser:firefox"
        ' first:>2026-11-01 last:<1h assigned:me "free text" -negated'
    )
    assert len(parse(text, ISSUES)) == 12


REFUSED = {
    "is:rsolved": (4, "did you mean `resolved`?"),
    "is:purple": (4, "one of unresolved, resolved, ignored, muted, new,"),
    "is:": (3, "is:unresolved is how `is` is used"),
    "is: new": (4, "is:unresolved is how `is` is used"),
    "a levl:error": (3, "did you mean `level`?"),
    "colour:red": (1, "there are assigned, "),
    "http://x": (1, "quote it"),
    "tags:x": (1, "no key `tags`; did you mean `tag`? To find the text, quote it"),
    "level:error OR level:fatal": (13, "one of several values is `[a, b]`; to find the word `OR`, quote it"),
    "is:new AND boom": (8, "all terms hold anyway"),
    "NOT boom": (1, "a minus before a term is its contrary: `-level:error`"),
    "!level:error": (1, "a minus before a term is its contrary: `-level:error`; to find the text"),
    "boom -!level:error": (7, "a minus before a term"),
    "TypeError: x": (1, "no key `TypeError`"),
    "level:[error": (7, "this bracket is never closed"),
    "level:[error fatal]": (14, "a comma or a closing bracket"),
    "level:[]": (8, "a value is expected here"),
    "level:[error,]": (14, "a value is expected here"),
    "level:[error]x": (14, "a blank is expected here"),
    "level:loud": (7, "one of debug, info, "),
    "level:err*": (7, "takes no `*`"),
    'a "b': (3, "this quote is never closed"),
    '"a"b': (4, "a blank is expected here"),
    'service:""': (9, "a value is expected here"),
    "events:>many": (9, "a number is expected here"),
    "events:-1": (8, "a number is expected here"),
    "events:[1,2]": (8, "a number is expected here"),
    "last:<1y": (7, "an age like 30m"),
    "first:>2026-13-01": (8, "a time like"),
    "first:>1999-01-01": (8, "a time like"),
    "first:>2026-11-01T25:00": (8, "a time like"),
    "tag:x": (1, "a tag has a name"),
    "level.x:error": (1, "tag.level.x:"),
    "has:tag.": (5, "tag.browser"),
    "has:relase": (5, "did you mean `release`?"),
    "user:4*": (6, "takes no `*`"),
    "a - b": (3, "nothing follows this minus"),
    "-": (1, "nothing follows this minus"),
    '"..."': (1, "needs a letter or a digit"),
    "a \0": (3, "no text can hold"),
    "a\ud800": (2, "no text can hold"),
    "x" * (MAX_LENGTH + 1): (MAX_LENGTH + 1, f"at most {MAX_LENGTH} characters"),
    "x " * (MAX_TERMS + 1): (2 * MAX_TERMS + 1, f"at most {MAX_TERMS} terms"),
}


@pytest.mark.parametrize("text", REFUSED, ids=[ascii(text)[:30] for text in REFUSED])
def test_what_can_not_be_read_is_refused_at_its_column(text: str) -> None:
    column, words = REFUSED[text]
    with pytest.raises(BadQuery) as refused:
        parse(text, ISSUES)
    assert words in refused.value.message
    assert refused.value.message.startswith(f"q: column {column}: ")
    assert refused.value.column == column


def test_single_reports_have_fewer_keys() -> None:
    assert parse("level:error tag.a:b user:1 type:X text", REPORTS)
    for text in ("is:new", "events:>1", "first:>1h", "assigned:me"):
        with pytest.raises(BadQuery, match="no key"):
            parse(text, REPORTS)


ALPHABET = st.one_of(
    st.sampled_from(
        [
            *(
                "is:",
                "level:",
                "tag.",
                "tag.a:",
                'tag."',
                "has:",
                "first:",
                "last:",
                "events:",
                "users:",
                "user:",
            ),
            *(
                "new",
                "error",
                "1h",
                ">",
                "<",
                ">=",
                "=",
                "-",
                '"',
                "*",
                "\\",
                "[",
                "]",
                ",",
                " ",
                ":",
                "::",
                ".",
            ),
            *("2026-11-01", "T10:00", "Z", "+02:00", "7", "9999w", "\0", "\ud800", "é", "٣", "ſ", "\u2028"),
        ]
    ),
    st.text(max_size=5),
)
TEXTS = st.lists(ALPHABET, max_size=25).map("".join)


@settings(max_examples=1_500, deadline=None)
@given(text=TEXTS)
def test_any_text_is_a_query_or_an_error_with_a_column_in_it(text: str) -> None:
    for keys in (ISSUES, REPORTS):
        try:
            query = parse(text, keys)
        except BadQuery as refused:
            assert 1 <= refused.column <= len(text)
        else:
            assert parse(to_text(query), keys) == query


PATTERNS = (
    st.lists(st.text('ab "*\\[],:<>=-é', max_size=4), min_size=1, max_size=4)
    .map(lambda p: [p[0], *[one for one in p[1:-1] if one], *p[1:][-1:]])
    .filter(lambda p: p != [""])
    .map(lambda p: Pattern(tuple(p)))
)
SEVERAL = st.lists(PATTERNS, min_size=1, max_size=3, unique=True).map(tuple)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
PERIODS = st.one_of(
    TIMES.map(lambda at: Period(at.replace(hour=0, minute=0, second=0, microsecond=0), "day")),
    TIMES.map(lambda at: Period(at.replace(second=0, microsecond=0), "minute")),
    TIMES.map(lambda at: Period(at.replace(microsecond=0), "second")),
    TIMES.map(lambda at: Period(at, "microsecond")),
)
OPERATORS = st.sampled_from(["=", "<", "<=", ">", ">="])
TERMS = st.one_of(
    st.builds(
        Words,
        st.text('aZ0 "*\\[],:-.é', min_size=1, max_size=8).map("x".__add__),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(Match, st.sampled_from(["service", "release", "type"]), SEVERAL, st.none(), st.booleans()),
    st.builds(Match, st.just("tag"), SEVERAL, st.text('a b"\\*:.', min_size=1, max_size=6), st.booleans()),
    st.builds(
        Comparison, st.sampled_from(["events", "users"]), OPERATORS, st.integers(0, 10**15 - 1), st.booleans()
    ),
    st.builds(Comparison, st.just("first"), OPERATORS, PERIODS, st.booleans()),
    st.builds(
        Comparison,
        st.just("last"),
        OPERATORS.filter(lambda one: one != "="),
        st.builds(Age, st.integers(0, 9999), st.sampled_from("mhdw")),
        st.booleans(),
    ),
)


@settings(max_examples=1_000, deadline=None)
@given(query=st.lists(TERMS, max_size=6).map(tuple))
def test_a_query_that_was_written_is_read_as_the_same(query: Query) -> None:
    text = to_text(query)
    if len(text) <= MAX_LENGTH:
        assert parse(text, ISSUES) == query


def conditions(text: str) -> Any:
    return issue_conditions(parse(text, ISSUES), now=NOW, user=UUID(int=42))


def test_what_people_write_becomes_a_parameter_and_never_sql() -> None:
    evil = "x'); DROP TABLE log.event; --"
    for text in (
        f'service:"{evil}"',
        f'tag."{evil}":"{evil}*"',
        f'"{evil}"',
        f'user:"{evil}"',
        f'assigned:"{evil}"',
    ):
        found = conditions(text)
        assert "DROP" not in "".join(found.own + found.others)
        assert found.params
    found = report_conditions(parse(f'tag."{evil}":x "{evil}" user:"{evil}"', REPORTS))
    assert "DROP" not in "".join(found.own + found.others)


@pytest.mark.parametrize(
    ("text", "sql", "at"),
    [
        ("last:<1h", "i.last_seen > ", NOW - timedelta(hours=1)),
        ("last:>7d", "i.last_seen < ", NOW - timedelta(days=7)),
        ("first:>2026-11-01", "i.first_seen >= ", datetime(2026, 11, 2, tzinfo=UTC)),
        ("first:>=2026-11-01", "i.first_seen >= ", datetime(2026, 11, 1, tzinfo=UTC)),
        ("first:<2026-11-01", "i.first_seen < ", datetime(2026, 11, 1, tzinfo=UTC)),
        ("first:<=2026-11-01", "i.first_seen < ", datetime(2026, 11, 2, tzinfo=UTC)),
    ],
)
def test_an_age_looks_back_and_a_date_is_a_whole_day(text: str, sql: str, at: datetime) -> None:
    found = conditions(text)
    assert found.own == [f"({sql}%(q0)s::timestamptz)"]
    assert found.params == {"q0": at}


def test_only_what_looks_elsewhere_is_kept_apart() -> None:
    assert len(conditions("is:new level:error service:a type:b first:>1h events:>1 assigned:me").own) == 7
    assert len(conditions("env:a release:1* tag.x:y user:1 has:tag.x word").others) == 6

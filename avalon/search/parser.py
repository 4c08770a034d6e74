"""From the text of a query to its terms.

Everything is checked here, so that a query that was read can be run: keys, choices, numbers, times. Length
and number of terms are bounded. Whatever the text is, the outcome is a query or a `BadQuery`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Final

from avalon.search.keys import ALIASES, HAVABLE, LEVEL_ALIASES, Key, Keys
from avalon.search.operands import take_comparison
from avalon.search.query import OPERATORS, Match, Pattern, Query, Term, Words
from avalon.search.scanner import Scanner, Value

MAX_LENGTH: Final = 500
MAX_TERMS: Final = 30
# What Postgres can't store: NUL, and halves of a pair.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def parse(text: str, keys: Keys) -> Query:
    """The terms of a query over these keys; raises BadQuery. No terms: everything is wanted."""
    scanner = Scanner(text)
    if len(text) > MAX_LENGTH:
        scanner.fail(MAX_LENGTH + 1, f"a query has at most {MAX_LENGTH} characters")
    if found := _UNSTORABLE.search(text):
        scanner.fail(found.start() + 1, "a character that no text can hold")
    terms: list[Term] = []
    while scanner.skip_blanks():
        if len(terms) == MAX_TERMS:
            scanner.fail(scanner.column, f"a query has at most {MAX_TERMS} terms")
        terms.append(_take_term(scanner, keys))
        if not scanner.is_blank:
            scanner.fail(scanner.column, "a blank is expected here")
    return tuple(terms)


def _take_term(scanner: Scanner, keys: Keys) -> Term:
    is_negated = bool(scanner.take("-"))
    if scanner.is_blank:
        scanner.fail(scanner.column - 1, "nothing follows this minus; a lone one belongs in quotes")
    column = scanner.column
    named = scanner.take_key()
    if named is None:
        return _words(scanner, scanner.take_value(), is_negated)
    key = _find_key(scanner, keys, *named, column)
    if scanner.is_blank:
        scanner.fail(scanner.column, f"{key.example} is how `{key.name}` is used; to find the text, quote it")
    if key.kind in ("time", "number"):
        return take_comparison(scanner, key, is_negated)
    values = [_check(scanner, key, value) for value in _take_values(scanner)]
    return Match(key.name, tuple(dict.fromkeys(values)), named[1], is_negated)


def _words(scanner: Scanner, value: Value, is_negated: bool) -> Words:
    pieces = value.pattern.pieces
    has_star = len(pieces) > 1 and not pieces[-1]
    text = "*".join(pieces[:-1] if has_star else pieces)
    if not value.is_quoted and text.startswith("!"):
        scanner.fail(value.column, f"{OPERATORS['NOT']}; to find the text, quote it")
    if not value.is_quoted and not has_star and text in OPERATORS:
        scanner.fail(value.column, f"{OPERATORS[text]}; to find the word `{text}`, quote it")
    if not any(letter.isalnum() for letter in text):
        scanner.fail(value.column, "a text to find needs a letter or a digit")
    return Words(text, has_star or not value.is_quoted, is_negated)


def _find_key(scanner: Scanner, keys: Keys, name: str, tag: str | None, column: int) -> Key:
    """The key of this name; `tag` stands behind a dot, which only the key `tag` has, and always."""
    lowered = ALIASES.get(name.lower(), name.lower())
    key = keys.get(lowered)
    if key is None:
        known = [*keys, *ALIASES]
        hint = _hint(lowered, known) or f"; there are {', '.join(sorted(known))}."
        scanner.fail(column, f"no key `{name}`{hint} To find the text, quote it")
    if key.kind == "tag" and not tag:
        scanner.fail(column, f"a tag has a name: {key.example}")
    if key.kind != "tag" and tag is not None:
        scanner.fail(column, f"`{name}.` is no key; a tag is found by tag.{name}.{tag}:")
    return key


def _take_values(scanner: Scanner) -> list[Value]:
    """One value, or several in brackets."""
    opened = scanner.column
    if not scanner.take("["):
        return [scanner.take_value()]
    values = []
    while True:
        if not scanner.skip_blanks():
            scanner.fail(opened, "this bracket is never closed")
        values.append(scanner.take_value(ends=",]"))
        if not scanner.skip_blanks():
            scanner.fail(opened, "this bracket is never closed")
        if scanner.take("]"):
            return values
        if not scanner.take(","):
            scanner.fail(scanner.column, "a comma or a closing bracket is expected here")


def _check(scanner: Scanner, key: Key, value: Value) -> Pattern:
    """The value, where this key takes it."""
    pattern = value.pattern
    if pattern.pieces == ("",):
        scanner.fail(value.column, f"a value is expected here, as in {key.example}")
    if key.kind in ("text", "tag"):
        return pattern
    literal = pattern.literal
    if literal is None:
        scanner.fail(value.column, f"`{key.name}` takes no `*`; `\\*` is a star")
    if key.kind == "choice":
        lowered = LEVEL_ALIASES.get(literal.lower(), literal.lower())
        if lowered not in key.choices:
            hint = _hint(lowered, key.choices) or f"; one of {', '.join(key.choices)}"
            scanner.fail(value.column, f"`{literal}` is nothing that `{key.name}` knows{hint}")
        return Pattern((lowered,))
    return Pattern((_havable(scanner, value.column, literal),)) if key.kind == "has" else pattern


def _havable(scanner: Scanner, column: int, literal: str) -> str:
    name = ALIASES.get(literal.lower(), literal.lower())
    if name in HAVABLE:
        return name
    if name.startswith("tag.") and len(name) > len("tag."):
        return "tag." + literal[len("tag.") :]
    hint = _hint(name, HAVABLE) or f"; one of {', '.join(HAVABLE)}, or tag.browser for a tag"
    scanner.fail(column, f"`{literal}` is nothing that `has` knows{hint}")


def _hint(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""

"""Patterns of types, as the types that they fit: these an index finds in order, a pattern it does not."""

from __future__ import annotations

from typing import Final

from avalon.database import Database
from avalon.search import Match, Pattern, Query, Term
from avalon.search.conditions import like
from avalon.statements import load

sql = load("issue_types")

# A program raises some hundred types; where there are more, or too many fit, the pattern stays one.
LOOKED_AT: Final = 2_000
FITTING: Final = 100


async def name_types(database: Database, query: Query) -> Query:
    """The query with types in place of patterns of them."""
    return tuple([await _named(database, term) for term in query])


async def _named(database: Database, term: Term) -> Term:
    if not (isinstance(term, Match) and term.key == "type" and not term.is_negated):
        return term
    types: set[str] = set()
    for value in term.values:
        found = await _fitting(database, value)
        if found is None:
            return term
        types |= found
    return Match(term.key, tuple(Pattern((type_,)) for type_ in sorted(types)))


async def _fitting(database: Database, value: Pattern) -> set[str] | None:
    """The types; None where they are not all known, or too many."""
    if value.literal is not None:
        return {value.literal}
    params = {"prefix": value.pieces[0], "pattern": like(value), "looked_at": LOOKED_AT}
    (row,) = await database.fetch_dicts(sql.fitting, params)
    return set(row["types"]) if row["is_all"] and len(row["types"]) <= FITTING else None

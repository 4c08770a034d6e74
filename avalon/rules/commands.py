"""Creating, changing and deleting rules: one fact each. A rule stays with its sink, and goes with it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.database import Database, RawJson
from avalon.errors import BadInput, Conflict, NotFound
from avalon.events import Fact, RuleChanged, RuleCreated, RuleDeleted, uuid7
from avalon.rules.definition import Definition, check, check_name
from avalon.statements import load

sql = load("rules")

# The saved state of a sink remembers each rule's pace of each issue.
MAX_RULES: Final = 50

_encode = msgspec.json.Encoder().encode


class _Stored(msgspec.Struct):
    sink: UUID
    definition: dict[str, Any]


async def create_rule(
    database: Database, *, sink: UUID, name: str, definition: Definition, actor: str
) -> UUID:
    """Makes a rule that looks at what is reported from now on. Raises BadInput, NotFound, Conflict."""
    check(definition)
    counted = await database.fetch_value(sql.count, {"sink": sink})
    if counted is None:
        raise NotFound("there is no such sink")
    if counted >= MAX_RULES:
        raise Conflict(f"a sink has at most {MAX_RULES} rules")
    rule = uuid7()
    fact = RuleCreated(sink=sink, name=check_name(name), definition=msgspec.to_builtins(definition))
    await _append(database, sql.create, rule, fact, actor)
    return rule


async def change_rule(
    database: Database,
    rule: UUID,
    *,
    actor: str,
    name: str | None = None,
    is_active: bool | None = None,
    changes: dict[str, Any],
) -> None:
    """Changes what is given; `changes` are fields of the definition. Raises BadInput, NotFound."""
    stored = await _find(database, rule)
    fact = RuleChanged(sink=stored.sink)
    if name is not None:
        fact.name = check_name(name)
    if is_active is not None:
        fact.is_active = is_active
    if changes:
        check(_converted(stored.definition | changes))
        fact.definition = changes
    if not await _append(database, sql.append, rule, fact, actor):
        raise NotFound("there is no such rule")


async def delete_rule(database: Database, rule: UUID, *, actor: str) -> None:
    """Deletes the rule; what it did stays in the log. Raises NotFound."""
    stored = await _find(database, rule)
    if not await _append(database, sql.append, rule, RuleDeleted(sink=stored.sink), actor):
        raise NotFound("there is no such rule")


def _converted(fields: dict[str, Any]) -> Definition:
    try:
        return msgspec.convert(fields, Definition)
    except msgspec.ValidationError as error:
        raise BadInput(str(error)) from None


async def _find(database: Database, rule: UUID) -> _Stored:
    found = await database.fetch_one(sql.find, {"rule": rule}, row=_Stored)
    if found is None:
        raise NotFound("there is no such rule")
    return found


async def _append(database: Database, statement: Any, rule: UUID, fact: Fact, actor: str) -> int:
    params = {"rule": rule, "id": uuid7(), "type": fact.TYPE, "actor": actor, "data": RawJson(_encode(fact))}
    return await database.execute(statement, params)

"""Carries a change of the grouping out, as one action that can be undone, and ends rules.

In parts of some hundred groups, each a transaction; the rule comes with the last one, when the groups that
reports will have are bound to the issues of their old ones. What was reported while it went through the feed
is looked at again. Where the process dies in between, sending the same again does the rest; once the rule is
there, the grouping's version instead of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

import msgspec

from avalon.database import Database, RawJson
from avalon.errors import Conflict, NotFound, TooManyRequests
from avalon.events import GroupingRuleCreated, uuid7
from avalon.grouping import Rule
from avalon.issues.chunks import CHUNK, chunks
from avalon.issues.commands import Done, partly, refusals
from avalon.regrouping.plan import Owner, Plan, Step, make_plan
from avalon.regrouping.preview import Preview, show
from avalon.regrouping.reading import Books, Change, Found, look, look_behind, read_owners
from avalon.regrouping.rule_book import read_book, sql

MAX_RULES: Final = 100
# By then every replica groups by a new rule: the hub's FRESH_S, and what was on its way.
SETTLE_S: Final = 1.5

_encode = msgspec.json.Encoder().encode


class Applied(msgspec.Struct):
    """What was done: the action's id, by which it is undone, and how many issues and groups went elsewhere.

    `is_complete` is false where only the newest reports were looked at.
    """

    action: UUID
    rule: UUID | None
    issues: int = 0
    groups: int = 0
    reports: int = 0
    is_complete: bool = True


class Regrouping:
    """Changes of the grouping in one replica: one is looked at, and one is carried out, at a time."""

    def __init__(self, database: Database, *, settle_s: float = SETTLE_S) -> None:
        self._database = database
        self._settle_s = settle_s
        self._looking = asyncio.Lock()
        self._applying = asyncio.Lock()

    async def preview(self, change: Change) -> Preview:
        """What a change would do; raises BadInput, and TooManyRequests while another is looked at."""
        change = change.checked()
        async with _alone(self._looking, "another preview of the grouping is being made"):
            found, owners, plan, _ = await self._plan(change)
            return await show(self._database, found, owners, plan, has_rule=change.rule is not None)

    async def apply(self, change: Change, actor: str) -> Applied:
        """Does what the preview says; raises as it does, and Conflict."""
        change = change.checked()
        async with _alone(self._applying, "another change of the grouping is being applied"):
            found, _, plan, books = await self._plan(change)
            if change.rule is not None and len(books.after) > MAX_RULES:
                raise Conflict(f"there are {MAX_RULES} rules already")
            done = Applied(
                uuid7(), change.rule.id if change.rule else None, 0, 0, found.reports, found.is_complete
            )
            await self._carry_out(plan.steps, change.rule, change.service, actor, done)
            if change.rule is not None:
                await asyncio.sleep(self._settle_s)
                await self._catch_up(change, books, found, {step.issue for step in plan.steps}, actor, done)
            return done

    async def _plan(self, change: Change) -> tuple[Found, dict[UUID, Owner], Plan, Books]:
        books = change.books(await read_book(self._database))
        found = await look(self._database, change, books)
        owners = await read_owners(self._database, found)
        return found, owners, await asyncio.to_thread(make_plan, found.tallies, owners), books

    async def _catch_up(
        self,
        change: Change,
        books: Books,
        before: Found,
        targets: Collection[UUID],
        actor: str,
        done: Applied,
    ) -> None:
        """Brings together what was reported between the look and the moment from which the rule counted.

        Step by step: where an issue was merged or deleted meanwhile, its reports stay where they are.
        """
        # The rule was made before, too.
        async with partly(done.action, done.groups + 1):
            found = await look_behind(self._database, change, books, before.head)
            owners = await read_owners(self._database, found)
            plan = await asyncio.to_thread(make_plan, found.tallies, owners, targets)
            for step in plan.steps:
                with suppress(NotFound, Conflict):
                    await self._carry_out([step], None, None, actor, done)

    async def _carry_out(
        self, steps: list[Step], rule: Rule | None, service: str | None, actor: str, done: Applied
    ) -> None:
        parts = list(_parts(steps)) or ([[]] if rule else [])
        carried = 0
        for number, part in enumerate(parts, 1):
            params: dict[str, Any] = {"plan": RawJson(_encode(part)), "actor": actor, "action": done.action}
            params |= {"rule": None, "service": None, "data": None}
            if rule is not None and number == len(parts):
                params |= {"rule": rule.id, "service": service, "data": RawJson(_data(rule))}
            async with partly(done.action, carried), refusals():
                moved = await self._database.fetch_value(sql.regroup, params)
            done.groups += moved
            carried += moved + sum(len(one["groups"]) for entry in part for one in entry["bound"])
        done.issues += sum(len(step.others) for step in steps)


async def delete_rule(database: Database, rule: UUID, actor: str) -> Done:
    """From now on reports are grouped without the rule; raises NotFound."""
    action = uuid7()
    async with refusals():
        await database.execute(sql.delete_rule, {"id": rule, "actor": actor, "action": action})
    return Done(action, 1)


def _alone(turn: asyncio.Lock, busy: str) -> asyncio.Lock:
    """The turn, where it is nobody's. A preview takes none from whoever applies."""
    if turn.locked():
        raise TooManyRequests(busy, retry_after_s=20.0)
    return turn


def _data(rule: Rule) -> bytes:
    return _encode(
        GroupingRuleCreated(kind=rule.kind, function=rule.function, module=rule.module, pattern=rule.pattern)
    )


def _parts(steps: list[Step]) -> Iterator[list[dict[str, Any]]]:
    """The steps, some hundred ids at a time; what is bound comes before what moves."""
    part: list[dict[str, Any]] = []
    size = 0
    for entry in [*_bindings(steps), *_moves(steps)]:
        count = (
            len(entry["others"]) + len(entry["groups"]) + sum(len(one["groups"]) for one in entry["bound"])
        )
        if part and size + count > CHUNK:
            yield part
            part, size = [], 0
        part.append(entry)
        size += count
    if part:
        yield part


def _bindings(steps: list[Step]) -> Iterator[dict[str, Any]]:
    for step in steps:
        for service, groups in sorted(step.bound.items()):
            for chunk in chunks(groups):
                yield _entry(step, bound=[{"service": service, "groups": chunk}])


def _moves(steps: list[Step]) -> Iterator[dict[str, Any]]:
    for step in steps:
        for chunk in chunks(step.others):
            yield _entry(step, others=chunk)
        for chunk in chunks(step.groups):
            yield _entry(step, groups=chunk)


def _entry(step: Step, **lists: Any) -> dict[str, Any]:
    return {"issue": step.issue, "others": [], "groups": [], "bound": []} | lists

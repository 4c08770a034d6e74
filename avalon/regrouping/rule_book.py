"""The rules of the grouping, as ingest goes by them.

All of them are one entry of a cache, which the feed tells to forget: a rule counts on every replica within a
second. While the feed is not fresh, Postgres is asked each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import replace

from avalon.auth.cache import Cache
from avalon.database import Database
from avalon.events import Event
from avalon.grouping import Rule, RuleKind, RuleSet
from avalon.read_models.rows import Time, fetch
from avalon.statements import load

sql = load("regrouping")

_ALL: Final = "all"


class RuleItem(msgspec.Struct):
    """A rule as lists show it; without a `service` it is for all of them."""

    id: UUID
    service: str | None
    kind: RuleKind
    function: str
    module: str
    pattern: str
    created_at: Time
    created_by: str
    position: int


class Book:
    """The rules of every service, ready to be applied."""

    def __init__(self, rules: Sequence[tuple[str | None, Rule]]) -> None:
        self._rules = rules
        self._of_all = self._compile(None)
        self._own = {service: self._compile(service) for service, _ in rules if service is not None}

    def __len__(self) -> int:
        return len(self._rules)

    def __bool__(self) -> bool:
        return True

    def of(self, service: str) -> RuleSet | None:
        return self._own.get(service, self._of_all)

    def has(self, service: str | None, rule: Rule) -> bool:
        """Whether there is one that says the same."""
        return any(of == service and replace(one, id=rule.id) == rule for of, one in self._rules)

    def with_rule(self, service: str | None, rule: Rule) -> Book:
        """As it would be with one rule more."""
        return Book([*self._rules, (service, rule)])

    def _compile(self, service: str | None) -> RuleSet | None:
        rules = [rule for of, rule in self._rules if of is None or of == service]
        return RuleSet(rules) if rules else None


class RuleBook:
    """Finds the rules of a service, and remembers them until a fact says otherwise."""

    def __init__(self, database: Database, is_fresh: Callable[[], bool]) -> None:
        self._database = database
        self._books: Cache[str, Book] = Cache(is_fresh, 1)

    async def find(self, service: str) -> RuleSet | None:
        """The rules that the service's reports are grouped by, those of all services too; None for none."""
        book = self._books.get(_ALL)
        if book is None:
            begun = self._books.begin()
            book = await read_book(self._database)
            self._books.put(begun, _ALL, book)
        return book.of(service)

    def forget(self, event: Event) -> None:
        """Drops what a fact of the feed has made stale."""
        if event.type.startswith("grouping_rule.") or event.type == "epoch.started":
            self.forget_all()

    def forget_all(self) -> None:
        self._books.clear()


async def list_rules(database: Database) -> list[RuleItem]:
    """All rules, oldest first."""
    return await fetch(database, sql.list_rules, {}, RuleItem)


async def read_book(database: Database) -> Book:
    """The rules as they are now."""
    return Book([(item.service, _rule(item)) for item in await list_rules(database)])


def _rule(item: RuleItem) -> Rule:
    return Rule(id=item.id, kind=item.kind, function=item.function, module=item.module, pattern=item.pattern)

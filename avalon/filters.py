"""What live connections subscribe to, and what a read has to find for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from avalon.errors import BadInput
from avalon.event_store import EVERYTHING, Wanted
from avalon.items import Item

MAX_SERVICE: Final = 100


class Filter(msgspec.Struct, frozen=True):
    """Passes what contradicts none of its fields: so also facts that have no such column."""

    service: str | None = None
    level: str | None = None
    issue: UUID | None = None

    def __post_init__(self) -> None:
        # Postgres refuses a read that looks for NUL, and the hub's one read is for everybody.
        if self.service is not None and (len(self.service) > MAX_SERVICE or "\0" in self.service):
            raise BadInput(f"at most {MAX_SERVICE} characters, and no NUL", field="service")

    def passes(self, item: Item) -> bool:
        return (
            (self.service is None or item.service is None or item.service == self.service)
            and (self.level is None or item.level is None or item.level == self.level)
            and (self.issue is None or item.issue is None or item.issue == self.issue)
        )


def union(filters: Iterable[Filter]) -> Wanted:
    """A read that finds the reports of all of these, by the narrowest field of each."""
    services: set[str] = set()
    levels: set[str] = set()
    issues: set[UUID] = set()
    for one in filters:
        if one.issue is not None:
            issues.add(one.issue)
        elif one.service is not None:
            services.add(one.service)
        elif one.level is not None:
            levels.add(one.level)
        else:
            return EVERYTHING
    return Wanted(services=tuple(services), levels=tuple(levels), issues=tuple(issues))

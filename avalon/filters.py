"""What live connections subscribe to, and what a read has to find for them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

import msgspec

from avalon.event_store import EVERYTHING, Wanted
from avalon.items import Item


class Filter(msgspec.Struct, frozen=True):
    """Passes what contradicts none of its fields: so also facts that have no such column."""

    service: str | None = None
    level: str | None = None
    issue: UUID | None = None

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

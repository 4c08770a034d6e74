"""Counts the items of envelopes by what became of them.

Those that were not taken count for their key (`avalon.drops`), too, under the category that SDKs have for
them; and what an SDK says that it dropped by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from avalon.auth import ApiKey
from avalon.protocols.sentry.client_report import Discarded
from avalon.protocols.sentry.items import BROKEN, CATEGORIES, KEPT, OTHER, PASSED_OVER, TAKEN, UNREADABLE
from avalon.routes.dependencies import Services
from avalon.telemetry import SENTRY_ITEMS

_KNOWN: Final = KEPT | PASSED_OVER | {UNREADABLE}


def count_items(services: Services, key: ApiKey, items: Mapping[tuple[str, str], int]) -> None:
    """Counts what became of items, by their type and that."""
    for (type_, outcome), number in items.items():
        if outcome != TAKEN:
            category = CATEGORIES.get(type_, type_)
            services.drops.add(key, by="avalon", reason=outcome, category=category, quantity=number)
            outcome = BROKEN if outcome == BROKEN else "dropped"
        SENTRY_ITEMS.labels(type_ if type_ in _KNOWN else OTHER, outcome).inc(number)


def count_discarded(services: Services, key: ApiKey, rows: Iterable[Discarded]) -> None:
    """Counts what an SDK dropped."""
    for row in rows:
        services.drops.add(key, by="sdk", reason=row.reason, category=row.category, quantity=row.quantity)

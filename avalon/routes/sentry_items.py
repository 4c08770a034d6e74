"""Counts what became of what Sentry's SDKs send, for who runs the service and for whose key it was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from avalon.auth import ApiKey
from avalon.protocols.sentry.items import BROKEN, CATEGORIES, KEPT, OTHER, PASSED_OVER, TAKEN, UNREADABLE
from avalon.routes.dependencies import Services
from avalon.telemetry import SENTRY_ITEMS

_KNOWN: Final = KEPT | PASSED_OVER | {UNREADABLE}


def count_items(services: Services, key: ApiKey, items: Mapping[tuple[str, str], int]) -> None:
    """Counts items by their type and by what became of them."""
    for (type_, outcome), number in items.items():
        if outcome != TAKEN:
            category = CATEGORIES.get(type_, type_)
            services.drops.add(key, by="avalon", reason=outcome, category=category, quantity=number)
            outcome = BROKEN if outcome == BROKEN else "dropped"
        SENTRY_ITEMS.labels(type_ if type_ in _KNOWN else OTHER, outcome).inc(number)

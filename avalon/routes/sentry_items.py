"""The items of an envelope beside its events: feedback, client reports, and what we have no use for.

Whatever is not taken is counted by its key (`avalon.drops`), under the category that SDKs have for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from avalon.auth import ApiKey
from avalon.errors import BadInput
from avalon.protocols.sentry.client_report import read_client_report
from avalon.protocols.sentry.feedback import Sent, decode_feedback, decode_user_report
from avalon.protocols.sentry.items import BROKEN, KEPT, OTHER, PASSED_OVER, TAKEN, UNREADABLE, Item
from avalon.routes.dependencies import Services
from avalon.routes.ingest_feedback import store_feedback
from avalon.telemetry import SENTRY_ITEMS

# Of one envelope; an SDK sends one a minute or so.
MAX_CLIENT_REPORTS: Final = 10
# https://develop.sentry.dev/sdk/expected-features/rate-limiting/, "Definitions"
_CATEGORIES: Final = {
    "event": "error",
    "check_in": "monitor",
    "log": "log_item",
    "metric_buckets": "metric_bucket",
    "otel_log": "log_item",
    "raw_security": "security",
    "replay_event": "replay",
    "replay_recording": "replay",
    "replay_video": "replay",
    "sessions": "session",
    "statsd": "metric_bucket",
    "user_report": "feedback",
}
_DECODERS: Final = {"feedback": decode_feedback, "user_report": decode_user_report}
_KNOWN: Final = KEPT | PASSED_OVER | {UNREADABLE}


async def take_items(services: Services, key: ApiKey, items: Sequence[Item]) -> list[UUID]:
    """Takes all but events, after those were stored: the ids of feedback. Raises as `store_feedback`."""
    feedback: list[Sent] = []
    reports = 0
    for item in items:
        if item.type in _DECODERS:
            feedback += _decode(services, key, item)
        elif (reports := reports + 1) <= MAX_CLIENT_REPORTS:
            _count_client_report(services, key, item)
    return await store_feedback(services, key, feedback)


def count_items(services: Services, key: ApiKey, items: Mapping[tuple[str, str], int]) -> None:
    """Counts what became of items, by their type and that."""
    for (type_, outcome), number in items.items():
        if outcome != TAKEN:
            category = _CATEGORIES.get(type_, type_)
            services.drops.add(key, by="avalon", reason=outcome, category=category, quantity=number)
            outcome = BROKEN if outcome == BROKEN else "dropped"
        SENTRY_ITEMS.labels(type_ if type_ in _KNOWN else OTHER, outcome).inc(number)


def _decode(services: Services, key: ApiKey, item: Item) -> list[Sent]:
    try:
        sent = _DECODERS[item.type](item.payload)
    except BadInput:
        count_items(services, key, {(item.type, BROKEN): 1})
        return []
    count_items(services, key, {(item.type, TAKEN): 1})
    return [sent]


def _count_client_report(services: Services, key: ApiKey, item: Item) -> None:
    try:
        rows = read_client_report(item.payload)
    except BadInput:
        count_items(services, key, {(item.type, BROKEN): 1})
        return
    count_items(services, key, {(item.type, TAKEN): 1})
    for row in rows:
        services.drops.add(key, by="sdk", reason=row.reason, category=row.category, quantity=row.quantity)

"""What an SDK says that it dropped: https://develop.sentry.dev/sdk/telemetry/client-reports/"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from avalon.protocols.sentry.values import as_number, as_object, as_text, objects_of
from avalon.reports.untrusted import parse_json

# What an SDK dropped by itself, and what relays on the way report in the same item.
_LISTS: Final = {
    "discarded_events": "",
    "rate_limited_events": "rate_limited",
    "filtered_events": "filtered",
    "filtered_sampling_events": "sampled",
}
MAX_ROWS: Final = 200
_MAX_DEPTH: Final = 10


class Discarded(NamedTuple):
    """So much of a category, and why."""

    reason: str
    category: str
    quantity: int


def read_client_report(body: bytes) -> list[Discarded]:
    """The rows that can be read; of those of a relay, where no reason stands, the list's name is it.

    Raises BadInput where it is no JSON.
    """
    report = as_object(parse_json(body, _MAX_DEPTH))
    rows = (row for name, reason in _LISTS.items() for row in _rows(report.get(name), reason))
    return list(islice(rows, MAX_ROWS))


def _rows(values: object, without_reason: str) -> Iterator[Discarded]:
    for row in objects_of(values):
        quantity = as_number(row.get("quantity"))
        if quantity is not None and quantity > 0:
            reason = as_text(row.get("reason")) or without_reason
            yield Discarded(reason, as_text(row.get("category")), quantity)

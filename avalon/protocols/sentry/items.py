"""The items of an envelope by their types: those that somebody reads, and those that are only counted."""

from __future__ import annotations

from typing import Final

import msgspec

from avalon.protocols.sentry.values import Object

KEPT: Final = frozenset(("event", "raw_security", "user_report", "feedback", "client_report"))
PASSED_OVER: Final = frozenset(
    (
        *("attachment", "check_in", "log", "metric_buckets", "otel_log", "profile", "profile_chunk"),
        *("replay_event", "replay_recording", "replay_video", "session", "sessions", "span", "statsd"),
        *("trace_metric", "transaction"),
    )
)
# What is no item at all, and types beyond so many different ones of an envelope.
UNREADABLE, OTHER = "unreadable", "other"
MAX_TYPES: Final = 50
MAX_TYPE: Final = 40
# What became of an item: it was taken, or it was dropped, for a reason.
TAKEN = "taken"
BROKEN, NOT_SUPPORTED, TOO_LARGE, TOO_MANY = "broken", "not_supported", "too_large", "too_many_items"


# What SDKs call them where they count what was dropped: the categories of
# https://develop.sentry.dev/sdk/expected-features/rate-limiting/, "Definitions"
CATEGORIES: Final = {
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


class Item(msgspec.Struct, frozen=True):
    """An item of one of the types in KEPT."""

    type: str
    header: Object
    payload: bytes

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
# A type that we don't know, and what is no item at all.
OTHER, UNREADABLE = "other", "unreadable"


class Item(msgspec.Struct, frozen=True):
    """An item of one of the types in KEPT."""

    type: str
    header: Object
    payload: bytes

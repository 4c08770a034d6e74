"""Everything that the service can log or count: a closed set, so that nothing is logged in prose.

A log line is one JSON object on standard output: `time level action` and the fact's own fields. Never a
secret, never a payload. Metrics have bounded label sets.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec
from prometheus_client import Counter, Gauge, Histogram

Level = Literal["info", "warning", "error"]


class Action(StrEnum):
    """What can be said in the log."""

    SERVICE_STARTED = "service_started"
    SERVICE_STOPPED = "service_stopped"
    WORKER_DIED = "worker_died"
    REQUEST = "request"
    UNHANDLED = "unhandled_error"
    MIGRATION_APPLIED = "migration_applied"
    ROUTINES_REPLACED = "routines_replaced"
    ROLE_CREATED = "role_created"
    LOGIN_REFUSED = "login_refused"
    APPEND_FAILED = "append_failed"
    EVENT_REFUSED = "event_refused"
    LISTENER_CONNECTED = "listener_connected"
    LISTENER_LOST = "listener_lost"
    LISTENER_DEAF = "listener_deaf"
    EPOCH_STARTED = "epoch_started"
    FEED_FAILED = "feed_failed"
    HUB_LAGGED = "hub_lagged"
    LEASE_TAKEN = "lease_taken"
    LEASE_LOST = "lease_lost"
    SINK_FAILED = "sink_failed"
    SINK_SWITCHED_OFF = "sink_switched_off"
    FILE_SINK_PAUSED = "file_sink_paused"
    FILE_SINK_RESUMED = "file_sink_resumed"
    UNMUTE_FAILED = "unmute_failed"
    RETENTION_EXPIRED = "retention_expired"
    RETENTION_FAILED = "retention_failed"
    SOURCE_MAP_UNREADABLE = "source_map_unreadable"
    SOURCE_MAPS_FAILED = "source_maps_failed"


REQUESTS = Counter("avalon_requests_total", "Answers by part of the service", ["part", "status"])
REPORTS = Counter("avalon_reports_total", "Reports by what became of them", ["outcome"])
SENTRY_ITEMS = Counter(
    "avalon_sentry_items_total", "Items of envelopes by what became of them", ["type", "outcome"]
)
RECORDS = Counter(
    "avalon_otlp_records_total", "Records of OpenTelemetry by what became of them", ["signal", "outcome"]
)
APPEND_SECONDS = Histogram("avalon_append_seconds", "One append statement, from send to commit")
APPEND_EVENTS = Histogram(
    "avalon_append_events", "Events in one append", buckets=(1, 5, 10, 25, 50, 100, 250, 500)
)
QUEUE_EVENTS = Gauge("avalon_queue_events", "Reports that wait for the next append")
SOCKETS = Gauge("avalon_sockets", "Open live connections")
LAGGED = Counter("avalon_sockets_lagged_total", "Live connections that were too slow and were told so")
FEED_POSITION = Gauge("avalon_feed_position", "The position up to which this replica has read the log")
SINK_MESSAGES = Counter("avalon_sink_messages_total", "Alert messages by what became of them", ["outcome"])

_encode = msgspec.json.Encoder().encode


def log(action: Action, *, level: Level = "info", **fields: Any) -> None:
    """Writes one line; `fields` are whatever JSON can hold. A line that can't be written is lost.

    It raises nothing: on a full disk, or behind a pipe that nobody reads any more, the loops that log go on.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = _encode({"time": now, "level": level, "action": action.value, **fields})
    with suppress(OSError):
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()

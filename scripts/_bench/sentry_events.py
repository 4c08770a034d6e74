"""Envelopes as sentry-sdk makes them: of a real exception, with source lines, variables and breadcrumbs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

_caught: list[Envelope] = []


class _Catcher(Transport):
    def capture_envelope(self, envelope: Envelope) -> None:
        _caught.append(envelope)


def write_envelopes(file: Path, count: int, kilobytes: float) -> float:
    """Writes so many, gzipped, each with an id of its own; the bytes of one as they are sent, on average.

    The file is of lines `length`, newline, body, newline. The JSON is of about the size that was asked for.
    """
    event = _event_of(int(kilobytes * 1000))
    packed = 0
    with file.open("wb") as out:
        for number in range(count):
            event |= {"event_id": uuid4().hex, "extra": {"order": number}}
            payload = json.dumps(event, separators=(",", ":")).encode()
            header = json.dumps({"event_id": event["event_id"], "sent_at": event["timestamp"]}).encode()
            item = b'{"type":"event","content_type":"application/json","length":%d}' % len(payload)
            body = gzip.compress(b"\n".join((header, item, payload)) + b"\n")
            out.write(b"%d\n%s\n" % (len(body), body))
            packed += len(body)
    return packed / count


def _event_of(size: int) -> dict[str, Any]:
    """The event of the deepest stack that is not larger; of none, where even a stack of one is."""
    options: dict[str, Any] = {"release": "shop@1.2.3", "environment": "production"}
    lean = {"include_source_context": False, "include_local_variables": False}
    event = _event(1, 0, **options, **lean)
    for depth in range(1, 100):
        next_ = _event(depth, min(depth, 30), **options)
        if len(json.dumps(next_)) > size:
            break
        event = next_
    return event


def _event(depth: int, breadcrumbs: int, **options: Any) -> dict[str, Any]:
    _caught.clear()
    sentry_sdk.init("http://public@localhost:4000/1", transport=_Catcher, **options)
    with sentry_sdk.new_scope() as scope:
        scope.set_user({"id": "u-77", "username": "jane"})
        scope.set_tag("tenant", "acme")
        for number in range(breadcrumbs):
            query = f"SELECT id, price FROM orders WHERE customer = {number}"
            scope.add_breadcrumb(category="query", message=query, data={"rows": number, "ms": 12.5})
        try:
            _charge({"id": 5512, "price": 12, "customer": "ACME Ltd"}, depth)
        except ValueError as error:
            scope.capture_exception(error)
    event = _caught[-1].get_event()
    assert event is not None
    return dict(event)


def _charge(order: dict[str, Any], attempts: int) -> int:
    total = order["price"] * attempts
    lines = [{"sku": f"A-{number}", "quantity": number} for number in range(3)]
    if attempts <= 1:
        raise ValueError(f"cannot charge {order['customer']} for {len(lines)} lines and {total}")
    return _charge(order, attempts - 1)

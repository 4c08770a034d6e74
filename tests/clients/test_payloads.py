"""Real payloads of many SDKs go through the real ways in, and come back as they were translated."""

from __future__ import annotations

import gzip
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from avalon.protocols.sentry import decode_event
from avalon.reports import encode_report
from tests.clients.conftest import Served
from tests.protocols.sentry_payloads import FOLDER, read_payloads

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="there is no ../shared/data/sentry_events"),
]


def in_envelope(event: bytes, id: str) -> bytes:
    """As an SDK sends it: two headers and the event, which has no line break in it."""
    return b'{"event_id": "%s"}\n{"type": "event"}\n%s\n' % (id.encode(), event)


@pytest.mark.parametrize("way", ["store", "envelope"])
def test_every_payload_is_taken_and_comes_back(served: Served, way: str) -> None:
    key = served.new_key(way)
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}", "Content-Encoding": "gzip"}

    def differs(name: str, body: bytes) -> str:
        # Some of them share an id, and of one id only the first is stored.
        event = {**json.loads(body), "event_id": uuid.uuid4().hex}
        body = json.dumps(event).encode()
        sent = body if way == "store" else in_envelope(body, event["event_id"])
        answer = served.api.post(f"/api/1/{way}/", content=gzip.compress(sent, 1), headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]}), name
        found = served.api.get(f"/api/errors/{uuid.UUID(event['event_id'])}").json()
        return "" if is_same(body, found) else name

    payloads = read_payloads()
    with ThreadPoolExecutor(8) as pool:
        assert [name for name in pool.map(differs, payloads, payloads.values()) if name] == []
    assert len(payloads) == 94


def is_same(body: bytes, found: dict[str, Any]) -> bool:
    """Whether the API gives what the translation says; jsonb keeps no order of keys.

    Frames of minified scripts say beside it that there is no source map.
    """
    for exception in found["exceptions"]:
        for frame in exception.get("frames", ()):
            frame.pop("source_map", None)
    submission = decode_event(body)
    report = msgspec.structs.replace(submission.report, grouping=None)
    expected = json.loads(encode_report(report))
    told = {name: found[name] for name in expected}
    return (told, found["level"], found["release"], found["environment"]) == (
        expected,
        submission.level,
        submission.release,
        submission.environment,
    )

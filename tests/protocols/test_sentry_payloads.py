"""Real payloads of many SDKs, odd ones among them: their translations stay as they were read by eye."""

from __future__ import annotations

import json

import pytest

from avalon.protocols.sentry import decode_event
from avalon.protocols.submission import to_event
from tests.protocols.sentry_payloads import FOLDER, SNAPSHOT, read_payloads, snapshot, snapshot_of
from tests.protocols.test_avalon_fuzz import check_submission

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="there is no ../shared/data/sentry_events"),
]


def test_all_payloads_can_be_stored() -> None:
    payloads = read_payloads()
    assert len(payloads) == 94
    for body in payloads.values():
        submission = decode_event(body)
        check_submission(submission)
        to_event(submission, "shop", "key:1")


def test_the_translations_are_those_that_were_read() -> None:
    assert snapshot() == SNAPSHOT.read_text().splitlines(), "see tests/protocols/sentry_payloads.py"


def test_a_change_of_anything_that_is_kept_shows() -> None:
    """The control: one character in a frame's variables."""
    name = "bugsink/visualshots-rich"
    body = read_payloads()[name]
    event = json.loads(body)
    frame = event["exception"]["values"][0]["stacktrace"]["frames"][0]
    frame["vars"]["cart_id"] += "x"
    assert snapshot_of(name, json.dumps(event).encode()) != snapshot_of(name, body)

"""The service's log: lines for programs, and no harm where they can't be written."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from avalon.telemetry import Action, log


def test_a_line_is_one_json_object(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    log(Action.SERVICE_STARTED, replica="a\nb")
    (line,) = capsysbinary.readouterr().out.splitlines()
    said = json.loads(line)
    assert said.pop("time").endswith("Z")
    assert said == {"level": "info", "action": "service_started", "replica": "a\nb"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_full_disk_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    has_returned = False
    with pytest.raises(OSError, match="No space left"), Path("/dev/full").open("w") as full:  # at its close
        monkeypatch.setattr(sys, "stdout", full)
        log(Action.SERVICE_STARTED)
        has_returned = True
    assert has_returned

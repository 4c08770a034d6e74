"""The log file's disk is full: reports are taken as fast as before, and the file has them all later."""

from __future__ import annotations

import errno
import json
import os
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from tests.conftest import Server
from tests.faults.ledger import until

REPORTS = 60


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """The disk under the log file; it can be filled."""
    state = {"is_full": False}
    write = os.write

    def write_if_there_is_room(fd: int, text: bytes) -> int:
        if state["is_full"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, text)

    monkeypatch.setattr("avalon.sinks.logfile.os.write", write_if_there_is_room)
    return state


async def report_often(server: Server, name: str) -> float:
    """The median time of a report."""
    times = []
    async with server.client(headers={"X-API-Key": server.key}) as client:
        for number in range(REPORTS):
            begun = perf_counter()
            body = {"error": {"message": f"{name} {number}"}}
            assert (await client.post("/report", json=body)).status_code == 201
            times.append(perf_counter() - begun)
    return median(times)


def written(server: Server) -> list[dict[str, Any]]:
    file = server.settings.log_file
    assert file is not None
    return [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []


async def test_a_full_disk_slows_no_report_and_costs_none(
    server: Server, disk: dict[str, bool], capfd: pytest.CaptureFixture[str]
) -> None:
    await report_often(server, "warm")
    with_room = await report_often(server, "room")
    await until(lambda: len(written(server)) == 2 * REPORTS)
    disk["is_full"] = True
    without = await report_often(server, "none")
    assert without < 2 * with_room + 0.01
    assert len(written(server)) == 2 * REPORTS
    async with server.client() as client:
        assert (await client.get("/health/ready")).status_code == 200
    disk["is_full"] = False
    await until(lambda: len(written(server)) == 3 * REPORTS)
    positions = [line["position"] for line in written(server)]
    assert positions == sorted(set(positions))
    assert '"action":"file_sink_paused"' in capfd.readouterr().out

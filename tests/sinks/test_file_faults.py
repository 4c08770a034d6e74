"""The file sink on bad days: a full disk, a slow one, killed writers."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avalon.sinks.logfile import LogFile
from tests.conftest import Urls
from tests.sinks.conftest import until
from tests.sinks.file_help import Host, positions, positions_so_far


class FullDisk:
    """Stands for the disk: takes a number of bytes, then only parts of lines, then nothing."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def write(self, fd: int, text: bytes) -> int:
        if len(text) > self.room:
            taken, self.room = self.room, 0
            if not taken:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._write(fd, text[:taken])
        self.room -= len(text)
        return self._write(fd, text)


async def test_a_full_disk_stops_the_file_until_there_is_room(
    host: Host, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    disk = FullDisk(1000)
    monkeypatch.setattr("avalon.sinks.logfile.os.write", disk.write)
    said = b""

    def has_said(action: bytes) -> bool:
        nonlocal said
        said += capfdbinary.readouterr().out
        return action in said

    async with host.sink():
        await host.report(50)
        await until(lambda: has_said(b"file_sink_paused"))
        assert 0 < len(positions(host.path)) < 50
        await host.report(50)
        disk.room = 10**9
        await host.is_written()
        await until(lambda: has_said(b"file_sink_resumed"))
    assert said.count(b"file_sink_paused") == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a file system")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


async def test_a_disk_that_is_really_full_tears_no_line(host: Host, small_disk: Path) -> None:
    host.path = small_disk / "errors.log"
    async with host.sink():
        (small_disk / "ballast").write_bytes(b"x" * 40_000)
        await host.report(200)
        await until(lambda: host.path.exists() and 0 < len(positions_so_far(host.path)) < 200)
        (small_disk / "ballast").unlink()
        await host.is_written()


async def test_a_slow_disk_does_not_hold_the_loop(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, let_go = threading.Event(), threading.Event()
    append = LogFile.append

    def slow(self: LogFile, lines: list[bytes]) -> Any:
        entered.set()
        let_go.wait(10)
        return append(self, lines)

    monkeypatch.setattr(LogFile, "append", slow)
    async with host.sink():
        await host.report()
        await until(entered.is_set)
        await host.report()
        let_go.set()
        await host.is_written()


@pytest.mark.slow
async def test_processes_that_share_a_file_may_be_killed(host: Host, urls: Urls) -> None:
    """Two writers, of which the older one is killed while it writes, again and again."""
    processes = [await a_writer(urls, host.path) for _ in range(2)]
    await until(lambda: host.path.with_name("errors.log.position").exists())
    for _ in range(6):
        before = len(host.reported)
        await host.report(500)
        await until(lambda: len(lines_of(host.path)) > before)  # noqa: B023
        victim = processes.pop(0)
        victim.send_signal(signal.SIGKILL)
        await victim.wait()
        processes.append(await a_writer(urls, host.path))
    await host.report()
    await until(lambda: len(lines_of(host.path)) >= len(host.reported))
    for process in processes:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert positions(host.path) == host.reported


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


async def a_writer(urls: Urls, path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.sinks.writer",
        urls.service,
        str(path),
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )

"""The file sink: every report once, in order, whatever happens to the file, the disk or the process."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon import event_store
from avalon.database import Database
from avalon.listener import Listener
from avalon.sinks.file import FileSink
from avalon.sinks.lines import line
from avalon.sinks.logfile import LogFile
from tests.conftest import Urls
from tests.sinks.conftest import a_report as a_new_report
from tests.sinks.conftest import stop, until
from tests.sinks.test_pacing import a_report as an_event

KEYS = ["id", "position", "service", "level", "message", "path", "createdAt"]


def positions(*paths: Path) -> list[int]:
    """The positions of every line of the files, read as strictly as anybody could."""
    found = []
    for path in paths:
        text = path.read_text() if path.exists() else ""
        assert not text or text.endswith("\n")
        rows = [json.loads(text_line) for text_line in text.splitlines()]
        assert all(list(row) == KEYS for row in rows)
        found += [row["position"] for row in rows]
    return found


def note(path: Path, position: int) -> None:
    """Puts a place into the note beside the file."""
    path.with_name("errors.log.position").write_bytes(b"%020d\n" % position)


class Host:
    """A log, and the file of one host."""

    def __init__(self, database: Database, listener: Listener, path: Path) -> None:
        self.database = database
        self.listener = listener
        self.path = path
        self.reported: list[int] = []

    async def report(self, count: int = 3, **columns: Any) -> None:
        events = [a_new_report(level="info", **columns) for _ in range(count)]
        self.reported += [s.position for s in await event_store.append(self.database, events)]

    @asynccontextmanager
    async def sink(self) -> AsyncIterator[None]:
        sink = FileSink(self.path, self.database, self.listener, retry_s=0.02)
        await sink.open()
        task = asyncio.create_task(sink.run())
        yield
        await stop(task)

    async def is_written(self, *paths: Path) -> None:
        """Every report once, and in order."""
        files = paths or (self.path,)
        await until(lambda: len(positions(*files)) >= len(self.reported))
        assert positions(*files) == self.reported


@pytest.fixture
def host(database: Database, listener: Listener, tmp_path: Path) -> Host:
    return Host(database, listener, tmp_path / "logs" / "errors.log")


@given(st.text() | st.text(alphabet='\x1b\x7f\x9b\u2028\u2029\u202e\u200f\ufeff\r\n"\\é'))
def test_a_line_is_one_line_whatever_the_message_holds(message: str) -> None:
    event = an_event(7)
    event.data["message"] = message
    written = line(event).decode()
    assert json.loads(written)["message"] == message
    assert list(json.loads(written)) == KEYS
    assert len(written.splitlines()) == 1 and written.endswith("\n")
    assert not any(c in written for c in "\x1b\x7f\x9b\u2028\u2029\u202e\u2066\u200f\ufeff")


async def test_a_new_file_begins_with_what_is_reported_from_now_on(host: Host) -> None:
    await host.report()
    host.reported.clear()
    async with host.sink():
        await host.report(700)
        await host.is_written()


async def test_a_restart_goes_on_behind_the_last_line(host: Host) -> None:
    async with host.sink():
        await host.report()
        await host.is_written()
    await host.report()
    async with host.sink():
        await host.report()
        await host.is_written()


async def test_a_line_that_a_crash_tore_is_written_anew(host: Host) -> None:
    async with host.sink():
        await host.report()
        await host.is_written()
    whole = host.path.read_bytes()
    host.path.write_bytes(whole[:-20])
    async with host.sink():
        await host.report()
        await host.is_written()


async def test_a_file_that_holds_only_a_torn_line_is_begun_again(host: Host) -> None:
    async with host.sink():
        await host.report(1)
        await host.is_written()
    host.path.write_bytes(b'{"id":"01')
    note(host.path, host.reported[-1])
    host.reported.clear()
    async with host.sink():
        await host.report()
        await host.is_written()


def rename(path: Path) -> Path:
    return path.rename(path.with_name("errors.log.1"))


def rename_and_create(path: Path) -> Path:
    rotated = rename(path)
    path.touch()
    return rotated


def copy_and_truncate(path: Path) -> Path:
    rotated = path.with_name("errors.log.1")
    rotated.write_bytes(path.read_bytes())
    os.truncate(path, 0)
    return rotated


@pytest.mark.parametrize("rotate", [rename, rename_and_create, copy_and_truncate])
async def test_rotation_loses_nothing(host: Host, rotate: Callable[[Path], Path]) -> None:
    async with host.sink():
        await host.report()
        await host.is_written()
        rotated = rotate(host.path)
        await host.report()
        await host.is_written(rotated, host.path)


@pytest.mark.parametrize("rotate", [rename, rename_and_create])
@pytest.mark.parametrize("forgets", [True, False])
async def test_rotation_while_nobody_writes_loses_nothing(
    host: Host, rotate: Callable[[Path], Path], forgets: bool
) -> None:
    async with host.sink():
        await host.report()
        await host.is_written()
    rotated = rotate(host.path)
    if forgets:  # as a crash between the lines and the note would
        note(host.path, 1)
    await host.report()
    async with host.sink():
        await host.report()
        await host.is_written(rotated, host.path)


async def test_a_file_that_was_deleted_with_its_folder_is_made_again(host: Host) -> None:
    async with host.sink():
        await host.report()
        await host.is_written()
        for file in host.path.parent.iterdir():
            file.unlink()
        host.path.parent.rmdir()
        host.reported.clear()
        await host.report(4)
        await host.is_written()
        await until(lambda: host.path.with_name("errors.log.position").exists())
        await host.report(4)
        await host.is_written()


async def test_replicas_on_one_host_write_each_report_once(host: Host) -> None:
    async with host.sink(), host.sink():
        await host.report(500)
        await host.is_written()
        await host.report()
        await host.is_written()


async def test_without_the_lock_they_write_twice(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr("avalon.sinks.logfile.fcntl.flock", lambda fd, how: None)
    async with host.sink(), host.sink():
        await host.report(500)
        await until(lambda: len(positions(host.path)) == 1000)


async def test_the_next_replica_takes_over(host: Host) -> None:
    second = host.sink()
    async with host.sink():
        await second.__aenter__()
        await host.report()
        await host.is_written()
    await host.report()
    await host.is_written()
    await second.__aexit__(None, None, None)


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
        await until(lambda: host.path.exists() and 0 < len(positions(host.path)) < 200)
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


async def test_a_file_of_another_log_goes_on_from_now(host: Host) -> None:
    host.path.parent.mkdir()
    host.path.write_bytes(line(an_event(5_000_000)))
    await host.report()
    host.reported = [5_000_000]
    async with host.sink():
        await host.report()
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

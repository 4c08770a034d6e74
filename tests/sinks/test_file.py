"""The file sink: every report once, in order, also over restarts, rotation and other replicas."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avalon.sinks.lines import line
from tests.sinks.conftest import until
from tests.sinks.file_help import KEYS, Host, an_event, note


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
        await until(lambda: len(lines := host.path.read_bytes().split(b"\n")) > len(set(lines)))


async def test_the_next_replica_takes_over(host: Host) -> None:
    second = host.sink()
    async with host.sink():
        await second.__aenter__()
        await host.report()
        await host.is_written()
    await host.report()
    await host.is_written()
    await second.__aexit__(None, None, None)


async def test_a_file_of_another_log_goes_on_from_now(host: Host) -> None:
    host.path.parent.mkdir()
    host.path.write_bytes(line(an_event(5_000_000)))
    await host.report()
    host.reported = [5_000_000]
    async with host.sink():
        await host.report()
        await host.is_written()

"""The doctor on this machine: disks, the log file, the port."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx

from avalon.cli.findings import Finding, fault, good, look
from avalon.cli.port import local_url, reachable, take_port
from avalon.errors import AvalonError
from avalon.settings import Settings

GB: Final = 1_000_000_000
LITTLE_BYTES, NOTHING_BYTES = 2 * GB, GB // 5


def check_disk(settings: Settings) -> Iterator[Finding]:
    """Where we write ourselves; a Postgres elsewhere has its own disk."""
    folders = [settings.data_dir] if settings.database_url is None else []
    if settings.log_file:
        folders.append(settings.log_file.parent)
    for folder in folders:
        free = shutil.disk_usage(nearest(folder)).free
        text = f"{free / GB:,.1f} GB free for {folder}"
        if free < NOTHING_BYTES:
            yield fault(text, "make room: reports are refused while Postgres can't write")
        elif free < LITTLE_BYTES:
            yield look(text, "make room, or lower AVALON_RETENTION_DAYS")
        else:
            yield good(text)


def nearest(path: Path) -> Path:
    """The path itself, or the folder above it that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def check_log_file(settings: Settings) -> Iterator[Finding]:
    file = settings.log_file
    if file is None:
        yield good("no log file (AVALON_LOG_FILE is empty)")
    elif file.is_dir():
        yield fault(f"the log file {file} is a folder", "give AVALON_LOG_FILE the path of a file")
    elif not nearest(file.parent).is_dir():
        advice = f"move {nearest(file.parent)} away, or set AVALON_LOG_FILE; empty: off"
        yield fault(f"the log file {file} has a file where its folder should be", advice)
    elif not os.access(nearest(file), os.W_OK):
        advice = f"let this user write {nearest(file)}, or set AVALON_LOG_FILE; empty: off"
        yield fault(f"the log file {file} can't be written", advice)
    else:
        yield good(f"the log file {file} can be written")


def check_port(settings: Settings) -> Iterator[Finding]:
    where = f"port {settings.port} on {settings.host}"
    try:
        taken = take_port(settings.host, settings.port)
    except AvalonError as error:
        if _is_avalon(settings):
            yield good(f"Avalon listens on {where}")
        else:
            yield fault(error.message, "find it with: ss -ltnp")
        return
    port = reachable(taken)[1]
    taken.close()
    yield good(f"port {port} on {settings.host} is free")


def _is_avalon(settings: Settings) -> bool:
    """Whether it is our own service that has the port."""
    try:
        address = local_url(settings.host, settings.port)
        answer = httpx.get(f"{address}/health/live", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200

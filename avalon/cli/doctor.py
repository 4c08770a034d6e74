"""Look for what commonly goes wrong, and say what to do.

Changes nothing and sends no message. ✓ is good, ! is worth a look, ✗ is a fault: with one of those the exit
code is 1. Without a DATABASE_URL the embedded Postgres is started for so long, if there is one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Iterator

from avalon.cli import FOUND, OK, USAGE, explain
from avalon.cli.check_machine import check_disk, check_log_file, check_port
from avalon.cli.check_postgres import check_postgres
from avalon.cli.check_webhook import check_failing, check_links, check_webhooks
from avalon.cli.console import database_of, escape, has_embedded
from avalon.cli.findings import FAULT, Finding, fault, good
from avalon.errors import SettingsError
from avalon.settings import Settings, load_settings


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> int:
    del options
    try:
        settings = load_settings(os.environ)
    except SettingsError as error:
        _show(fault("settings", error.message))
        return USAGE
    faults = 0
    for finding in _examine(settings):
        _show(finding)
        faults += finding.mark == FAULT
    return FOUND if faults else OK


def _examine(settings: Settings) -> Iterator[Finding]:
    yield good(f"Python {platform.python_version()}")
    yield good("the settings can be read")
    yield from check_disk(settings)
    yield from check_log_file(settings)
    yield from check_port(settings)
    yield check_links(settings)
    if settings.database_url is None and not has_embedded(settings):
        yield good(f"no Postgres yet: `avalon serve` makes an embedded one in {settings.data_dir.absolute()}")
        yield from asyncio.run(check_webhooks(settings))
        return
    try:
        with database_of(settings) as ready:
            yield from asyncio.run(check_postgres(ready))
            yield from asyncio.run(check_webhooks(ready))
            yield from asyncio.run(check_failing(ready))
    except Exception as error:
        reason = explain(error)
        if reason is None:
            raise
        yield fault("the embedded Postgres does not start", reason)


def _show(finding: Finding) -> None:
    mark = finding.mark
    if sys.stdout.isatty():
        mark = f"\x1b[{ {'✓': 32, '!': 33}.get(finding.mark, 31) }m{mark}\x1b[0m"  # type: ignore[assignment]
    print(f"{mark} {escape(finding.text)}", flush=True)
    if finding.advice:
        print(f"    → {escape(finding.advice)}", flush=True)

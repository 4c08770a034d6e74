"""Bring the database to this release's schema.

Tables are migrated once and forward only; routines and privileges are replaced when they changed. Safe to
run beside the service and beside other migrations. `avalon serve` does the same when it starts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from contextlib import redirect_stdout

from avalon.cli.console import database_of, say
from avalon.database import wait_until_reachable
from avalon.migrations import migrate
from avalon.settings import load_settings


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> int:
    del options
    with database_of(load_settings(os.environ), may_make=True) as settings:
        assert settings.database_owner_url is not None and settings.database_url is not None
        with open(os.devnull, "w") as nobody, redirect_stdout(nobody):  # the service's log says the same
            asyncio.run(_migrate(settings.database_owner_url, settings.database_url))
    say("done")
    return 0


async def _migrate(owner_url: str, service_url: str) -> None:
    await wait_until_reachable(owner_url, 0)
    await migrate(owner_url, service_url, progress=say)

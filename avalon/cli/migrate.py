"""Bring the database to this release's schema.

Tables are migrated once and forward only; routines and privileges are replaced when they changed. Safe to
run beside the service and beside other migrations. `avalon serve` does the same when it starts.
"""

from __future__ import annotations

import argparse
import asyncio

from avalon.cli.console import say, urls
from avalon.migrations import migrate


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> int:
    del options
    with urls() as (owner_url, service_url):
        asyncio.run(migrate(owner_url, service_url, progress=say))
    say("done")
    return 0

"""Take the content of deleted reports and comments out of the database's files.

Deleting hides a report at once; its content stays in the log until the day expires, or until this. So do the
words of a comment. The log keeps that there was one, and when. Tables that held the content are written
anew: for a day that is over, lists wait; where appends would wait longer than a second or two, it says which
bytes remain, and the next purge takes them. Backups, the write-ahead log, the file of AVALON_LOG_FILE
(logs/errors.log) and what sinks were told still hold the content: they are yours to expire.
"""

from __future__ import annotations

import argparse
import asyncio

from avalon import retention
from avalon.cli.console import count, owner_url, replay_progress, say


def configure(parser: argparse.ArgumentParser) -> None:
    del parser


def run(options: argparse.Namespace) -> int:
    del options
    with owner_url() as url, replay_progress() as show:
        purged = asyncio.run(retention.purge(url, show, say))
    what = f"{count(purged.reports, 'report')} purged in {count(purged.days, 'day')}"
    say(f"{what}, and {count(purged.comments, 'comment')}; position {purged.sealed:,} is sealed")
    return 0

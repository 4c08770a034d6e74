"""A replica that only writes its host's file, as a process of its own that a test can kill."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from avalon.database import Database
from avalon.listener import Listener
from avalon.sinks.file import FileSink


async def main(url: str, path: str) -> None:
    database = Database(url)
    await database.open()
    sink = FileSink(Path(path), database, Listener(url, database), retry_s=0.05)
    await sink.open()
    task = asyncio.create_task(sink.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])
    await database.close()


asyncio.run(main(sys.argv[1], sys.argv[2]))

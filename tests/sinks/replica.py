"""A replica that only follows sinks, as a process of its own that a test can kill."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from avalon.database import Database
from avalon.listener import Listener
from avalon.settings import load_settings
from avalon.subscriptions import Subscriptions


async def main(url: str, allowed_host: str) -> None:
    settings = load_settings({"AVALON_WEBHOOK_ALLOWED_HOSTS": allowed_host}, dotenv=Path("no-such-file"))
    database = Database(url)
    await database.open()
    subscriptions = Subscriptions(
        database, Listener(url, database), settings, "killed", lease_s=1.0, poll_s=0.1
    )
    task = asyncio.create_task(subscriptions.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait([task])
    await database.close()


asyncio.run(main(sys.argv[1], sys.argv[2]))

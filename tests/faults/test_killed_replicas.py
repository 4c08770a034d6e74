"""A replica is killed between its acknowledgements (kill -9), again and again, and started anew."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from tests.acceptance.command import ROOT, Command, Running
from tests.conftest import ADMIN_PASSWORD, Urls
from tests.faults.ledger import Ledger, stored_reports, twice

KILLS = 2
HASTY = str(ROOT / "tests" / "faults" / "hasty_replica.py")


class Replica:
    """A process that serves, once it listens, and the first key where it made one."""

    def __init__(self, command: Command, program: tuple[str, ...], port: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *program, "serve", "--port", str(port)],
            cwd=command.folder,
            env=command.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.said = Running(self.process)
        self.url = re.findall(r"http://\S+", self.said.stderr.wait_for("Avalon listens"))[0]
        self.port = int(self.url.rpartition(":")[2])

    def first_key(self) -> str:
        return str(re.findall(r"avl_\w+", self.said.stderr.wait_for("X-API-Key"))[0])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        self.kill()
        self.said.stdout.thread.join()
        self.said.stderr.thread.join()


async def kill_while_it_acknowledges(urls: Urls, folder: Path, *program: str) -> Ledger:
    """What clients were told; who got no answer asks again, under the same id, until there is one."""
    settings = {"DATABASE_URL": urls.service, "DATABASE_OWNER_URL": urls.owner}
    command = Command(folder, **settings, AVALON_ADMIN_PASSWORD=ADMIN_PASSWORD)
    replicas = [await asyncio.to_thread(Replica, command, program, 0)]
    try:
        ledger = Ledger(replicas[0].url, replicas[0].first_key(), retries=10_000)
        async with ledger.sending():
            for _ in range(KILLS):
                await ledger.more(50)
                replicas[-1].kill()
                replicas.append(await asyncio.to_thread(Replica, command, program, replicas[0].port))
            await ledger.more(50)
        return ledger
    finally:
        for replica in replicas:
            replica.end()


async def test_a_killed_replica_loses_nothing_that_it_acknowledged(urls: Urls, tmp_path: Path) -> None:
    ledger = await kill_while_it_acknowledges(urls, tmp_path, "-m", "avalon")
    stored = await stored_reports(urls)
    assert ledger.lost(stored) == set()
    assert twice(stored) == []
    assert "ConnectError" in ledger.statuses
    assert {status for status in ledger.statuses if isinstance(status, int)} <= {201, 503}


async def test_one_that_acknowledges_before_the_commit_loses_reports(urls: Urls, tmp_path: Path) -> None:
    """The control."""
    ledger = await kill_while_it_acknowledges(urls, tmp_path, HASTY)
    stored = {id_ for id_, _ in await stored_reports(urls)}
    assert set(ledger.acknowledged) - stored

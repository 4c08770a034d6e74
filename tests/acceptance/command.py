"""The `avalon` command as a real process, in a folder and with an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

ROOT = Path(__file__).parents[2]
DEADLINE_S = 60.0


class Command:
    """Runs `python -m avalon …` with these settings and no others."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {**inherited, "PYTHONPATH": str(ROOT), "AVALON_LOG_FILE": "", **settings}

    def run(self, *arguments: str, stdin: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "avalon", *arguments],
            cwd=self.folder,
            env=self.environment | settings,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
        )

    @contextmanager
    def start(self, *arguments: str, **settings: str) -> Iterator[Running]:
        """A process that goes on; it is killed at the end if it still does."""
        process = subprocess.Popen(
            [sys.executable, "-m", "avalon", *arguments],
            cwd=self.folder,
            env=self.environment | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        running = Running(process)
        try:
            yield running
        finally:
            process.kill()
            process.wait()
            running.stdout.thread.join()
            running.stderr.thread.join()


class Running:
    """A process whose lines can be waited for."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.pid = process.pid
        self.stdout = _Lines(process.stdout)
        self.stderr = _Lines(process.stderr)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        return self.process.wait(deadline_s)


class _Lines:
    """What a stream has said, read in a thread."""

    def __init__(self, stream: object) -> None:
        self.seen: list[str] = []
        self._queue: Queue[str | None] = Queue()
        self.thread = Thread(target=self._read, args=(stream,), daemon=True)
        self.thread.start()

    def _read(self, stream: Iterator[str]) -> None:
        with stream:  # type: ignore[attr-defined]
            for line in stream:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def wait_for(self, is_it: Callable[[str], bool] | str, deadline_s: float = DEADLINE_S) -> str:
        """The first line from here on that is the one; fails with all that was said instead."""
        matches = is_it if callable(is_it) else lambda line: is_it in line
        end = time.monotonic() + deadline_s
        while True:
            try:
                line = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except Empty:
                line = None
            if line is None:
                raise AssertionError("it never said that, but:\n" + "\n".join(self.seen))
            self.seen.append(line)
            if matches(line):
                return line

    def rest(self) -> str:
        """All that it says until it ends."""
        while (line := self._queue.get(timeout=DEADLINE_S)) is not None:
            self.seen.append(line)
        return "\n".join(self.seen)

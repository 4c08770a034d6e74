"""Several processes on one socket: starts them, replaces those that die, and ends them all.

A worker is a process like that of a service with one: it reads the settings from the environment again. It
ends with its parent, whatever happens to that: an orphan would hold the port for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Final

from avalon.settings import load_settings
from avalon.telemetry import Action, log

CHECK_S: Final = 0.2
RESTART_S: Final = 1.0
STOP_S: Final = 20.0  # a worker drains for ten, and then ends its tasks
STARTUP_FAILURE: Final = 3  # uvicorn's

Serve = Callable[[socket.socket], int]


class Workers:
    """The parent. It ends on SIGTERM and SIGINT, or where a worker can't even start."""

    def __init__(self, count: int, taken: socket.socket) -> None:
        self._taken = taken
        self._processes = [self._new() for _ in range(count)]
        self._stopping = False

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for process in self._processes:
            process.start()
        try:
            while not self._stopping:
                wait([process.sentinel for process in self._processes], CHECK_S)
                if any(process.exitcode == STARTUP_FAILURE for process in self._processes):
                    return STARTUP_FAILURE
                self._replace_dead()
            return 0
        finally:
            self._end()

    def _new(self) -> SpawnProcess:
        return multiprocessing.get_context("spawn").Process(target=_work, args=(self._taken,))

    def _stop(self, _: int, __: FrameType | None) -> None:
        self._stopping = True

    def _replace_dead(self) -> None:
        for index, process in enumerate(self._processes):
            if process.exitcode is None or self._stopping:
                continue
            log(Action.WORKER_DIED, level="error", exit_code=process.exitcode)
            time.sleep(RESTART_S)
            self._processes[index] = self._new()
            self._processes[index].start()

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        end = time.monotonic() + STOP_S
        for process in self._processes:
            process.join(max(0.0, end - time.monotonic()))
            if process.exitcode is None:
                process.kill()
                process.join()


def _work(taken: socket.socket) -> None:
    from avalon.cli.server import serve_alone

    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(serve_alone(load_settings(os.environ), taken))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

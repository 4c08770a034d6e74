"""Stands between a job and who started it, unnoticed: signals go down, standard error goes up."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from types import FrameType
from typing import Any, Final

FORWARDED: Final = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH")
# The keys of a terminal signal the whole foreground group: the job has had these already.
FROM_KEYS: Final = ("SIGINT", "SIGQUIT", "SIGWINCH")
CHUNK: Final = 64 * 1024  # a pipe holds no more (pipe(7))
POLL_S: Final = 0.05


class CaptureEnd:
    """The last bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: deque[bytes] = deque()
        self._size = 0

    def feed(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        while self._size - len(self._parts[0]) > self._limit:
            self._size -= len(self._parts.popleft())

    def text(self) -> str:
        """What was kept, from a whole line on where something is missing."""
        kept = b"".join(self._parts)
        if len(kept) > self._limit:
            kept = kept[-self._limit :]
            _, _, whole = kept.partition(b"\n")
            kept = whole or kept
        return kept.decode(errors="replace")


def run_job(command: list[str], end: CaptureEnd) -> int:
    """Runs it with our standard input and output; its return code, negative for a signal. Raises OSError.

    What it leaves running in the background may go on writing to standard error: a child of ours copies that,
    so that nobody waits for it here, and it does not die of a closed pipe.
    """
    signals = _Signals()
    try:
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        signals.send_to(process)
        assert process.stderr is not None
        pipe = process.stderr.fileno()
        os.set_blocking(pipe, False)
        is_open = _copy_until_exit(process, pipe, end)
    finally:
        signals.restore()
    if is_open:
        _copy_on(pipe)
    process.stderr.close()
    return process.returncode


class _Signals:
    """While the job runs, it is told what this process is told; what came before it stood, afterwards."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}
        for name in FORWARDED:
            number = getattr(signal, name)
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup: the job ignores it too
                self._before[number] = signal.signal(number, self._forward)

    def send_to(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _forward(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        elif signal.Signals(number).name not in FROM_KEYS or not _is_foreground():
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def _is_foreground() -> bool:
    try:
        with open("/dev/tty", "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def _copy_until_exit(process: subprocess.Popen[bytes], pipe: int, end: CaptureEnd) -> bool:
    """Copies standard error until the job has ended; whether somebody still holds it open."""
    is_open = True
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while process.poll() is None:
            if not is_open:
                process.wait()
            elif selector.select(POLL_S):
                is_open = _copy(pipe, end)
        return is_open and _copy(pipe, end) and _copy(pipe, end)


def _copy(pipe: int, end: CaptureEnd | None) -> bool:
    """Copies what is there; whether more may come."""
    try:
        part = os.read(pipe, CHUNK)
    except BlockingIOError:
        return True
    if not part:
        return False
    if end is not None:
        end.feed(part)
    with suppress(OSError):  # nobody reads our own any more: the job must not stall for that
        sys.stderr.buffer.write(part)
        sys.stderr.buffer.flush()
    return True


def _copy_on(pipe: int) -> None:
    if os.fork():
        return
    os.setsid()
    os.set_blocking(pipe, True)
    while _copy(pipe, None):
        pass
    os._exit(0)

"""The log file on disk: one writer per host, whole lines only, and its place in the log. All of it blocks.

`<file>.position` beside it is what the writer locks, because it outlives rotation, and remembers the position
for a file that was just rotated away. The file itself is the truth: its last line's position counts where it
has one. A line that a crash or a full disk left unfinished is cut off when the file is opened next.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from avalon.sinks.lines import position_of

MODE = 0o640
# Far more than one line can have; the place is looked for in so much of the file's end.
TAIL_BYTES = 4_000_000


class LogFile:
    """Errors of the disk come out as OSError; after one, the next append opens the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sidecar = path.with_name(path.name + ".position")
        self._fd: int | None = None
        self._lock_fd: int | None = None

    def try_lock(self) -> bool:
        """Becomes the only writer on this host; False while another process is."""
        self.close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._sidecar, os.O_RDWR | os.O_CREAT, MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._lock_fd = fd
        return True

    def is_locked(self) -> bool:
        """Whether the lock is still where others would look for it: somebody may have deleted the folder."""
        return self._lock_fd is not None and _is_same(self._lock_fd, self._sidecar)

    def last_position(self) -> int | None:
        """Makes or mends the file; up to where it has been written, None where it never was."""
        self._current()
        found = _last_position_in(self._path)
        if found is not None:
            return found
        rotated = _last_position_in(self._path.with_name(self._path.name + ".1"))
        return max((p for p in (rotated, self._remembered()) if p is not None), default=None)

    def remember(self, position: int) -> None:
        """Notes the place; a disk that refuses is no matter, for the file's last line says the same."""
        if self._lock_fd is not None:
            with suppress(OSError):
                os.pwrite(self._lock_fd, b"%020d\n" % position, 0)

    def append(self, lines: Sequence[bytes]) -> tuple[int, OSError | None]:
        """Writes lines, each with one call; how many are in the file now, and what stopped it."""
        written = 0
        try:
            fd = self._current()
            for text in lines:
                _write(fd, text)
                written += 1
        except OSError as error:
            self._close_file()
            return written, error
        return written, None

    def close(self) -> None:
        """Gives the lock back, last of all."""
        self._close_file()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _current(self) -> int:
        """The file that stands under the name now: rotation moves the old one away or deletes it."""
        if self._fd is not None and not _is_same(self._fd, self._path):
            self._close_file()
        if self._fd is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, MODE)
            _cut_torn_line(self._fd)
        return self._fd

    def _close_file(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _remembered(self) -> int | None:
        try:
            return int(self._sidecar.read_bytes())
        except (OSError, ValueError):
            return None


def _write(fd: int, text: bytes) -> None:
    """One call for one line; what a full disk took of it is taken back."""
    written = os.write(fd, text)
    if written < len(text):
        os.ftruncate(fd, os.fstat(fd).st_size - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_same(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _tail(fd: int) -> tuple[int, bytes]:
    """The end of a file, and where it begins."""
    start = max(0, os.fstat(fd).st_size - TAIL_BYTES)
    return start, os.pread(fd, TAIL_BYTES, start)


def _cut_torn_line(fd: int) -> None:
    start, tail = _tail(fd)
    if tail and not tail.endswith(b"\n"):
        os.ftruncate(fd, start + tail.rfind(b"\n") + 1)


def _last_position_in(path: Path) -> int | None:
    """The position of the last whole line that is one of ours."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        _, tail = _tail(fd)
    finally:
        os.close(fd)
    *whole, _torn = tail.split(b"\n")
    return next((p for text in reversed(whole) if (p := position_of(text)) is not None), None)

"""Who the embedded Postgres runs as, and what that user must be able to reach.

Postgres refuses to run as root. Started by anybody else it runs as that user, and nothing here does anything.
Started by root (a container, a fresh virtual machine) it runs as the owner of its data, whom the first start
makes: the system user `avalon-postgres`. That user has to pass through the folders above the data and the
binaries: where it can't, they get the right to be passed through (`chmod o+x`), never the right to be listed.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

import msgspec

from avalon.errors import SettingsError

SYSTEM_USER = "avalon-postgres"

# sockaddr_un.sun_path holds 108 bytes on Linux, 104 on macOS and the BSDs, the final NUL included.
MAX_SOCKET_PATH_BYTES = 103
SOCKET_NAME = ".s.PGSQL.5432"


class Account(msgspec.Struct, frozen=True):
    """The user that Postgres runs as."""

    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    # What subprocess needs to become this user; None for each where there is nothing to become.

    @property
    def user(self) -> int | None:
        return None if self.is_ours else self.uid

    @property
    def group(self) -> int | None:
        return None if self.is_ours else self.gid

    @property
    def extra_groups(self) -> list[int] | None:
        return None if self.is_ours else []


def choose_account(data: Path) -> Account:
    """This process's own user; for root the owner of `data`, or the system user where there is none yet."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data.exists() and (status := data.stat()).st_uid != 0:
        return Account(status.st_uid, status.st_gid)
    entry = _system_user()
    return Account(entry.pw_uid, entry.pw_gid)


def _system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        if shutil.which(command[0]):
            subprocess.run([*command, SYSTEM_USER], capture_output=True)  # another start may be faster
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise SettingsError(
            f"Postgres refuses to run as root, and the system user {SYSTEM_USER!r} could not be made;"
            " make it, start Avalon as another user, or set DATABASE_URL"
        ) from None


def open_way(path: Path, account: Account) -> None:
    """Lets the account pass through the folders above `path`; only root may need it."""
    if account.is_ours:
        return
    for folder in path.absolute().parents:
        status = folder.stat()
        if status.st_uid != account.uid and not status.st_mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)


def open_tree(root: Path, account: Account) -> None:
    """Lets the account read the wheel's binaries where root's umask was so strict that it can't."""
    open_way(root, account)
    if account.is_ours or root.stat().st_mode & stat.S_IROTH:
        return
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def stand_in_folder(data: Path, account: Account) -> Path:
    """The name of the short folder, whether it is needed or not; who uses it checks its owner and mode."""
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    return Path("/tmp") / f"avalon-{account.uid}-{digest}"  # noqa: S108


def socket_folder(data: Path, account: Account) -> Path:
    """The data directory, or a private folder with a short name where its own path can't be a socket's.

    That is when it is too long, and when it has a comma in it, which parts the hosts in a URL of libpq.
    """
    if len(os.fsencode(data / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES and "," not in str(data):
        return data
    folder = stand_in_folder(data, account)
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, account.uid, account.gid)
    except FileExistsError:
        pass
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != account.uid or status.st_mode & 0o077:
        raise SettingsError(
            f"AVALON_DATA_DIR: {data} can't be a Unix socket's path, and {folder}, which would stand in,"
            " is not a private folder of ours; remove it, or choose a shorter path"
        )
    return folder

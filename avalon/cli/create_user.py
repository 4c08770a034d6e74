"""Make an account. Prints a password that works once: the first login asks for a new one.

With --password-stdin the password is read from standard input (its first line) and stays.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys

from avalon.auth import ROLES, Auth
from avalon.cli.console import database_of, say, service_database
from avalon.events import SYSTEM
from avalon.settings import Settings, load_settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="the user's name, for signing in")
    parser.add_argument("--role", choices=ROLES, default="viewer", help="default: viewer")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def run(options: argparse.Namespace) -> int:
    password = sys.stdin.readline().rstrip("\r\n") if options.password_stdin else None
    with database_of(load_settings(os.environ)) as settings:
        name, chosen = asyncio.run(_create(settings, options.name, options.role, password))
    say(f"made {name}, {options.role}" + ("" if password else "; the password, shown only now:"))
    if not password:
        print(chosen)
    return 0


async def _create(settings: Settings, name: str, role: str, password: str | None) -> tuple[str, str]:
    async with service_database(settings) as database:
        users = Auth(database, settings, lambda: False).users
        user, chosen = await users.create(SYSTEM, username=name, role=role, password=password)
        return user.username, chosen

"""Open psql on Avalon's database, as the owner. All arguments go to psql: avalon psql -c 'TABLE log.fact'
`avalon psql -U avalon_reporting` (with -W where it has a password) sees schema reporting and nothing else.

The password goes through the environment, so that no list of processes shows it. The log can't be changed
here either: it is append-only for its owner too.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from avalon.cli.console import database_of
from avalon.errors import SettingsError
from avalon.settings import load_settings


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "avalon psql [psql's arguments …]"
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…", help="go to psql as they are")
    parser.prefix_chars = "\0"  # so that -c and the like are psql's


def run(options: argparse.Namespace) -> int:
    settings = load_settings(os.environ)
    program = _find_psql()
    if settings.database_owner_url:
        command, environment = _command(program, settings.database_owner_url, options.arguments)
        os.execve(program, command, environment)  # noqa: S606 (a program of ours, by its path)
    with database_of(settings) as embedded:
        assert embedded.database_owner_url is not None
        command, environment = _command(program, embedded.database_owner_url, options.arguments)
        return subprocess.call(command, env=environment)


def _find_psql() -> str:
    """The wheel's psql, which knows the newest servers, or else the machine's."""
    from avalon.embedded import program

    try:
        return str(program("psql"))
    except SettingsError:
        found = shutil.which("psql")
    if found is None:
        raise SettingsError("there is no psql here; install Postgres's client")
    return found


def _command(program: str, url: str, arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    known = conninfo_to_dict(url)
    environment = dict(os.environ)
    # The user too: what stands in the conninfo can't be changed by psql's -U.
    for name, variable in (("user", "PGUSER"), ("password", "PGPASSWORD")):
        if name in known:
            environment[variable] = str(known.pop(name))
    conninfo = make_conninfo(**{name: str(value) for name, value in known.items()})
    return [program, f"--dbname={conninfo}", *arguments], environment

"""The `avalon` command. Each command is a module with `configure(parser)` and `run(options) -> exit code`.

Only the module of the command that was given is imported, so that `avalon report` in a script starts fast.
What goes wrong on purpose ends as one line on standard error and an exit code, never as a traceback; answers
for programs go to standard output, everything for people to standard error.
"""

from __future__ import annotations

import argparse
import difflib
import io
import logging
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NoReturn

from avalon import __version__
from avalon.errors import AvalonError, BadInput, SettingsError

# name: (module, what it does)
COMMANDS: Final = {
    "serve": ("serve", "run the service (with an embedded Postgres where no DATABASE_URL is set)"),
    "migrate": ("migrate", "bring the database to this release's schema"),
    "verify": ("replay", "replay the log aside and print what the projections differ in"),
    "rebuild": ("replay", "replay the log and mend the projections, while the service runs"),
    "import": ("import_export", "take over the events of Sentry, GlitchTip or Bugsink"),
    "purge": ("purge", "take the content of deleted reports out of the database's files"),
    "tail": ("tail", "follow the reports as they come in"),
    "create-user": ("create_user", "make an account, with a password that is shown once"),
    "doctor": ("doctor", "look for what commonly goes wrong, and say what to do"),
    "psql": ("psql", "open psql on Avalon's database, as the owner"),
    "report": ("report", "send one report"),
    "run": ("run", "run a job, and report it if it fails"),
    "sourcemaps": ("sourcemaps", "upload the source maps of a build"),
}

OK, FOUND, USAGE, TROUBLE = 0, 1, 2, 3
EXIT_CODES: Final = """exit codes:
  0  done
  1  something was found: a difference (verify), a fault (doctor), a report that was not taken (report)
  2  the command line or a setting is wrong
  3  it could not be done: Postgres is away, the port is taken …
  run ends as its job does; 130: interrupted"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that has no ✓ gets \u2713, not a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output (head, say) has had enough; Python's own flush at exit must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in ("-h", "--help", "help"):
        print(_overview())
        return OK if given else USAGE
    if given[0] in ("-V", "--version", "version"):
        print(f"avalon {__version__}")
        return OK
    if given[0] not in COMMANDS:
        return _unknown(given[0])
    return _run(given[0], given[1:])


def _run(name: str, rest: list[str]) -> int:
    """Runs one command; an error that is to be expected becomes a line and a code."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # what it warns of is said in our own words
    command = import_module(f"avalon.cli.{COMMANDS[name][0]}")
    parser = Parser(
        prog=f"avalon {name}",
        description=command.__doc__,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.configure(parser)
    parser.set_defaults(command=name)
    if rest[:1] == ["--help"]:  # psql's and a job's arguments are theirs, and this one is ours
        parser.print_help()
        return OK
    try:
        return int(command.run(parser.parse_args(rest)))
    except BrokenPipeError:
        raise
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        print(f"avalon {name}: {message}", file=sys.stderr)
        return USAGE if isinstance(error, SettingsError | BadInput) else TROUBLE


def explain(error: BaseException) -> str | None:
    """An error that is to be expected as one line; None for a fault of ours, whose traceback we want."""
    if isinstance(error, AvalonError):
        return _with_cause(error)
    if "psycopg" in sys.modules:
        import psycopg

        if isinstance(error, psycopg.errors.LockNotAvailable):
            return (
                "a lock that this needs is taken, by other maintenance or a long transaction; try again later"
            )
        if isinstance(error, psycopg.Error):
            return f"Postgres: {first_line(error)}"
    if isinstance(error, OSError):
        return first_line(error)
    return None


def _with_cause(error: AvalonError) -> str:
    cause = first_line(error.__cause__) if isinstance(error.__cause__, Exception) else ""
    return f"{error.message} ({cause})" if cause and cause not in error.message else error.message


def first_line(error: BaseException) -> str:
    """What it says, in one line."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


class Parser(argparse.ArgumentParser):
    """argparse, whose errors point to the help instead of repeating the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 2
    lines = [f"  {name:{width}}{summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: avalon COMMAND [options]",
            "",
            "Avalon, a self-hosted error tracker. Start with `avalon serve`; it prints what to do next.",
            "",
            *lines,
            "",
            "`avalon COMMAND --help` says more. Settings are environment variables or lines of a .env file.",
            "",
            EXIT_CODES,
        ]
    )


def _unknown(name: str) -> int:
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean `avalon {near[0]}`?" if near else "`avalon --help` lists what there is"
    print(f"avalon: there is no command {name!r}; {hint}", file=sys.stderr)
    return USAGE

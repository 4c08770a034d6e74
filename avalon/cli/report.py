"""Send one report, from a script or by hand.

    avalon report "backup disk is 95 % full" --level warning
    ./import.sh 2>err.txt || avalon report "import failed" --stack err.txt

Prints the report's address once it is stored.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from avalon.cli import FOUND, OK
from avalon.cli.client import Refused, add_target_options, find_target, host_name, send
from avalon.cli.console import escape, say
from avalon.events import LEVELS

# What the service takes of a report, with room for the rest of it.
MAX_STACK_BYTES: Final = 512 * 1024


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("message", help="what people read first")
    parser.add_argument("--level", choices=LEVELS, default="error")
    parser.add_argument("--type", help="the kind of error, such as DiskFull")
    parser.add_argument("--stack", metavar="FILE", help="a stack trace or other text; - reads standard input")
    parser.add_argument("--environment", metavar="NAME")
    parser.add_argument("--release", metavar="VERSION")
    parser.add_argument("--tag", metavar="NAME=VALUE", action="append", default=[], help="may be given often")
    add_target_options(parser)


def run(options: argparse.Namespace) -> int:
    target = find_target(options)
    try:
        accepted = send(target, _report(options))
    except Refused as error:
        say(f"avalon report: {error.message}")
        return FOUND
    print(escape(accepted.url))
    return OK


def _report(options: argparse.Namespace) -> dict[str, Any]:
    error = {"message": options.message, "type": options.type, "stack": _stack(options.stack)}
    return {
        "error": {name: value for name, value in error.items() if value},
        "level": options.level,
        "environment": options.environment,
        "release": options.release,
        "tags": dict(_tag(text) for text in options.tag),
        "metadata": {"host": host_name()},
    }


def _stack(file: str | None) -> str | None:
    """The file's end, where it is too long: that is where things are said to have gone wrong."""
    if file is None:
        return None
    content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    return content[-MAX_STACK_BYTES:].decode(errors="replace")


def _tag(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value

"""Run a job, and report it if it fails:  avalon run -- ./backup.sh --all

The job keeps its standard input and output, its signals and its exit code (128 and the signal's number
where a signal ended it). Reported are the command, the exit code, how long it took, this host's name and the
end of what the job wrote to standard error; its environment is not. That Avalon is away is said in one line
and changes nothing for the job.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import time
from typing import Any, Final

from avalon.cli import USAGE, explain
from avalon.cli.client import add_target_options, find_target, host_name, send
from avalon.cli.console import say
from avalon.cli.passthrough import CaptureEnd, run_job
from avalon.events import LEVELS

KEPT_BYTES: Final = 64 * 1024
MAX_NAME: Final = 200
NOT_FOUND, NOT_EXECUTABLE = 127, 126


def configure(parser: argparse.ArgumentParser) -> None:
    parser.usage = "avalon run [--level LEVEL] [--key KEY] [--url URL] -- COMMAND [ARGUMENT …]"
    parser.add_argument("--level", choices=LEVELS, default="error", help="of the report (default: error)")
    add_target_options(parser)
    parser.add_argument("job", nargs=argparse.REMAINDER, metavar="COMMAND", help="with its arguments")


def run(options: argparse.Namespace) -> int:
    job = options.job[1:] if options.job[:1] == ["--"] else options.job
    if not job:
        say("avalon run: give a command: avalon run -- COMMAND")
        return USAGE
    begun = time.monotonic()
    end = CaptureEnd(KEPT_BYTES)
    code = _run(job, end)
    if code:
        _report(options, _describe(job, code, time.monotonic() - begun, end.text(), options.level))
    return code


def _run(job: list[str], end: CaptureEnd) -> int:
    """The job's exit code as a shell would give it."""
    try:
        code = run_job(job, end)
    except OSError as error:
        said = f"avalon run: {job[0]}: {error.strerror}"
        say(said)
        end.feed(said.encode(errors="replace"))
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    return 128 - code if code < 0 else code


def _describe(job: list[str], code: int, seconds: float, stderr: str, level: str) -> dict[str, Any]:
    command = shlex.join(job)
    name = command if len(command) <= MAX_NAME else command[: MAX_NAME - 1] + "…"
    ended = (
        f"was ended by {signal.Signals(code - 128).name}"
        if _is_signal(code)
        else f"failed with exit code {code}"
    )
    return {
        "error": {"message": f"{name} {ended}", "type": "JobFailed", "stack": stderr},
        "level": level,
        "metadata": {
            "command": command,
            "exit_code": code,
            "duration_s": round(seconds, 3),
            "host": host_name(),
        },
    }


def _is_signal(code: int) -> bool:
    return code > 128 and code - 128 in {int(known) for known in signal.Signals}


def _report(options: argparse.Namespace, report: dict[str, Any]) -> None:
    """Whatever goes wrong here, the job's own exit code is what counts."""
    try:
        send(find_target(options), report)
    except Exception as error:
        say(f"avalon run: the failure could not be reported: {explain(error) or type(error).__name__}")

"""Ingest of this tree against that of an older commit: both serve at once, and are loaded in turns."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from parts import HERE, postgres, service, show, wrk

ROOT = HERE.parent.parent
ROUNDS = 6
SECONDS = 5
CONNECTIONS = 64


@contextmanager
def _tree(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def main(commit: str) -> None:
    with ExitStack() as stack:
        trees = {"now": ROOT, "then": stack.enter_context(_tree(commit))}
        services = {}
        for name, tree in trees.items():
            urls = stack.enter_context(postgres())
            services[name] = stack.enter_context(service(*urls, PYTHONPATH=str(tree)))
            wrk(f"{services[name].url}/report", connections=16, seconds=2, BENCH_KEY=services[name].key)
        rows = []
        for turn in range(ROUNDS):
            order = ("now", "then") if turn % 2 else ("then", "now")
            rates = {
                name: wrk(
                    f"{services[name].url}/report",
                    connections=CONNECTIONS,
                    seconds=SECONDS,
                    BENCH_KEY=services[name].key,
                    BENCH_FIRST=str(turn * 1_000_000),
                ).rate
                for name in order
            }
            rows.append({"round": turn + 1, **rates, "ratio": rates["now"] / rates["then"]})
    show("against", rows, commit=commit, median_ratio=median(row["ratio"] for row in rows))

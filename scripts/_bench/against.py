"""Ingest of this tree against that of an older commit: both serve at once, and are loaded in turns.

One report a request and many, of one error and of many: the more errors are active at once, the fewer
reports an append can count together.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from parts import HERE, Service, postgres, service, show, wrk

ROOT = HERE.parent.parent
ROUNDS = 6
SECONDS = 4
GROUPS = (1, 50, 500)
# How many reports a request holds, and how many connections send such requests.
LOADS = {1: 64, 100: 4}


@contextmanager
def _tree(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


def main(commit: str, rounds: int = ROUNDS) -> None:
    """Loads both trees with the same reports; a few seconds for each, round by round."""
    with ExitStack() as stack:
        trees = {"now": ROOT, "then": stack.enter_context(_tree(commit))}
        services = {}
        for name, tree in trees.items():
            urls = stack.enter_context(postgres())
            services[name] = stack.enter_context(service(*urls, PYTHONPATH=str(tree)))
        rows = [_compare(services, groups, per_request, rounds) for groups in GROUPS for per_request in LOADS]
    show("against", rows, commit=commit, lowest_ratio=min(row["ratio"] for row in rows))


def _compare(services: dict[str, Service], groups: int, per_request: int, rounds: int) -> dict[str, Any]:
    """The rates of both, in reports a second, and the median of the rounds' ratios."""
    rates: dict[str, list[float]] = {"then": [], "now": []}
    # The first turn opens the groups' issues, and is not counted.
    for turn in range(rounds + 1):
        for name in ("now", "then") if turn % 2 else ("then", "now"):
            rate = _load(services[name], groups, per_request, turn)
            if turn:
                rates[name].append(rate)
    ratios = [now / then for now, then in zip(rates["now"], rates["then"], strict=True)]
    return {
        "groups": groups,
        "reports a request": per_request,
        "then/s": median(rates["then"]),
        "now/s": median(rates["now"]),
        "ratio": median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def _load(one: Service, groups: int, per_request: int, turn: int) -> float:
    done = wrk(
        f"{one.url}/report" if per_request == 1 else f"{one.url}/report/batch",
        connections=LOADS[per_request],
        seconds=SECONDS,
        BENCH_KEY=one.key,
        BENCH_GROUPS=str(groups),
        BENCH_PER_REQUEST=str(per_request),
        BENCH_FIRST=str((turn + 1) * 1_000_000),
    )
    if done.not_2xx:
        raise SystemExit(f"{done.not_2xx} of {done.requests} requests were refused")
    return done.rate * per_request

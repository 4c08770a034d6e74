"""`scripts/bench NAME`: which benchmark to run."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

NAMES = ("grouping", "ingest", "lists", "live", "regroup", "rest", "rules", "size", "storm")
# Those that need an argument, and so are not among all.
NAMED = ("against",)


def main() -> None:
    names = sys.argv[1:2] or NAMES
    if names[0] not in NAMES + NAMED:
        raise SystemExit(f"scripts/bench: one of {', '.join(NAMES + NAMED)}; none means all but the last")
    # The storm's Discord is that of the tests.
    sys.path.append(str(Path(__file__).parents[2]))
    for name in names:
        importlib.import_module(name).main(*(int(one) if one.isdecimal() else one for one in sys.argv[2:]))


main()

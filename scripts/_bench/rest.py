"""What a replica costs when nothing happens: its private memory, half a minute after its start."""

from __future__ import annotations

import time
from pathlib import Path

from parts import postgres, service, show

SETTLE_S = 30


def main() -> None:
    with postgres() as (owner_url, service_url), service(owner_url, service_url) as avalon:
        time.sleep(SETTLE_S)
        private, ticks = _private_mb(avalon.pid), _cpu_ticks(avalon.pid)
        time.sleep(10)
        idle = (_cpu_ticks(avalon.pid) - ticks) / 10
    show("rest", [{"private MB": private, "CPU % at rest": idle}])


def _private_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def _cpu_ticks(pid: int) -> int:
    """A tick is 10 ms: ticks a second are per cent of a core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])

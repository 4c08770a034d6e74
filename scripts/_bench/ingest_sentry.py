"""Envelopes of sentry-sdk against `/report`, in turns and in one run; every 200 is looked up afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from parts import missing_ids, postgres, service, show, wrk
from sentry_events import write_envelopes

SECONDS = 4
CONNECTIONS = 64
# The JSON's size, with as many bodies as one run can use up.
SIZES = ((3, 24_000), (12, 12_000), (50, 6_000))


def main() -> None:
    with (
        postgres() as (owner_url, service_url),
        service(owner_url, service_url) as avalon,
        tempfile.TemporaryDirectory() as folder,
    ):
        rows, missing = _rows(avalon.url, avalon.key, service_url, Path(folder))
    show("ingest of Sentry envelopes", rows, acknowledged_but_missing=missing)


def _rows(url: str, key: str, service_url: str, folder: Path) -> tuple[list[dict[str, Any]], int]:
    def reports(seconds: int) -> float:
        return wrk(f"{url}/report", connections=CONNECTIONS, seconds=seconds, BENCH_KEY=key).rate

    reports(2)
    rows, missing = [], 0
    for kilobytes, count in SIZES:
        bodies, ids = folder / "bodies", folder / "ids"
        sent = write_envelopes(bodies, count, kilobytes)
        before = reports(SECONDS // 2)
        found = wrk(
            f"{url}/api/1/envelope/",
            connections=CONNECTIONS,
            seconds=SECONDS,
            script="bodies.lua",
            BENCH_KEY=key,
            BENCH_BODIES=str(bodies),
            BENCH_IDS=str(ids),
        )
        rate = (before + reports(SECONDS // 2)) / 2
        missing += missing_ids(service_url, ids)
        rows.append(
            {
                "JSON": f"{kilobytes} KB",
                "gzip": f"{sent / 1000:.1f} KB",
                "reports/s": rate,
                "envelopes/s": found.rate,
                "ratio": found.rate / rate,
                "p99 ms": found.p99_ms,
                "not 2xx": found.not_2xx,
                "sent twice": max(0, found.requests - count),
            }
        )
    return rows, missing

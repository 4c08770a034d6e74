"""`/report` against the bare echo on the same server, in one run; every 201 is looked up afterwards."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import ingest_sentry
from parts import echo, missing_ids, postgres, service, show, wrk

SECONDS = 6
CONNECTIONS = (1, 16, 64, 256)
BATCH = 1_000


def main(option: str = "", protocol: str = "avalon") -> None:
    if (option, protocol) == ("--protocol", "sentry"):
        ingest_sentry.main()
        return
    with postgres() as (owner_url, service_url), service(owner_url, service_url) as avalon, echo() as bare:
        with tempfile.TemporaryDirectory() as folder:
            rows, missing, echo_rate = _single(avalon.url, avalon.key, bare, service_url, Path(folder))
        batched = wrk(
            f"{avalon.url}/report/batch",
            connections=4,
            seconds=SECONDS,
            BENCH_KEY=avalon.key,
            BENCH_PER_REQUEST=str(BATCH),
        )
    show(
        "ingest",
        rows,
        acknowledged_but_missing=missing,
        batch_reports_per_s=batched.rate * BATCH,
        batch_reports_per_echo=batched.rate * BATCH / echo_rate,
        batch_p99_ms=batched.p99_ms,
        batch_not_2xx=batched.not_2xx,
    )


def _single(
    url: str, key: str, bare: str, service_url: str, folder: Path
) -> tuple[list[dict[str, Any]], int, float]:
    wrk(f"{url}/report", connections=16, seconds=2, BENCH_KEY=key)
    rows, missing, echo_rate = [], 0, 0.0
    for connections in CONNECTIONS:
        before = wrk(bare, connections=connections, seconds=SECONDS // 2)
        ids = folder / f"{connections}.ids"
        found = wrk(
            f"{url}/report", connections=connections, seconds=SECONDS, BENCH_KEY=key, BENCH_IDS=str(ids)
        )
        after = wrk(bare, connections=connections, seconds=SECONDS // 2)
        rate = (before.rate + after.rate) / 2
        echo_rate = rate if connections == 64 else echo_rate
        missing += missing_ids(service_url, ids)
        rows.append(
            {
                "connections": connections,
                "echo/s": rate,
                "reports/s": found.rate,
                "ratio": found.rate / rate,
                "p50 ms": found.p50_ms,
                "p99 ms": found.p99_ms,
                "not 201": found.not_2xx,
            }
        )
    return rows, missing, echo_rate

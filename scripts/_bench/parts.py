"""What every benchmark needs: a Postgres, a service, the echo, wrk; all on loopback, all ended at the end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from avalon.embedded import start_embedded

HERE = Path(__file__).parent
_LISTENS = re.compile(r"listens: (http://\S+)")
_KEY = re.compile(r"avl_\w+")


class Service(NamedTuple):
    """A running `avalon serve`, with the key of its first start."""

    url: str
    key: str
    pid: int
    username: str
    password: str


class Wrk(NamedTuple):
    """One run of wrk."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    not_2xx: int


@contextmanager
def postgres() -> Iterator[tuple[str, str]]:
    """A fresh embedded server; its owner's and its service's URL."""
    with tempfile.TemporaryDirectory(prefix="avl") as folder:
        embedded = start_embedded(Path(folder) / "data")
        try:
            yield embedded.owner_url, embedded.service_url
        finally:
            embedded.stop()


@contextmanager
def service(owner_url: str, service_url: str, **more: str) -> Iterator[Service]:
    """`avalon serve` on a port of its own; on a fresh database also the first key."""
    password = "benchmark-only"
    environ = os.environ | {
        "DATABASE_URL": service_url,
        "DATABASE_OWNER_URL": owner_url,
        "AVALON_ADMIN_PASSWORD": password,
        "AVALON_LOG_FILE": "",
    }
    command = [sys.executable, "-m", "avalon", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, env=environ | more, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    try:
        url, key = _read_welcome(process)
        yield Service(url, key, process.pid, "admin", password)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _read_welcome(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stderr is not None
    said = url = ""
    for line in process.stderr:
        said += line
        if found := _LISTENS.search(line):
            url = found[1]
        if url and (key := _KEY.search(line)):
            return url, key[0]
    raise SystemExit(f"the service did not start:\n{said}")


@contextmanager
def echo() -> Iterator[str]:
    """The echo under the same server with the same flags; its URL."""
    process = subprocess.Popen([sys.executable, str(HERE / "echo.py")], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        wrk(url, connections=1, seconds=1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def wrk(url: str, *, connections: int, seconds: int, script: str = "report.lua", **environ: str) -> Wrk:
    """Reports from this many connections for so long."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    done = subprocess.run(
        [*command, "-s", str(HERE / script), url],
        env=os.environ | {"BENCH_KEY": ""} | environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 120,
    )
    text = done.stdout
    not_2xx = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Wrk(
        rate=_number(r"Requests/sec:\s+([\d.]+)", text),
        p50_ms=_milliseconds("50%", text),
        p99_ms=_milliseconds("99%", text),
        requests=int(_number(r"(\d+) requests in", text)),
        not_2xx=int(not_2xx[1]) if not_2xx else 0,
    )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if not found:
        raise SystemExit(f"wrk said something else:\n{text}")
    return float(found[1])


def _milliseconds(share: str, text: str) -> float:
    found = re.search(rf"\s{share}\s+([\d.]+)(us|ms|s)\b", text)
    assert found, text
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]


def missing_ids(service_url: str, ids: Path) -> int:
    """How many of the acknowledged ids, one a line, are not in the log."""
    missing = 0
    lines = [line for line in ids.read_text().splitlines() if line]
    with psycopg.connect(service_url) as connection:
        for start in range(0, len(lines), 10_000):
            row = connection.execute(
                "SELECT count(*) FROM unnest(%s::uuid[]) AS acknowledged (id) WHERE NOT EXISTS"
                " (SELECT FROM log.event AS e WHERE e.type = 'error.reported' AND e.id = acknowledged.id)",
                [lines[start : start + 10_000]],
            ).fetchone()
            missing += row[0] if row else 0
    return missing


def show(title: str, rows: list[dict[str, Any]], **facts: Any) -> None:
    """A table for people, then one line of JSON for programs."""
    print(f"\n{title}\n")
    names = list(rows[0])
    table = [names, *[[_cell(row[name]) for name in names] for row in rows]]
    widths = [max(len(line[column]) for line in table) for column in range(len(names))]
    for line in table:
        print("  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    for name, value in facts.items():
        print(f"  {name.replace('_', ' ')}: {_cell(value)}")
    print("\n" + json.dumps({"benchmark": title, "rows": rows, **facts}), flush=True)


def _cell(value: Any) -> str:
    return (
        f"{value:,.3g}"
        if isinstance(value, float) and abs(value) < 100
        else (
            f"{value:,.0f}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
        )
    )

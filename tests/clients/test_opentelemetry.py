"""The OpenTelemetry Python SDK as a program of its own: what it sends is what the API gives back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.acceptance.command import DEADLINE_S
from tests.acceptance.readme import the_block
from tests.clients.conftest import Served, eventually
from tests.clients.tap import tapped

SHOP = Path(__file__).parent / "programs" / "otel_shop.py"


def environment(served: Served, headers: str, **more: str) -> dict[str, str]:
    """All that an operator sets, and the way to the interpreter."""
    return {
        "PATH": os.environ["PATH"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": served.url,
        "OTEL_EXPORTER_OTLP_HEADERS": headers,
        "OTEL_SERVICE_NAME": "web",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=1.4.2,deployment.environment.name=prod,host.name=web-1",
    } | more


def start(served: Served, headers: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SHOP), *arguments],
        env=environment(served, headers, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(served: Served, headers: str, *arguments: str, **more: str) -> str:
    """What the SDK had to complain of."""
    out, err = start(served, headers, *arguments, **more).communicate(timeout=DEADLINE_S)
    assert out == ""
    return err


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_what_the_sdk_sends_is_what_the_api_gives_back(served: Served, compression: str) -> None:
    service = f"shop-{compression}"
    key = served.new_key(service)
    complaints = run(served, f"x-api-key={key}", OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    assert complaints == ""
    found = served.reports(service, 3)
    assert len(found) == 3
    for report in found:
        assert report["tags"]["service.name"] == "web"
        assert (report["environment"], report["release"]) == ("prod", "1.4.2")
        assert (report["platform"], report["server_name"]) == ("python", "web-1")
        assert report["sdk"]["name"] == "opentelemetry"
    said = {report["message"]: report for report in found}
    low, logged, raised = said["stock of tea is low"], said["price"], said["declined"]
    assert (low["level"], low["exceptions"]) == ("warning", [])
    assert low["metadata"]["left"] == 0
    assert low["tags"]["logger"] == "shop.orders"
    check_logged(logged)
    check_raised(raised)
    assert raised["contexts"]["trace"]["span_id"] == logged["contexts"]["trace"]["span_id"]


def check_logged(report: dict[str, Any]) -> None:
    assert (report["level"], report["message"]) == ("error", "price")
    (exception,) = report["exceptions"]
    assert (exception["type"], exception["value"]) == ("KeyError", "price")
    assert report["metadata"]["body"] == "could not pay order 17"
    assert report["metadata"]["sku"] == "A-1"
    assert report["metadata"]["code.function.name"] == "handle"
    assert 'return order["price"]' in report["stack"]
    assert report["stack"].startswith("Traceback (most recent call last):\n")


def check_raised(report: dict[str, Any]) -> None:
    assert (report["level"], report["message"]) == ("error", "declined")
    (exception,) = report["exceptions"]
    assert (exception["type"], exception["value"]) == ("__main__.PaymentError", "declined")
    assert (report["method"], report["path"]) == ("POST", "/orders/17")
    assert report["transaction"] == "POST /orders/{id}"
    assert report["user"] == {"id": "ada"}
    assert "KeyError: 'price'" in report["stack"]
    assert report["stack"].endswith("PaymentError: declined\n")
    assert report["tags"]["logger"] == "shop.tracer"


def test_what_the_readme_sets_is_enough(served: Served) -> None:
    lines = the_block("sh", "OTEL_EXPORTER_OTLP_ENDPOINT").splitlines()
    variables = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    key = served.new_key("readme")
    mine = {"http://127.0.0.1:4000": served.url, "x-api-key=avl_your_api_key": f"x-api-key={key}"}
    program = subprocess.run(
        [sys.executable, str(SHOP)],
        env={"PATH": os.environ["PATH"], **{name: mine.get(text, text) for name, text in variables.items()}},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert program.stderr == ""
    assert len(served.reports("readme", 3)) == 3


def test_the_key_may_be_a_bearer_token(served: Served) -> None:
    key = served.new_key("bearer")
    assert run(served, f"Authorization=Bearer%20{key}") == ""
    assert len(served.reports("bearer", 3)) == 3


def test_many_records_arrive_each_once(served: Served) -> None:
    """More than a batch of the SDK's: several requests, one after the other."""
    key = served.new_key("many")
    assert run(served, f"x-api-key={key}", "1500", OTEL_EXPORTER_OTLP_COMPRESSION="gzip") == ""
    eventually(lambda: events_of(served, "many") >= 1502, "1,502 reports")
    assert events_of(served, "many") == 1502


def events_of(served: Served, service: str) -> int:
    with psycopg.connect(served.urls.service) as connection:
        statement = "SELECT count(*) FROM log.event WHERE type = 'error.reported' AND service = %s"
        row = connection.execute(statement, [service]).fetchone()
        assert row is not None
        return int(row[0])


def test_a_wrong_key_is_said_once_and_not_tried_again(served: Served) -> None:
    complaints = run(served, "x-api-key=avl_nonsense")
    assert complaints.count("Failed to export") == 3
    assert complaints.count("401") == 3
    assert "Transient" not in complaints


def test_an_answer_that_was_lost_is_asked_for_again_in_time_and_stored_once(served: Served) -> None:
    """Between the SDK and us: what it sends arrives, but the first answer on each path does not."""
    key = served.new_key("retried")
    with tapped(served.url, lost=1, retry_after_s=1) as tap:
        complaints = run(served, f"x-api-key={key}", OTEL_EXPORTER_OTLP_ENDPOINT=tap.url)
    assert complaints.count("Transient error Service Unavailable") == 3
    assert "Failed" not in complaints
    for path in ("/v1/logs", "/v1/traces", "/v1/metrics"):
        first, second = (seen for seen in tap.seen if seen.path == path)
        assert first.body == second.body
        assert (first.status, second.status) == (200, 200)
        assert second.at - first.at >= 1
    assert events_of(served, "retried") == 3


def test_while_postgres_is_away_the_sdk_tries_again_and_each_is_stored_once(served: Served) -> None:
    key = served.new_key("patient")
    with away(served):
        program = start(served, f"x-api-key={key}")
        eventually(lambda: refused(served) >= 2, "an exporter that was asked to wait")
    _, complaints = program.communicate(timeout=DEADLINE_S)
    assert "Transient error Service Unavailable" in complaints
    assert "Failed" not in complaints
    assert len(served.reports("patient", 3)) == 3


def refused(served: Served) -> float:
    lines = served.api.get("/metrics").text.splitlines()
    name = 'avalon_reports_total{outcome="refused_503"} '
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(name))


@contextmanager
def away(served: Served) -> Iterator[None]:
    """The replica's database turns everybody off."""
    superuser = served.urls.superuser
    name = sql.Identifier(str(conninfo_to_dict(superuser)["dbname"]))
    with psycopg.connect(f"{superuser}&dbname=postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [conninfo_to_dict(superuser)["dbname"]],
            )
            yield
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))

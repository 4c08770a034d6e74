"""The integration guides, followed as a reader would: files are saved, commands are typed, one by one.

A block with a file's name in its info string is that file, or is added at its end where there is one.
Blocks of shell are run; those marked `server` go on running meanwhile. Other blocks are only shown.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

from avalon.statements import STATIC
from tests.acceptance.command import DEADLINE_S, ROOT
from tests.clients.conftest import Served, eventually
from tests.clients.node import NODE

DOCS = STATIC / "docs"
LANGUAGES = ("en", "fr")
# What the dashboard replaces, in this order; static/docs/en/index.md tells of it.
ADDRESS, KEY = "https://avalon.example.org", "avl_YOUR_KEY"
PORT = "8000"
# The wheel of node has one that does not start; here nothing has to be fetched.
OWN_NPX = 'npx() { "$@"; }\n'


class Block(NamedTuple):
    """A block of code: its language, what its info string says besides, and the code."""

    language: str
    info: str
    code: str


def names() -> list[str]:
    """The pages, without their ending."""
    return sorted(path.stem for path in (DOCS / "en").glob("*.md"))


def text_of(name: str, language: str = "en") -> str:
    return (DOCS / language / f"{name}.md").read_text()


def blocks_of(text: str) -> list[Block]:
    fences = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]
    return [Block(*(token.info.strip() + " ").split(" ", 1), token.content) for token in fences]


def fill(code: str, url: str, key: str, port: int) -> str:
    """The code with a real address, key and port in the place of the guides' own."""
    scheme, _, host = url.partition("://")
    filled = code.replace(ADDRESS.replace("://", f"://{KEY}@"), f"{scheme}://{key}@{host}")
    return filled.replace(ADDRESS, url).replace(KEY, key).replace(PORT, str(port))


def save_files(name: str, folder: Path, served: Served, key: str, port: int = 0) -> None:
    """All files that a guide shows, where it says; what is there already goes on with them."""
    for _, info, code in blocks_of(text_of(name)):
        if (file := info.strip()) not in ("", "server"):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as opened:
                opened.write(fill(code, served.url, key, port))


@contextmanager
def followed(name: str, folder: Path, served: Served, key: str) -> Iterator[str]:
    """All that a guide says is done; its servers run until the block ends. Gives what its commands said."""
    port, exports, said = _free_port(), OWN_NPX, ""
    path = ["node_modules/.bin", str(Path(NODE).parent), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {"PATH": os.pathsep.join(path), "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    save_files(name, folder, served, key, port)
    with ExitStack() as servers:
        for language, info, code in blocks_of(text_of(name)):
            filled = fill(code, served.url, key, port)
            if language != "sh":
                continue
            if code.startswith("export "):
                exports += filled
            elif info.strip() == "server":
                servers.enter_context(_server(exports + filled, folder, environment, port))
            elif not _is_installed(code, folder):
                said += _run(exports + filled, folder, environment)
        yield said


def _is_installed(code: str, folder: Path) -> bool:
    """Whether this only installs what the tests have anyway. Raises where they do not."""
    command, *packages = code.split()
    if command == "pip":
        return all(distribution(package) for package in packages[1:])
    if command == "npm":
        missing = [one for one in packages[1:] if not (folder / "node_modules" / one).exists()]
        assert missing == [], "tests/clients/package.json has not what the guide installs"
        return True
    return False


def _run(script: str, folder: Path, environment: dict[str, str]) -> str:
    """What it said. Its exit code may be any: most of these programs fail on purpose."""
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    return done.stdout + done.stderr


@contextmanager
def _server(script: str, folder: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    """A server of the guide's, as soon as it listens."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", script],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            eventually(lambda: process.poll() is not None or _listens(port), f"a server by {script}")
            assert process.poll() is None, (folder / "server.log").read_text()
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def shown_in(text: str) -> str:
    """The error that a guide says will be in the list, as `Type: message`."""
    return re.findall(r"`(\w+: Hello, Avalon)`", text)[0]

"""What people install, started as they start it: the wheel, the steps of the image, a fresh checkout."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
START_DEADLINE_S = 60

pytestmark = pytest.mark.slow


class Running:
    """`avalon serve` as a process: what it says to people, and the address that it names."""

    def __init__(self, command: list[str | Path], folder: Path, **environment: str) -> None:
        own = {
            name: value for name, value in os.environ.items() if not name.startswith(("AVALON_", "DATABASE_"))
        }
        self.said = ""
        self.listens = threading.Event()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**own, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.said += line
            if "curl" in line:  # the last thing that a first start says
                self.listens.set()
        self.listens.set()

    @property
    def url(self) -> str:
        found = re.search(r"listens: (http://\S+)", self.said)
        assert found, self.said
        return found[1]

    def wait(self) -> None:
        assert self.listens.wait(START_DEADLINE_S), self.said

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.process.stderr.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path, for the socket of the embedded Postgres."""
    with tempfile.TemporaryDirectory(prefix="avl") as name:
        yield Path(name)


def run(*command: str | Path, **options: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr


def install_wheel(folder: Path) -> Path:
    """A fresh environment with our wheel, and with the packages of the one that runs this test: its `bin`."""
    options = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", *options, "--no-build-isolation", "--wheel-dir", folder / "wheel", ROOT)
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    # A path in a .pth file is added as it is: .pth files in there, such as that of the checkout, don't count.
    packages = next((folder / "venv" / "lib").glob("python3*/site-packages"))
    (packages / "theirs.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n")
    bin_ = folder / "venv" / "bin"
    run(*pip, "--python", bin_ / "python", "install", *options, *(folder / "wheel").glob("*.whl"))
    return bin_


def test_the_wheel_carries_all_that_the_service_needs(folder: Path):
    bin_ = install_wheel(folder)
    where = subprocess.check_output(
        [bin_ / "python", "-c", "import avalon; print(avalon.__file__)"], cwd=folder
    )
    assert Path(where.decode().strip()).is_relative_to(folder)
    service = Running([bin_ / "avalon", "serve", "--port", "0"], folder)
    try:
        take_a_first_error(service)
        page = httpx.get(service.url)
        assert page.status_code == 200
        linked = re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css))"', page.text)
        for path in (*linked, "/avalon.js", "/static/docs/en/index.md", "/static/docs/fr/index.md"):
            assert httpx.get(service.url + path).status_code == 200, path
    finally:
        code = service.stop()
    assert code == 0, service.said
    assert (folder / "logs" / "errors.log").exists()
    assert not (folder / ".avalon" / "postgres" / "postmaster.pid").exists()


def test_the_images_steps_make_a_service_that_is_healthy(folder: Path):
    image = folder / "image"
    run(ROOT / "scripts" / "image-steps", image)
    program = image / "opt" / "avalon" / "bin" / "avalon"
    work = image / "srv" / "avalon"
    service = Running([program, "serve"], work, AVALON_PORT="0", AVALON_HOST="127.0.0.1")
    try:
        take_a_first_error(service)
        healthy = health_command(image)
        run(*healthy, env={"AVALON_PORT": service.url.rpartition(":")[2]})
        refused = subprocess.run(healthy, env={"AVALON_PORT": "9"}, capture_output=True)
        assert refused.returncode != 0
    finally:
        assert service.stop() == 0, service.said


def test_a_fresh_checkout_serves_with_one_command(folder: Path):
    files = subprocess.check_output(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, text=True
    ).split("\0")
    for name in filter(None, files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    service = Running([folder / "scripts" / "serve", "--port", "0"], Path("/"))
    try:
        take_a_first_error(service)
    finally:
        assert service.stop() == 0, service.said
    assert (folder / ".avalon" / "postgres").is_dir(), "beside the checkout, wherever it was started from"


def take_a_first_error(service: Running) -> None:
    """Does what a newcomer does: pastes the curl that the first start prints."""
    service.wait()
    command = next(line for line in service.said.splitlines() if line.strip().startswith("curl "))
    _, url, *rest = shlex.split(command)
    headers = dict(rest[i + 1].split(": ", 1) for i, word in enumerate(rest) if word == "-H")
    answer = httpx.post(url, headers=headers, content=rest[rest.index("-d") + 1])
    assert answer.status_code == 201, answer.text
    assert httpx.get(f"{service.url}/health/ready").status_code == 200


def health_command(image: Path) -> list[str | Path]:
    """The Dockerfile's HEALTHCHECK, with the image's Python."""
    line = re.search(r"HEALTHCHECK[^[]*(\[.*\])", (ROOT / "Dockerfile").read_text(), re.DOTALL)[1]
    python, *rest = eval(line.splitlines()[0])
    assert python == "python"
    return [image / "opt" / "avalon" / "bin" / python, *rest]

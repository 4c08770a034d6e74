"""The page's modules on their own, under node's test runner. No browser and no service."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.node import NODE

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.test.js")), ids=lambda file: file.name)
def test_the_module_does_what_its_own_tests_say(file: Path) -> None:
    done = subprocess.run([NODE, "--test", file], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_in_the_page_makes_markup_out_of_text() -> None:
    for file in (FOLDER.parents[1] / "static").glob("*.js"):
        text = file.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
            assert way not in text, f"{file.name} uses {way}"

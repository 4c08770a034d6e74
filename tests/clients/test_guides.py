"""Each guide does what it says: followed word by word, its deliberate error is in the list."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import execute_from_command_line

from tests.clients.conftest import Served
from tests.clients.guides import followed, shown_in, text_of

PYTHON = ["django", "fastapi", "flask", "litestar", "python", "python-logging"]
SHELL = ["curl", "troubleshooting"]


def check(name: str, served: Served, said: str) -> None:
    """The one report of the guide's key is the error that the guide shows."""
    try:
        [report] = served.reports(name)
    except AssertionError as error:
        raise AssertionError(said) from error
    text = text_of(name)
    assert f"{report['type']}: {report['message']}" == shown_in(text)
    if "_RELEASE=" in text:
        assert (report["environment"], report["release"]) == ("production", "1.4.2")


@pytest.mark.parametrize("name", [*PYTHON, *SHELL])
def test_its_error_arrives(name: str, served: Served, tmp_path: Path) -> None:
    if name == "django":
        execute_from_command_line(["django-admin", "startproject", "shop", str(tmp_path)])
    with followed(name, tmp_path, served, served.new_key(name)) as said:
        check(name, served, said)

"""The README's snippets as they stand there."""

from __future__ import annotations

import re

from tests.acceptance.command import ROOT


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in this language."""
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def the_block(language: str, with_text: str = "") -> str:
    """The one block of this language that has this text."""
    found = [block for block in blocks(language) if with_text in block]
    assert len(found) == 1, f"{len(found)} blocks of {language} with {with_text!r}"
    return found[0]

"""What the README says can be checked without running it; the acceptance tests run its snippets."""

from __future__ import annotations

import re
from pathlib import Path

from avalon.cli import COMMANDS
from avalon.search import ISSUES, parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_it_names_every_command_and_what_it_does() -> None:
    for name, (_, words) in COMMANDS.items():
        assert f"| `avalon {name}` | {words} |" in README


def test_its_table_of_the_search_language_is_the_parsers() -> None:
    _, _, section = README.partition("\n## Search\n")
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| (.+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    assert rows == [(key.name, key.example, key.meaning) for key in ISSUES.values()]
    for _, example, _ in rows:
        assert len(parse(example, ISSUES)) == 1


def test_the_files_that_it_points_to_are_there() -> None:
    named = set(re.findall(r"\bscripts/\w+|\.ci/\w+", README))
    assert {"scripts/serve", "scripts/test", "scripts/check", "scripts/bench", ".ci/run"} <= named
    named |= set(re.findall(r"\]\(([\w./-]+)\)", README))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_its_figure_and_its_text_fit_a_terminal() -> None:
    prose = re.sub(r"^\|[^\n]*$|^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 120] == []

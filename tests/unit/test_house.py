"""The house's rules that no linter knows: what stands where, what imports what, how long things get."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AVALON = ROOT / "avalon"

TOP_LEVEL = {
    *("avalon", "sql", "static", "tests", "scripts", ".ci"),
    *("pyproject.toml", "README.md", "LICENSE", "Dockerfile", "docker-compose.yml"),
    *(".env.example", ".gitignore"),
}

# A row imports only from rows above it; within a package everything may import everything.
IMPORT_ORDER = [
    "errors",
    "environment",
    "settings",
    "telemetry",
    "connection",
    "database",
    "embedded",
    "statements",
    "release",
    "reporting",
    "events",
    "inflate",
    "reports",
    "grouping",
    "event_store",
    "scratch",
    "mending",
    "projections",
    "upgrade",
    "migrations",
    "minutes",
    "rewriting",
    "retention",
    "issues",
    "search",
    "rules",
    "deletions",
    "read_models",
    "auth",
    "source_maps",
    "drops",
    "feedback",
    "regrouping",
    "listener",
    "feed",
    "items",
    "filters",
    "reader",
    "replay",
    "hub",
    "sinks",
    "subscriptions",
    "protocols",
    "ingest",
    "importing",
    "routes",
    "app",
    "cli",
    "__main__",
]

MAX_FILE_LINES = 250
MAX_FUNCTION_LINES = 40


def modules() -> list[Path]:
    return sorted(AVALON.rglob("*.py"))


def row_of(module: str) -> str:
    """The row of a dotted name: `avalon.sinks.discord` stands in the row `sinks`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "avalon":
                yield from (f"avalon.{alias.name}" for alias in node.names)
            else:
                yield str(node.module)


def out_of_order(path: Path, own: str) -> list[str]:
    above = IMPORT_ORDER[: IMPORT_ORDER.index(own) + 1]
    rows = {row_of(name) for name in imports_of(path) if name == "avalon" or name.startswith("avalon.")}
    return sorted(row for row in rows if row in IMPORT_ORDER and row not in above)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(AVALON)))
def test_a_module_imports_only_from_rows_above_it(path: Path):
    own = path.relative_to(AVALON).parts[0].removesuffix(".py")
    if own == "__init__":
        assert not [name for name in imports_of(path) if name.startswith("avalon.")]
        return
    assert own in IMPORT_ORDER, f"{own} has no place in the import order yet"
    assert out_of_order(path, own) == []


def test_the_import_order_would_notice_an_import_from_below(tmp_path: Path):
    module = tmp_path / "errors.py"
    module.write_text(
        "def late():\n    from avalon.hub import Hub\n    from avalon import events, telemetry\n"
    )
    assert out_of_order(module, "errors") == ["events", "hub", "telemetry"]
    assert out_of_order(module, "routes") == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(AVALON)))
def test_a_file_holds_one_noun_and_a_function_fits_in_a_glance(path: Path):
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= MAX_FILE_LINES, "a part of it wants a file of its own"
    functions = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES]
    assert long == [], "the middle wants a name"


def test_every_module_says_what_it_is_in_at_most_eight_lines():
    for path in modules():
        text = path.read_text()
        said = ast.get_docstring(ast.parse(text)) if text.strip() else "empty"
        assert said, f"{path.relative_to(ROOT)} has no docstring"
        if path.name not in ("errors.py", "__init__.py"):  # a tree or a map may be drawn there
            assert len(re.findall(r".+", said)) <= 8, f"{path.relative_to(ROOT)}: a shorter docstring"


def test_exactly_the_known_things_stand_at_the_top():
    tracked = git("ls-files")
    if tracked is None:
        pytest.skip("not a git checkout")
    assert {line.split("/")[0] for line in tracked} == TOP_LEVEL


def test_every_script_can_be_run():
    tracked = git("ls-files", "--stage", "scripts", ".ci")
    if tracked is None:
        pytest.skip("not a git checkout")
    for line in tracked:
        mode, path = line.split()[0], line.split("\t")[1]
        is_program = (ROOT / path).read_bytes().startswith(b"#!")
        assert (mode == "100755") is is_program, f"{path} has mode {mode}"


def git(*arguments: str) -> list[str] | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else None


class TestDependencies:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "scripts" / "requirements.lock").read_text()

    def declared(self) -> list[str]:
        extras = self.project["optional-dependencies"].values()
        return [*self.project["dependencies"], *(one for extra in extras for one in extra)]

    def test_each_is_pinned_to_the_version_in_the_lock(self):
        for one in self.declared():
            pinned = re.match(r"([a-z0-9.-]+)(\[\w+\])?==([\w.]+)(;|$)", one)
            assert pinned, f"{one} is not pinned"
            name = pinned[1].replace(".", "-")
            assert re.search(rf"^{name}=={re.escape(pinned[3])}\b", self.lock, re.MULTILINE), one

    def test_each_says_what_it_is_for(self):
        for line in (ROOT / "pyproject.toml").read_text().splitlines():
            if re.match(r'\s+"[\w.\[\]-]+==', line):
                assert re.search(r"# \w+", line), line

    def test_the_lock_has_hashes_and_names_no_address(self):
        assert "://" not in self.lock
        packages = re.split(r"\n(?=[a-z0-9-]+==)", self.lock)[1:]
        assert len(packages) > 40
        for package in packages:
            assert "--hash=sha256:" in package, package

    def test_the_services_part_comes_first_and_holds_nothing_of_the_tests(self):
        service, divider, tests = self.lock.partition("# Only for tests and checks.\n")
        assert divider
        for one in self.project["dependencies"]:
            assert re.match(r"[\w-]+", one)[0] in service
        for name in ("pytest", "playwright", "ruff", "mypy"):
            assert f"\n{name}==" not in service
            assert f"\n{name}==" in tests


class TestJavaScriptDependencies:
    """Of the tests' clients; what the service serves has none."""

    folder = ROOT / "tests" / "clients"
    declared = json.loads((folder / "package.json").read_text())
    lock = (folder / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]

    def test_each_is_pinned_to_the_version_in_the_lock(self):
        assert self.packages[""]["dependencies"] == self.declared["dependencies"], "scripts/lock makes it"
        for name, version in self.declared["dependencies"].items():
            assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
            assert self.packages[f"node_modules/{name}"]["version"] == version

    def test_the_lock_has_hashes_and_names_no_address(self):
        assert "://" not in self.lock
        assert all(one["integrity"].startswith("sha512-") for path, one in self.packages.items() if path)

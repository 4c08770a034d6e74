"""The dashboard's page and its files."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from avalon.errors import NotFound
from avalon.routes.pages import CONTENT_TYPES, Files
from avalon.statements import STATIC
from tests.routes.reads_help import App


@pytest.fixture
def client() -> httpx.AsyncClient:
    return App(None).client(None)


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/errors", "/errors/1", "/issues/1", "/services", "/settings", "/settings/api-keys"],
)
async def test_every_address_of_the_dashboard_is_the_page(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.content == (STATIC / "index.html").read_bytes()
    assert (await client.head(path)).status_code == 200


async def test_the_guides_are_markdown(client: httpx.AsyncClient) -> None:
    for language in ("en", "fr"):
        answer = await client.get(f"/static/docs/{language}/python.md")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
        assert answer.text == (STATIC / "docs" / language / "python.md").read_text()


async def test_a_browser_that_has_it_is_told_so(client: httpx.AsyncClient) -> None:
    first = await client.get("/static/docs.css")
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    assert first.headers["cache-control"] == "no-cache"
    etag = first.headers["etag"]
    for asked in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await client.get("/static/docs.css", headers={"If-None-Match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await client.get("/static/docs.css", headers={"If-None-Match": '"other"'})).status_code == 200


async def test_any_page_may_have_the_script_that_reports_its_errors(client: httpx.AsyncClient) -> None:
    answer = await client.get("/avalon.js", headers={"Origin": "https://shop.example"})
    assert answer.content == (STATIC / "avalon.js").read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    etag = {"If-None-Match": answer.headers["etag"]}
    again = await client.get("/avalon.js", headers=etag)
    assert (again.status_code, again.headers["cross-origin-resource-policy"]) == (304, "cross-origin")
    own = await client.get("/static/app.js")
    assert not {"cross-origin-resource-policy", "access-control-allow-origin"} & set(own.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/nothing.js",
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static/..%2fpyproject.toml",
        "/static/%2fetc%2fpasswd",
        "/static/.env",
        "/static/docs.css/",
        "/static/docs.css%00.js",
        "/static/docs",
        "/nothing.html",
    ],
)
async def test_nothing_else_is_there(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code in (404, 200)
    assert answer.status_code == 404 or answer.content == (STATIC / "docs.css").read_bytes()


def test_every_file_of_ours_is_served() -> None:
    files = Files(STATIC)
    names = [str(path.relative_to(STATIC)) for path in STATIC.rglob("*") if path.is_file()]
    assert "docs.css" in names
    for name in names:
        assert files.find(name).body == (STATIC / name).read_bytes()


class TestFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        secret = tmp_path / "secret.txt"
        secret.write_text("secret")
        folder = tmp_path / "static"
        (folder / "vendor").mkdir(parents=True)
        (folder / "app.js").write_text("one")
        (folder / "vendor" / "lib-1.2.mjs").write_text("lib")
        (folder / ".hidden.js").write_text("hidden")
        (folder / "program.py").write_text("program")
        (folder / "link.txt").symlink_to(secret)
        (folder / "outside").symlink_to(tmp_path)
        return folder

    def test_plain_files_are_found(self, folder: Path) -> None:
        files = Files(folder)
        assert files.find("app.js").body == b"one"
        assert files.find("vendor/lib-1.2.mjs").content_type == CONTENT_TYPES["mjs"]

    @pytest.mark.parametrize(
        "name",
        [
            *("link.txt", "outside/secret.txt", "../secret.txt", "vendor/../app.js", "/app.js", "./app.js"),
            *(
                ".hidden.js",
                "program.py",
                "vendor",
                "vendor/",
                "",
                "app.js\0",
                "app.js/x.js",
                "x" * 300 + ".js",
            ),
        ],
    )
    def test_others_are_not(self, folder: Path, name: str) -> None:
        with pytest.raises(NotFound):
            Files(folder).find(name)

    def test_a_changed_file_is_read_again(self, folder: Path) -> None:
        files = Files(folder)
        before = files.find("app.js")
        assert files.find("app.js") is before
        (folder / "app.js").write_text("another")
        after = files.find("app.js")
        assert after.body == b"another"
        assert after.etag != before.etag

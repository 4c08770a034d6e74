"""What can be checked of the integration guides without following them; tests/clients follows them."""

from __future__ import annotations

import re
import unicodedata

import pytest
from markdown_it import MarkdownIt

from avalon.app import create_app
from avalon.cli import COMMANDS
from avalon.routes.keys import NewKeyBody
from avalon.routes.openapi import build_document
from avalon.settings import OPTIONS
from tests.clients.guides import ADDRESS, DOCS, KEY, LANGUAGES, blocks_of, fill, names, text_of
from tests.conftest import Urls, settings_for

PAGES = [(language, name) for language in LANGUAGES for name in names()]
page = pytest.mark.parametrize(("language", "name"), PAGES, ids=["-".join(each) for each in PAGES])
in_both = pytest.mark.parametrize("name", names())
PROMISED = [
    *("curl", "python", "python-logging", "django", "flask", "fastapi", "litestar", "browser", "node"),
    *("express", "nextjs", "nuxt", "react", "vue", "go", "php", "ruby", "java", "dotnet", "opentelemetry"),
]
# Addresses of others that a guide may name, in its text or in its code.
ELSEWHERE = {"docs.sentry.io", "shop.example", "127.0.0.1"}


def headings(text: str) -> list[tuple[str, str]]:
    """Each heading's tag and words."""
    tokens = MarkdownIt("commonmark").parse(text)
    return [
        (token.tag, tokens[at + 1].content) for at, token in enumerate(tokens) if token.type == "heading_open"
    ]


def words_of_headings(text: str) -> list[str]:
    return [words for _, words in headings(text)]


def anchor(heading: str) -> str:
    """As pages of Markdown are linked to everywhere: letters and digits, with dashes for blanks."""
    words = unicodedata.normalize("NFC", heading).lower().replace("\xa0", " ")
    return re.sub(r"[^\w -]", "", words).strip().replace(" ", "-")


def links(text: str) -> list[str]:
    inline = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "inline"]
    return [
        str(child.attrs["href"])
        for token in inline
        for child in token.children or []
        if child.tag == "a" and child.attrs
    ]


def test_what_was_promised_is_there_in_both_languages() -> None:
    assert set(PROMISED) | {"index"} <= set(names())
    assert sorted(path.stem for path in (DOCS / "fr").iterdir()) == names()


@in_both
def test_both_languages_have_the_same_code_and_the_same_shape(name: str) -> None:
    english, french = text_of(name, "en"), text_of(name, "fr")
    assert blocks_of(french) == blocks_of(english)
    assert [tag for tag, _ in headings(french)] == [tag for tag, _ in headings(english)]
    assert [link.partition("#")[0] for link in links(french)] == [
        link.partition("#")[0] for link in links(english)
    ]
    assert re.findall(r"`[^`\n]*`", french) == re.findall(r"`[^`\n]*`", english)


@page
def test_it_is_plain_markdown_with_one_title(language: str, name: str) -> None:
    text = text_of(name, language)
    assert [tag for tag, _ in headings(text)].count("h1") == 1
    assert text.startswith("# ")
    found = {
        child.type
        for token in MarkdownIt("commonmark").parse(text)
        for child in [token, *(token.children or [])]
    }
    assert found & {"html_block", "html_inline", "image", "code_block"} == set()
    assert [line for line in text.splitlines() if len(line) > 120] == []


def broken_links(text: str, language: str, name: str) -> list[str]:
    """Those that lead to no page or to no heading of it."""
    return [
        link for link in links(text) if not link.startswith("https://") and _is_broken(link, language, name)
    ]


def _is_broken(link: str, language: str, name: str) -> bool:
    file, _, fragment = link.partition("#")
    target = file.removesuffix(".md") or name
    if target not in names() or (file and not file.endswith(".md")):
        return True
    return bool(fragment) and fragment not in map(anchor, words_of_headings(text_of(target, language)))


@page
def test_its_links_lead_to_pages_and_headings_that_exist(language: str, name: str) -> None:
    assert broken_links(text_of(name, language), language, name) == []


def test_a_link_to_nowhere_is_seen() -> None:
    text = "[a](python.md) [b](python.md#install) [c](nothing.md) [d](python.md#nothing) [e](python)"
    assert broken_links(text, "en", "index") == ["nothing.md", "python.md#nothing", "python"]


def left_in(text: str) -> set[str]:
    """Addresses and keys that are nobody's own once all that the dashboard replaces is replaced."""
    filled = fill(text, "http://other.test:1", "the-key", 1).replace("`avl_", "")
    hosts = set(re.findall(r"\bhttps?://(?:[^\s/@`'\"]+@)?([\w.-]+)", filled)) - {"other.test"} - ELSEWHERE
    return hosts | set(re.findall(r"avl_\w*|avalon\.example\S*|localhost", filled))


@page
def test_ones_own_address_and_key_stand_in_the_one_form_that_is_replaced(language: str, name: str) -> None:
    assert left_in(text_of(name, language)) == set()


def test_another_form_of_address_or_key_is_seen() -> None:
    assert left_in(f"{ADDRESS}/report {ADDRESS.replace('://', f'://{KEY}@')}/1 {KEY}") == set()
    assert left_in("http://avl_MINE@avalon.example.com/1 avl_…") == {
        "avl_MINE",
        "avl_…"[:4],
        "avalon.example.com",
        "avalon.example.com/1",
    }


@page
def test_a_guide_says_what_is_sent_and_what_to_do_when_nothing_arrives(language: str, name: str) -> None:
    if name not in PROMISED:
        return
    said = links(text_of(name, language))
    assert "troubleshooting.md" in said and "privacy.md" in said


def test_what_the_guides_name_of_avalon_is_there() -> None:
    text = "".join(text_of(name) for name in names())
    own = {"AVALON_URL", "AVALON_API_KEY", "AVALON_ENVIRONMENT", "AVALON_RELEASE"}  # of the programs there
    assert set(re.findall(r"AVALON_\w+", text)) - own <= {option.variable for option in OPTIONS}
    commands = set(re.findall(r"^avalon (\w+)|`avalon (\w+) ", text, re.MULTILINE))
    assert {one or other for one, other in commands} == {"import", "run", "sourcemaps"} <= set(COMMANDS)
    fields = {"scope", "scrub_fields", "drop_ip_addresses", "allowed_origins", "rate_per_minute"}
    assert fields <= set(NewKeyBody.__struct_fields__)
    routes = set(re.findall(r"`(?:GET|POST) (/\S+?)`", text))
    named = {"/api/drops", "/api/errors/{id}", "/api/issues/{id}/history", "/api/keys", "/report/batch"}
    assert routes == named <= documented()


def documented() -> set[str]:
    nowhere = Urls("postgresql://o@/x", "postgresql://s@/x", "postgresql://p@/x")
    return set(build_document(create_app(settings_for(nowhere, DOCS))._litestar)["paths"])

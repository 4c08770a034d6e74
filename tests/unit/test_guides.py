"""What can be checked of the integration guides without following them; tests/clients follows them."""

from __future__ import annotations

import re
import unicodedata

import pytest
from markdown_it import MarkdownIt

from tests.clients.guides import ADDRESS, DOCS, KEY, LANGUAGES, PORT, blocks_of, fill, names, text_of

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


@page
def test_its_links_lead_to_pages_and_headings_that_exist(language: str, name: str) -> None:
    for link in links(text_of(name, language)):
        if link.startswith("https://"):
            continue
        file, _, fragment = link.partition("#")
        target = file.removesuffix(".md") or name
        assert target in names() and (not file or file.endswith(".md")), link
        anchors = [anchor(words) for _, words in headings(text_of(target, language))]
        assert not fragment or fragment in anchors, (link, anchors)


@page
def test_everybodys_own_address_and_key_stand_in_the_one_form_that_is_replaced(
    language: str, name: str
) -> None:
    text = text_of(name, language)
    filled = fill(text, "http://other.test:1", "the-key", 1)
    assert "avl_" not in filled.replace("`avl_", "") and "avalon.example" not in filled
    hosts = set(re.findall(r"\bhttps?://(?:[^\s/@`'\"]+@)?([\w.-]+)", filled)) - {"other.test"}
    assert hosts <= ELSEWHERE
    for own in (ADDRESS, KEY):
        assert own not in filled
    assert PORT not in filled


@page
def test_a_guide_says_what_is_sent_and_what_to_do_when_nothing_arrives(language: str, name: str) -> None:
    if name not in PROMISED:
        return
    said = links(text_of(name, language))
    assert "troubleshooting.md" in said and "privacy.md" in said

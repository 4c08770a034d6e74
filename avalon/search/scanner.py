"""Reads a query from left to right: blanks, keys, values, quotes, stars. No key means anything here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec

from avalon.errors import BadQuery
from avalon.search.query import Pattern

# A key ends with one colon: `std::vector` is a word.
_KEY: Final = re.compile(r"([^\W\d][\w-]*)([.:])(?!:)")
_TAG: Final = re.compile(r'[^\s":\\*]+')
_ESCAPED: Final = '"\\*'


class Value(msgspec.Struct, frozen=True):
    """A value as it was read; `column` is its first character's."""

    pattern: Pattern
    column: int
    is_quoted: bool


class Scanner:
    """A place in a text. What can't be read raises BadQuery with the column, which counts from 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def column(self) -> int:
        return self.at + 1

    @property
    def is_blank(self) -> bool:
        """Whether a term would end here."""
        return self.at >= len(self.text) or self.text[self.at].isspace()

    def fail(self, column: int, message: str) -> NoReturn:
        raise BadQuery(message, column=max(1, min(column, len(self.text))))

    def skip_blanks(self) -> bool:
        """Goes to the next thing; False where there is none."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.at < len(self.text)

    def take(self, *tokens: str) -> str:
        """The first of these that stands here, and goes behind it; else nothing."""
        for token in tokens:
            if self.text.startswith(token, self.at):
                self.at += len(token)
                return token
        return ""

    def take_key(self) -> tuple[str, str | None] | None:
        """A key up to its colon: its name, and what stands behind its dot; None where there is no key."""
        found = _KEY.match(self.text, self.at)
        if not found:
            return None
        if found[2] == ":":
            self.at = found.end()
            return found[1], None
        return self._dotted(found)

    def _dotted(self, found: re.Match[str]) -> tuple[str, str | None] | None:
        """`tag.browser:`, `tag."my own":`; a dotted word without a colon behind it is a word."""
        start, self.at = self.at, found.end()
        if self.text.startswith('"', self.at):
            if found[1].lower() == "tag":
                name = self._quoted().pattern
                if not self.take(":"):
                    self.fail(self.column, "a colon and a value are expected here")
                return found[1], "*".join(name.pieces)
        elif bare := _TAG.match(self.text, self.at):
            self.at = bare.end()
            if not self.text.startswith("::", self.at) and self.take(":"):
                return found[1], bare[0]
        self.at = start
        return None

    def take_value(self, ends: str = "") -> Value:
        """A value: in quotes, or up to a blank or one of `ends`. It may be empty."""
        return self._quoted() if self.text.startswith('"', self.at) else self._bare(ends)

    def _quoted(self) -> Value:
        column = self.column
        self.at += 1
        pieces = self._pieces(lambda letter: letter == '"')
        if not self.take('"'):
            self.fail(column, "this quote is never closed")
        return Value(Pattern(pieces), column, True)

    def _bare(self, ends: str) -> Value:
        column = self.column
        pieces = self._pieces(lambda letter: letter.isspace() or letter in ends)
        return Value(Pattern(pieces), column, False)

    def _pieces(self, is_end: Callable[[str], bool]) -> tuple[str, ...]:
        """What stands between stars. A backslash before a quote, a star or itself takes its meaning away."""
        pieces, piece = [], ""
        while self.at < len(self.text) and not is_end(letter := self.text[self.at]):
            self.at += 1
            if letter == "\\" and self.at < len(self.text) and self.text[self.at] in _ESCAPED:
                piece += self.text[self.at]
                self.at += 1
            elif letter == "*":
                pieces.append(piece)
                piece = ""
            else:
                piece += letter
        # Two stars in a row say no more than one.
        return tuple(_without_doubles([*pieces, piece]))


def _without_doubles(pieces: list[str]) -> list[str]:
    inner = [piece for piece in pieces[1:-1] if piece]
    return [pieces[0], *inner, *pieces[1:][-1:]]

"""Rules that people add to the grouping: frames that never decide, and words of messages that vary.

Wildcards are `*` (`avalon.grouping.wildcards`). A service without rules pays nothing. A rule is not part of
the key: a report that it touches may well get the key that others have already. Which rules took part stands
beside the key.

A word that varies is taken for data in what the mask has left, and for that alone: so messages that have one
key without the rule have one with it, and it only ever joins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from avalon.errors import BadInput
from avalon.grouping.frames import place_of
from avalon.grouping.masks import mask_whole
from avalon.grouping.names import plain_function
from avalon.grouping.wildcards import fits_name, replace_words
from avalon.reports import Frame

RuleKind = Literal["ignore_frame", "variable"]
Strip = Callable[[Sequence[Frame]], Sequence[Frame]]

MAX_PATTERN: Final = 200
MAX_STARS: Final = 3
_KEPT_FRAMES: Final = 4_096
# Of the frames of one report, from the innermost of the exception that decides on; the others stay.
_ASKED: Final = 256
# What a mask has put into a message counts as one sign of a word. These are no characters of any text.
_KINDS: Final = ("app", "email", "host", "num", "path", "str", "url", "user", "value")
_SIGNS: Final = {f"<{kind}>": chr(0xFDD0 + number) for number, kind in enumerate(_KINDS)}
# A word with a digit is data wherever it stands: in quotes, behind a key, in a list.
_DATUM: Final = "v0"
_DATUM_SIGN: Final = "\ufddf"


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of `ignore_frame`: `function`, `module` (or file), or both. Of `variable`: `pattern`."""

    id: UUID
    kind: RuleKind
    function: str = ""
    module: str = ""
    pattern: str = ""


def check_rule(rule: Rule) -> Rule:
    """The rule without blanks around its patterns; raises BadInput where it says nothing, or too much."""
    given = {name: getattr(rule, name).strip() for name in ("function", "module", "pattern")}
    wanted = ("pattern",) if rule.kind == "variable" else ("function", "module")
    for name, text in given.items():
        if text and name not in wanted:
            raise BadInput(f"not with the kind {rule.kind}", field=f"rule.{name}")
        if text and (fault := _fault(text)):
            raise BadInput(fault, field=f"rule.{name}")
    if not any(given[name] for name in wanted):
        raise BadInput(f"required: {' or '.join(wanted)}", field="rule")
    return replace(rule, **given)


def _fault(text: str) -> str | None:
    """What is wrong with a pattern; None: nothing."""
    if len(text) > MAX_PATTERN or text.count("*") > MAX_STARS:
        return f"at most {MAX_PATTERN} characters and {MAX_STARS} `*`"
    if not text.isprintable():
        return "only what can be printed, on one line, and plain blanks"
    if "**" in text:
        return "one `*` is enough for anything"
    least = 2 if "*" in text else 1
    if sum(char.isalnum() for char in text) < least:
        return "at least one letter or digit, and two beside a `*`: else it would fit nearly everything"
    return None


class RuleSet:
    """The rules of one service, ready to be applied; at least one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._frames = [
            (str(rule.id), rule.function.split("*"), rule.module.split("*"))
            for rule in rules
            if rule.kind == "ignore_frame"
        ]
        self._words = [(str(rule.id), _with_signs(rule.pattern)) for rule in rules if rule.kind == "variable"]
        self._ignored_by = lru_cache(_KEPT_FRAMES)(self._find_ignoring)

    def vary(self, masked: str, taken: set[str]) -> str:
        """A masked message, masked anew with its words that vary as data; adds the rules' ids to `taken`."""
        if not self._words:
            return masked
        text = before = _with_signs(masked)
        for rule, pattern in self._words:
            varied = replace_words(pattern, _DATUM_SIGN, text)
            if varied != text:
                taken.add(rule)
                text = varied
        return masked if text == before else mask_whole(_without_signs(text))

    def ignoring(self, taken: set[str]) -> Strip | None:
        """What takes the frames away that never decide, for one report; adds the rules' ids to `taken`."""
        if not self._frames:
            return None
        left = _ASKED

        def strip(frames: Sequence[Frame]) -> Sequence[Frame]:
            nonlocal left
            kept = list(frames[: max(0, len(frames) - left)])
            for frame in frames[len(kept) :]:
                left -= 1
                rule = self._ignored_by(frame.function, frame.module, frame.filename, frame.abs_path)
                if rule is None:
                    kept.append(frame)
                else:
                    taken.add(rule)
            return kept

        return strip

    def _find_ignoring(self, function: str, module: str, filename: str, abs_path: str) -> str | None:
        """The first rule by which such a frame is ignored: names count as they are, and as keys show them."""
        frame = Frame(function=function, module=module, filename=filename, abs_path=abs_path)
        functions = {function, plain_function(function)} - {""}
        modules = {module, filename, abs_path, place_of(frame).module} - {""}
        for rule, of_function, of_module in self._frames:
            if _fits(of_function, functions) and _fits(of_module, modules):
                return rule
        return None


def _fits(parts: list[str], names: set[str]) -> bool:
    """Whether any of the names fits; a rule that says nothing of them fits all."""
    return parts == [""] or any([fits_name(parts, name) for name in names])


def _with_signs(text: str) -> str:
    if "<" in text:
        for shown, sign in _SIGNS.items():
            text = text.replace(shown, sign)
    return text


def _without_signs(text: str) -> str:
    for shown, sign in _SIGNS.items():
        text = text.replace(sign, shown)
    return text.replace(_DATUM_SIGN, _DATUM)

"""Rules that people add to the grouping: frames that never decide, and words of messages that vary.

Wildcards are `*`. They are compiled once for each service, without anything that could backtrack far, and a
service without rules pays nothing. A rule is not part of the key: a report that it touches may well get the
key that others have already. Which rules took part stands beside the key.

A word that varies is taken for data in what the mask has left, and for that alone: so messages that have one
key without the rule have one with it, and it only ever joins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from avalon.errors import BadInput
from avalon.grouping.frames import place_of
from avalon.grouping.masks import mask_whole
from avalon.grouping.names import plain_function
from avalon.reports import ExceptionInfo, Frame

RuleKind = Literal["ignore_frame", "variable"]

MAX_PATTERN: Final = 200
MAX_STARS: Final = 3
_KEPT_FRAMES: Final = 4_096
# What a `*` in a word may stand for: no blank, no bracket, no quote, and not for ever; what is masked, too.
_IN_RUN: Final = r"[^\s\"'`,;()\[\]{}<>]"
_IN_WORD: Final = rf"(?:{_IN_RUN}|<[a-z]{{1,9}}>){{0,100}}"
_MASKED: Final = r"<[a-z]{1,9}>"
# A word with a digit is data wherever it stands: in quotes, behind a key, in a list.
_DATUM: Final = "v0"


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
            (str(rule.id), _whole(rule.function), _whole(rule.module))
            for rule in rules
            if rule.kind == "ignore_frame"
        ]
        self._words = [str(rule.id) for rule in rules if rule.kind == "variable"]
        patterns = [_word(rule.pattern) for rule in rules if rule.kind == "variable"]
        self._pattern = re.compile("|".join([_MASKED, *(f"({pattern})" for pattern in patterns)]))
        self._ignored_by = lru_cache(_KEPT_FRAMES)(self._find_ignoring)

    def vary(self, masked: str, taken: set[str]) -> str:
        """A masked message, masked anew with its words that vary as data; adds the rules' ids to `taken`."""
        if not self._words:
            return masked

        def replacement(match: re.Match[str]) -> str:
            if match.lastindex is None:
                return match[0]
            taken.add(self._words[match.lastindex - 1])
            return _DATUM

        varied = self._pattern.sub(replacement, masked)
        return masked if varied == masked else mask_whole(varied)

    def without_ignored(
        self, exceptions: Sequence[ExceptionInfo], taken: set[str]
    ) -> Sequence[ExceptionInfo]:
        """The exceptions without the frames that never decide; adds the rules' ids to `taken`."""
        return [self._strip(one, taken) for one in exceptions] if self._frames else exceptions

    def _strip(self, exception: ExceptionInfo, taken: set[str]) -> ExceptionInfo:
        kept = []
        for frame in exception.frames:
            rule = self._ignored_by(frame.function, frame.module, frame.filename, frame.abs_path)
            if rule is None:
                kept.append(frame)
            else:
                taken.add(rule)
        return exception if len(kept) == len(exception.frames) else replace(exception, frames=kept)

    def _find_ignoring(self, function: str, module: str, filename: str, abs_path: str) -> str | None:
        """The first rule by which such a frame is ignored: names count as they are, and as keys show them."""
        frame = Frame(function=function, module=module, filename=filename, abs_path=abs_path)
        functions = (function, plain_function(function))
        modules = (module, filename, abs_path, place_of(frame).module)
        for rule, of_function, of_module in self._frames:
            if _matches(of_function, functions) and _matches(of_module, modules):
                return rule
        return None


def _matches(pattern: re.Pattern[str] | None, names: Sequence[str]) -> bool:
    return pattern is None or any(name and pattern.fullmatch(name) for name in names)


def _whole(pattern: str) -> re.Pattern[str] | None:
    """`*` is whatever there is; each one takes the least that fits, and never gives it back."""
    if not pattern:
        return None
    first, *parts = map(re.escape, pattern.split("*"))
    middle = "".join(f"(?>.*?{part})" for part in parts[:-1])
    return re.compile(f"{first}{middle}.*{parts[-1]}" if parts else first, re.DOTALL)


def _word(pattern: str) -> str:
    """`*` stays within a word, and the whole neither begins nor ends within one."""
    # A `*` would reach back to where its run begins: so it is tried there alone.
    start = rf"(?<!{_IN_RUN})" if pattern.startswith("*") else r"(?<!\w)" if re.match(r"\w", pattern) else ""
    *parts, last = map(re.escape, pattern.split("*"))
    end = r"(?!\w)" if re.search(r"\w$", pattern) else ""
    if not parts:
        return f"{start}{last}{end}"
    middle = "".join(f"(?>{_IN_WORD}?{part})" for part in parts[1:])
    # A sentence may end behind the word.
    rest = f"(?>{_IN_WORD}?{last}{end})" if last else rf"{_IN_WORD}(?<![.:!?])"
    return f"{start}{parts[0]}{middle}{rest}"

"""What `avalon doctor` finds: good, worth a look, or a fault, with what to do about it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

GOOD: Final = "✓"
WORTH_A_LOOK: Final = "!"
FAULT: Final = "✗"


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's, and a second one with what to do."""

    mark: Literal["✓", "!", "✗"]
    text: str
    advice: str = ""


def good(text: str) -> Finding:
    return Finding(GOOD, text)


def look(text: str, advice: str) -> Finding:
    return Finding(WORTH_A_LOOK, text, advice)


def fault(text: str, advice: str) -> Finding:
    return Finding(FAULT, text, advice)

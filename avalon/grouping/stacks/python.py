"""Python's tracebacks, chained ones and the trees of exception groups too.

Frames stand outermost first and the exception below them, the one that was raised first on top.
"""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.stacks.parts import MAX_EXCEPTIONS, ends, make_exception
from avalon.reports import ExceptionInfo, Frame

_CHAINED: Final = re.compile(
    r"\n(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):\n"
)
# A frame, and the line of source below it: four blanks more than the traceback, carets are another line.
_FRAME: Final = re.compile(
    r'File "([^"\n]{1,1024}+)", line (\d{1,9}+)(?:, in ([^\n]++))?+(?:\n    (?! )([^\n]++))?+'
)
_IN_TREE: Final = re.compile(r"\n[ ]*+[|+] ?")
_BRANCH: Final = re.compile(r"\n-[-+]*+(?: (?:\d++|\.\.\.) -++)?+(?=\n|$)")


def parse(text: str) -> list[ExceptionInfo]:
    """The exceptions of a traceback; those of a group stand behind it, its first one last."""
    if "  | " in text and "ExceptionGroup" in text:
        return _parse_tree(text)
    return _parse_chain(text)


def _parse_tree(text: str) -> list[ExceptionInfo]:
    flat = _IN_TREE.sub("\n", "\n" + text)
    group, *members = _BRANCH.split(flat)[: MAX_EXCEPTIONS + 1]
    found = _parse_chain(group)
    for member in reversed(members):
        found += _parse_chain(member)
    return found[:1] + found[1:][-MAX_EXCEPTIONS:]


def _parse_chain(text: str) -> list[ExceptionInfo]:
    sections = ends(_CHAINED.split(text)) if "\nDuring handling" in text or "\nThe above" in text else [text]
    parsed = [_parse_one(section) for section in reversed(sections)]
    return [one for one in parsed if one is not None][-MAX_EXCEPTIONS:]


def _parse_one(text: str) -> ExceptionInfo | None:
    frames = [_frame(*found) for found in ends(_FRAME.findall(text))]
    header = _below(text, text.rfind('\n  File "'))
    if not frames and not header:
        return None
    return make_exception(header, frames)


def _below(text: str, last_frame: int) -> str:
    """What stands below the last frame without being indented: the exception and all of its message."""
    at = text.find("\n", last_frame + 1)
    while 0 <= at < len(text) - 1 and text[at + 1] in " \t\n":
        at = text.find("\n", at + 1)
    return text[at + 1 :] if at >= 0 else ""


def _frame(file: str, line: str, function: str, source: str) -> Frame:
    return Frame(
        function=function,
        filename=file,
        lineno=int(line),
        context_line=source or None,
    )

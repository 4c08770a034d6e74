"""What an exception says, without what differs from one occurrence to the next.

Beside a place a message needs to tell less than alone, so more of it may be taken for data.
"""

from __future__ import annotations

import re
from typing import Final

from avalon.grouping.masks import mask

# Errors of runtimes about code: their quotes hold names of attributes, variables, classes.
_ABOUT_CODE: Final = frozenset(
    (
        *("TypeError", "AttributeError", "NameError", "UnboundLocalError", "KeyError", "ReferenceError"),
        *("ImportError", "ModuleNotFoundError", "SyntaxError", "NoMethodError", "ErrorException"),
        *("NullPointerException", "ClassCastException", "ClassNotFoundException", "NoClassDefFoundError"),
        *("NoSuchMethodError", "NoSuchFieldError", "NoSuchMethodException", "NoSuchFieldException"),
        *("NullReferenceException", "InvalidCastException", "MissingMethodException"),
    )
)
# Errors that say the same wherever they are raised.
_SAYS_NOTHING: Final = frozenset(("IndexError", "ZeroDivisionError", "StopIteration", "NotImplementedError"))
_QUOTED: Final = re.compile(r""""[^"\n]++"|(?<!\w)'[^'\n]++'(?!\w)|`[^`\n]++[`']""")
_QUOTES: Final = re.compile(r"""["'`]""")
_MAX_LINE: Final = 120


def template(value: str, type: str) -> str:
    """The masked message beside a known place: of its first line, for below stands a dump."""
    masked = mask(value.lstrip().partition("\n")[0].rstrip())
    if type in _ABOUT_CODE or not _QUOTES.search(masked):
        return masked
    return _QUOTED.sub("<str>", masked)


def telling_line(value: str, type: str, context_line: str | None) -> str:
    """The line of source that failed, where the message does not tell what did; else "".

    The line of a minified file is the whole file, and says nothing.
    """
    if not context_line or len(context_line) > _MAX_LINE or (value and type not in _SAYS_NOTHING):
        return ""
    return " ".join(context_line.split())

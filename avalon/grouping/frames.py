"""What a frame says of a mistake: its name without line numbers, and how much that name is worth.

Worth is judged by names alone, for a key may use only the report itself. Reading one place again and again is
most of a service's life, so what was read is kept.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from avalon.grouping.in_app import is_library
from avalon.grouping.names import MAX_NAME, plain_function, plain_module, plain_path, split_path
from avalon.reports import Frame


class Place(NamedTuple):
    """A frame as the key sees it."""

    key: str  # module and function, readable; "" where nothing is known
    module: str
    is_named: bool  # the function has a name that somebody wrote
    is_library: bool
    is_test: bool
    is_helper: bool  # it reports mistakes of its callers, or is a part of them

    @property
    def decides(self) -> bool:
        """Whether a mistake may be named after it."""
        return not (self.is_test or self.is_helper)


# Functions whose failure is their caller's mistake: they check, they throw, they only pass a call on.
_HELPER: Final = re.compile(
    r"(?:[\w$:]*[.:>])?+_*+(?:"
    r"assert\w*|fail|fail(?-i:[A-Z_])\w*|throw\w*|raise|raise_\w+|reraise|panic\w*|abort|die|unwrap\w*|expect"
    r"|(?:check|require|ensure)(?-i:[A-Z_])\w*|require|ensure|not_?null|not_?empty|invariant"
    r"|report_?(?:error|issue|problem|failure|mismatch|bad|input|invalid|missing|unexpected|wrong|unknown)\w*"
    r"|(?:\w*_)?error|\w+(?-i:Error|Exception)|(?:\w*_)?exception|error_?handler"
    r"|pthread_kill|gsignal|(?<=__)cxa_\w+|objc_(?:terminate|exception_\w+)|exceptionPreprocess"
    r"|CxxThrowException|terminate|rust_panic|begin_panic\w*|rust_\w+"
    r"|wrapper|wrapped|decorated|inner|call__|getattr__|access\$"
    r"|<(?:listcomp|genexpr|dictcomp|setcomp)>|<clinit>)",
    re.ASCII | re.IGNORECASE,
)
# Classes of errors, and those that no source file has: what they do is to be thrown, or to call another one.
_SYNTHETIC: Final = re.compile(
    r"(?:[a-z]Exception|[a-z]Error)(?:\$\w*)?$|\$\$Lambda|\$Proxy\d|CGLIB\$\$|Generated(?:(?!Generated)\w)*Accessor\d"
    r"|LambdaForm\$"
)
_TEST: Final = re.compile(
    r"(?:^|[./\\$])(?:tests?|__tests__|_?testing|conftest|test_\w*|\w*_(?:tests?|spec)|\w*[.-](?:spec|test))(?=$|[./\\$:])"
    r"|(?:^|[./\\$])\w*[a-z0-9](?:Tests?|TestCase|TestBase|TestData|TestUtils?|TestHelper)(?=$|[./\\$:])",
    re.ASCII,
)
_TEST_CLASS: Final = re.compile(r"(?:^|[./\\])Test(?:Case|[A-Z_]\w*)(?=$|[.$])", re.ASCII)
_TEST_FUNCTION: Final = re.compile(r"_?(?:test|assert|check|do_?test|run_?test)", re.IGNORECASE)
_SCRIPT: Final = re.compile(r"\.(?:[cm]?[jt]sx?|vue|svelte|html|rb)(?:[?#]|$)")
# A place is at most some hundred bytes of text that the frame has anyway.
_KEPT_PLACES: Final = 4_096


def place_of(frame: Frame) -> Place:
    """How the frame is seen; line numbers play no part."""
    return _place(frame.function, frame.module, frame.filename, frame.abs_path)


def forget_places() -> None:
    """As if the service had just started; for measuring."""
    _place.cache_clear()


@lru_cache(_KEPT_PLACES)
def _place(function: str, module: str, filename: str, abs_path: str) -> Place:
    file = filename or abs_path
    where = plain_module(module) if module else plain_path(file)
    what = plain_function(function)
    if what and _SCRIPT.search(file):
        # Only V8, and Ruby since 3.4, write what the method was called on.
        what = re.split(r"[.#]", what)[-1]
    if what and _is_minified(what, where, file):
        what = ""
    key = f"{where}.{what}" if where and what else where or what
    return Place(
        key=key[:MAX_NAME],
        module=where,
        is_named=bool(what),
        is_library=is_library(module, filename, abs_path),
        is_test=_is_test(function, module, file),
        is_helper=_SYNTHETIC.search(module) is not None
        or (what != "" and _HELPER.fullmatch(what) is not None),
    )


def _is_minified(function: str, where: str, file: str) -> bool:
    """Names of one or two letters are drawn anew by each build of a bundle, or of a shrunk class."""
    if len(function) > 2 or file.endswith(".py"):
        return False
    return _SCRIPT.search(file) is not None or len(where.rpartition(".")[2]) <= 2


def _is_test(function: str, module: str, file: str) -> bool:
    """Tests are only how a mistake was met. A checkout's folder may have any name: the last ones count."""
    where = module or "/".join(split_path(file)[-3:]).rpartition(".")[0]
    if _TEST.search(where):
        return True
    return _TEST_CLASS.search(where) is not None and _TEST_FUNCTION.match(function) is not None

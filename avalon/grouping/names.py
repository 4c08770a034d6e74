"""Names as people wrote them: without what a compiler, a bundler, a release or a checkout put into them.

Two occurrences of one mistake must give one name, whatever line numbers, hashes or counters stand in theirs.
"""

from __future__ import annotations

import re
from typing import Final

MAX_NAME: Final = 200
_SEGMENTS: Final = (
    2  # of a module or a path that are kept, so that a renamed top or another checkout does not tell
)

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z_]*+", re.ASCII)
# What is generated becomes what it was generated for. Each alternative reads on only behind its own sign.
_GENERATED: Final = re.compile(
    r"<(?P<method>\w++)>[a-z]__[\w|]*+(?:\.MoveNext)?+"  # C#: async methods, lambdas, local functions
    r"|<>c(?:__DisplayClass[\d_]*+)?+\.?"  # C#: the class of closures
    r"|\$\$Lambda\$?+[\w/.]*+|\$\$(?:Enhancer|FastClass)\w{0,64}+\$\$\w*+|\$\$SpringCGLIB\$\$\d++"
    r"|\$\$anonfun\$\w*+|_\$\$_\w++|\$ByteBuddy\$\w++"
    r"|(?<=\$)\d++|(?<=\$Proxy)\d++|(?<=Accessor)\d++|`\d++"
    r"|\.{1,2}func\d++(?:\.\d++)*+|-fm$"  # Go: closures, method values
    r"|::h[0-9a-f]{16}\b|\{\{closure\}\}(?:::)?+|<locals>\."  # Rust, Python
    r"|\.(?:constprop|isra|part|cold|lto_priv)(?:\.\d++)?+|\[clone[^\]]{0,64}+\]"  # GCC
    r"|\(anonymous namespace\)::|0x[0-9A-Fa-f]++|(?<=[a-z]_)\d{2,}+$|(?<!\d)@\d++$",
    re.ASCII,
)
# JavaScript's `new Cart`, Ruby's `block (2 levels) in total`.
_PREFIX: Final = re.compile(
    r"(?:new |async |get |set |static |bound |(?:block|rescue|ensure)(?: \(\d++ levels\))?+ in )++"
)
_JS_ALIAS: Final = re.compile(r" \[as [^\]\n]{0,200}+\]$")
_UNNAMED: Final = frozenset(
    ("", "?", "<anonymous>", "anonymous", "<unknown>", "<lambda>", "{closure}", "(anonymous)")
)
_UNNAMED_ENDS: Final = ("{closure}", ".<anonymous>", ".<lambda>", ".anonymous", ".?")
_OPENING: Final = re.compile(r"[<(\[]")
_BRACKETS: Final = re.compile(r"[<>()\[\]]")

# Behind `java.base/` or `app//` stands the name of a class; behind another slash a package or a file.
_PACKAGE_OF_JVM: Final = re.compile(
    r"[a-z]\w*+(?:\.[\w$]++)++(?<!\.dylib)(?<!\.so)(?<!\.dll)(?<!\.exe)", re.ASCII
)

_HOST: Final = re.compile(r"^[\w+-]{2,32}://[^/]*+")
_ABSOLUTE: Final = re.compile(r"/|[A-Za-z]:")
_QUERY: Final = re.compile(r"[?#]")
_SEPARATOR: Final = re.compile(r"[/\\]++")
# `main.3f2a1b9c.js`, `index-BxYz12_a.js`, `jquery-3.6.0.min.js`, `4.d1e2f3.chunk.js`.
_HASH: Final = re.compile(
    r"[._~-](?=[0-9a-f]{0,64}\d)[0-9a-f]{6,64}(?=[._-]|$)"
    r"|-(?=[A-Za-z_-]{0,8}[\dA-Z])[\w-]{8}(?=\.(?:m?js|css)$)"
    r"|[._@-]v?\d++(?:\.\d++)++(?=[._-]|$)|^\d++(?=\.[\w.]*js$)",
    re.ASCII,
)
_SUFFIX: Final = re.compile(r"(?:\.min|\.bundle|\.chunk)*+\.[A-Za-z]{1,6}$")
_VERSION_FOLDER: Final = re.compile(
    r"v?\d[\d._-]*|(?=[0-9a-f]*\d)[0-9a-f]{7,64}|[\w.-]{1,64}[-@]v?\d+\.[\w.]{1,64}", re.ASCII
)


def plain_function(function: str) -> str:
    """The function's name, or "" for one that has none."""
    if _PLAIN.fullmatch(function):
        return "" if function == "anonymous" else function
    if function[:2] in ("-[", "+["):
        return function[:MAX_NAME]
    name = _JS_ALIAS.sub("", _PREFIX.sub("", function, 1)[:MAX_NAME])
    name = _GENERATED.sub(lambda match: match["method"] or "", name)
    if name[:1] == "_":
        name = name.rstrip("0123456789")
    if _OPENING.search(name):
        name = without_arguments(name)
    name = name.strip(" .:").rpartition("\\")[2]
    if name.startswith("lambda$") or "$lambda$" in name:
        name = name.removeprefix("lambda$").replace("$lambda$", "").rstrip("$")
    return "" if name in _UNNAMED or name.endswith(_UNNAMED_ENDS) else name


def without_arguments(name: str) -> str:
    """Without templates' and calls' arguments; what begins a name in brackets, as `<init>`, stays.

    One pass; a bracket that nothing opened is a part of the name (`operator>`).
    """
    kept: list[str] = []
    depth = start = 0
    for match in _BRACKETS.finditer(name):
        if match[0] in "<([":
            if not depth and match.start() > 0 and name[match.start() - 1] not in " .:#>/":
                kept.append(name[start : match.start()])
                depth = 1
            elif depth:
                depth += 1
        elif depth:
            depth -= 1
            start = match.end()
    return "".join(kept) + (name[start:] if not depth else "")


def plain_module(module: str) -> str:
    """The last names of a module, a package, or a native library, without a class loader's."""
    name = module[-2 * MAX_NAME :]
    if "$" in name or "<" in name or "`" in name:
        name = _GENERATED.sub(lambda match: match["method"] or "", name).rstrip("$.")
    if "/" in name or "\\" in name:
        own = _SEPARATOR.split(name)[-1]
        if not _PACKAGE_OF_JVM.fullmatch(own):
            return _without_suffix(own) if _ABSOLUTE.match(name) else plain_path(name)
        name = own
    return ".".join(name.replace("::", ".").split(".")[-_SEGMENTS:])[:MAX_NAME]


def _without_suffix(file: str) -> str:
    return _SUFFIX.sub("", _HASH.sub("", file))


def split_path(path: str) -> list[str]:
    """The folders and the file of a path, or of an address without its host and its query."""
    return _SEPARATOR.split(_HOST.sub("", _QUERY.split(path[-2 * MAX_NAME :], maxsplit=1)[0]))


def plain_path(path: str) -> str:
    """The last names of a path, in a module's form, so that `shop/cart.py` is the module `shop.cart`."""
    folders = split_path(path)
    own = _without_suffix(folders.pop())
    kept = [name for name in folders if name not in ("", ".", "..") and not _VERSION_FOLDER.fullmatch(name)]
    return ".".join([*kept[1 - _SEGMENTS :], own])[:MAX_NAME]

"""What the variable parts of messages look like, as expressions for `masks.py` to put together.

Every quantifier that could give back is possessive: a part that does not fit fails at once instead of trying
again with less.
"""

from __future__ import annotations

from typing import Final


def _several(one: str, between: str) -> str:
    """A list, which is one placeholder however long it is."""
    return f"{one}(?:(?:{between}){one})*+"


# --- Numbers: any word with a digit, and what a dot, a hyphen, a slash or a colon ties to it.

_WORD: Final = (
    r"(?:[A-Za-z_$]++[.-]?+)*+\d[\w$]*+"
    r"(?:[.-]{1,2}+[\w$]++|[:/+]\d[\w$]*+|:[\dA-Fa-f]{2}(?![\dA-Za-z])|,\d{3}(?!\d))*+"
)
DATE_NAME: Final = (
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*+[,.]? ++)"
)
# The unit goes too (900 ms, 1.2 s), and a size said again in other words: `1190 bytes (1.16 KB)`.
_UNIT: Final = (
    r"(?:(?= ?[%kKMGTPbBmunshd]) ?(?:%|[kKMGTP]i?[bB]|[bB]ytes?|B|[mun]?s|[mun]?secs?"
    r"|(?:milli|micro|nano)?seconds?|min(?:ute)?s?|h|hours?|days?)(?!\w))?+(?: \(\d[\d.]*+ ?[KMGT]i?B\))?+"
)
_MAC: Final = r"(?:[\dA-Fa-f]{2}[:-]){5}[\dA-Fa-f]{2}(?!\w)"
_NUMBER: Final = rf"(?:{_MAC}|{DATE_NAME}{{0,3}}+(?:[-+]|<(?=\d))?+{_WORD}{_UNIT})"
NUMBERS: Final = rf"(?:(?<![\w.-])|(?<=\.\.)){_several(_NUMBER, ', ?|; ?|[|# ]++')}"

# A class's name keeps its digits: Base64Decoder is not Base32Decoder.
CLASS: Final = (
    r"(?:(?:[a-z]++\.)++(?:[A-Z][a-z]*+)++\d{1,2}+(?:[A-Z$][A-Za-z$]*+)?+|(?:[A-Z][a-z]++)++\d{1,2}+"
    r"(?:\$?[A-Z][a-z]++)++)(?![\w.-])"
)

# An app's id is data, and so is a package's name; a class's is code, and ends with a capital's word.
APP: Final = r"(?<![\w.-])(?:com|org|net|io|cn)\.[a-z][\w-]*+\.[a-z][\w-]*+(?:\.[a-z][\w-]*+)*+(?!\.?\w)"

# --- Hosts: `10.0.0.1:80 (name)`, `name[10.0.0.1]:25`, `name/10.0.0.1`, `[::1]:80`, `db1.example.com:5432`,
# and `[ip]`, which stands for an address that is not kept (avalon.reports.addresses).

_IP: Final = r"\d{1,3}+(?:\.\d{1,3}+){3}(?![\w-]|\.\w)"
_HEXTETS: Final = r"[\dA-Fa-f]{1,4}+(?::[\dA-Fa-f]{1,4}+)*+"
_IP6: Final = (
    rf"(?:{_HEXTETS})?+::(?:{_HEXTETS})?+(?:(?<=:){_IP})?+(?![\w:])"
    r"|(?:[\dA-Fa-f]{1,4}+:){7}[\dA-Fa-f]{1,4}+(?![\w:])"
)
# A dotted name is a host's by its last label, unless its first is where a package's name begins.
_DOMAIN: Final = (
    r"(?:(?<=\.io)|(?<=\.(?:com|net|org|edu|gov|dev|app|lan))|(?<=\.(?:info|home|corp|test))"
    r"|(?<=\.(?:local|cloud))|(?<=\.internal))"
)
_COUNTRY: Final = (
    r"(?<=\.(?:ar|at|au|be|br|ca|ch|cn|cz|de|dk|es|eu|fi|fr|hk|ie|il|in|it|jp|kr|mx|nl|no|nz|pt|ru|se|sg"
    r"|tr|tw|ua|uk|us|za))"
)
_HOST_NAME: Final = (
    r"(?!(?:com|org|net|io|edu|javax?|android|kotlin)\.)[A-Za-z\d][\w-]*+\.[\w-]++"
    rf"(?:(?:\.[\w-]++)++(?:{_DOMAIN}|{_COUNTRY})|{_DOMAIN})(?!\.?\w)"
)
_PORT: Final = r"(?::\d{1,5}+)?+"
_HOST: Final = (
    rf"(?:(?:[\w.-]++(?:/|(?=\[)))?+(?:\[(?:{_IP}|{_IP6}|ip)\]|{_IP}){_PORT}(?: ?\([\w.-]*+\))?+"
    rf"|{_IP6}|{_HOST_NAME}{_PORT})"
)
# The look ahead spares most words the longest of these expressions.
HOSTS: Final = rf"(?<![\w.:-])(?=[\w-]*+[.:\[/]){_several(_HOST, ', ?')}"
EMAIL: Final = r"(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)++"
URL: Final = r"(?<![\w+.-])[A-Za-z][A-Za-z\d+.-]*+://[^\s\"'<>,;)]*+"

# --- Paths: `/var/x`, `~/x`, `../x`, `C:\x`, `\\server\x`. Not `read/write` and not `/10.0.0.1`.

_NO_PATH_SIGN: Final = r"[^\s,;:\"'()<>\[\]{}|=?*]*+"
PATH: Final = (
    rf"[/~.](?<![\w)\]}}<.~/-].)(?:(?<=/)|\.?+/)(?=[\w.@%+~$-])(?!\d++\.\d){_NO_PATH_SIGN}(?:\?[^\s\"']*+)?+"
    rf"|(?<!\w)(?:[A-Za-z]:[\\/]|\\\\?+(?=[\w?.])){_NO_PATH_SIGN}"
)

# --- Quoted text. A quoted request line is read on, and so is what JSON has under a telling key.

QUOTED: Final = r"""(?:"[^"\n]*+"|'[^'\n]*+(?:'(?=\w)[^'\n]*+){0,3}+'(?!\w))"""
_TELLING_JSON: Final = (
    r"(?<!error\":)(?<!error\": )(?<!message\":)(?<!message\": )(?<!reason\":)(?<!reason\": )"
)
_REQUEST: Final = r"[\"'](?:GET|POST|PUT|DELETE|HEAD|PATCH|OPTIONS) "
STRING: Final = rf"(?=[\"'])(?<![\w.!?=)\]}}>%]){_TELLING_JSON}(?!{_REQUEST}){QUOTED}"

# --- What follows a key. The keys are looked back for from behind the sign that ends them.

# Of these one is told from another even by a mere word (`user=root`).
NAMING_KEY: Final = (
    r"(?:(?<=user.|name.|host.|node.|peer.)|(?<=uid.|tag.|src.|dst.|pkg.)|(?<=[iI]d.)|(?<=login.|owner.)"
    r"|(?<=client.|server.)|(?<=account.|address.)|(?<=customer.)|(?<=workstation.))"
)
NAME: Final = rf"(?:[\w.$@-]++(?!=)|{QUOTED})"
# The value of these is the point.
TELLING_KEY: Final = (
    r"(?:(?<=msg.|err.)|(?<=type.)|(?<=error.|cause.|class.)|(?<=reason.)|(?<=message.)|(?<=exception.))"
)
_BRACKETED: Final = r"\w*+(?:\[[^]=\n]*+\]|\([^)=\n]*+\)|\{[^}=\n]*+\})(?::\d++)?+|<[^<>=\s]*+>"
# With any other key it is data if it has a digit or a sign, is a list or is null; `result=failed` stays.
DATUM: Final = (
    rf"(?:{_BRACKETED}|[A-Za-z]++://[^\s\"'<>,;)]*+|(?![\"'][A-Za-z_]++[\"']){QUOTED}|(?:null|None|nil|undefined)\b"
    r"|[A-Za-z_$%*!?+-]*+[\d./\\@:#~][^\s,;=()\[\]{}&\"'<>]*+(?:\[[^]=\s]*+\](?::\d++)?+)?+(?!=))"
    rf"{_UNIT}"
)

"""Every setting, once: a frozen struct made from the environment when a process starts.

`OPTIONS` is the one table of them: it drives `load_settings`, the README's table and the test of
`.env.example`. A setting that can't work stops the start with a `SettingsError` that names the variable and
says what to do; an `AVALON_…` variable that is none of ours is a warning, because it is most often a slip.
"""

from __future__ import annotations

import difflib
import ipaddress
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from avalon import environment as env
from avalon.errors import SettingsError

logger = logging.getLogger(__name__)

SEED_PASSWORD = "passwordAdmin"
SEED_JWT_SECRET = "your-super-secret-jwt-key-change-this-in-production"
MIN_JWT_SECRET_BYTES = 32  # RFC 7518 §3.2: a key as long as the hash, or longer

EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104

# Read by the command line's clients and by the tests, not by the service.
OTHER_VARIABLES = frozenset({"AVALON_URL", "AVALON_API_KEY", "AVALON_TEST_DSN"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What one process runs with. `None` means: not given."""

    database_url: str | None
    database_owner_url: str | None
    database_direct_url: str | None
    public_url: str | None
    data_dir: Path
    host: str
    port: int
    workers: int
    admin_username: str
    admin_password: str | None
    jwt_secret: str | None
    discord_webhook_url: str | None
    log_file: Path | None
    retention_days: int
    source_maps_mb: int
    cors_origins: tuple[str, ...] | None
    webhook_allowed_hosts: frozenset[str]
    trusted_proxies: tuple[str, ...]
    smtp_url: str | None
    smtp_from: str | None

    def __repr__(self) -> str:
        """Without the secrets, so that a log line or a traceback may carry it."""
        shown = (f"{option.field}={getattr(self, option.field)!r}" for option in OPTIONS if not option.secret)
        return f"Settings({', '.join(shown)})"


class Option(msgspec.Struct, frozen=True):
    """One row of the table; `parse` makes the field's value or raises ValueError with what to do."""

    variable: str
    default: str  # as one would write it; empty: none
    parse: Callable[[str], Any]
    description: str
    secret: bool = False
    absent: Any = None  # the field's value where there is neither a text nor a default
    default_words: str = ""  # where the default is no value but a sentence
    empty_is_off: bool = False

    @property
    def field(self) -> str:
        return self.variable.removeprefix("AVALON_").lower()


def _jwt_secret(value: str) -> str:
    if value == SEED_JWT_SECRET:
        raise ValueError("this sample is public; leave it empty, and one is made and kept in Postgres")
    if len(value.encode()) < MIN_JWT_SECRET_BYTES:
        raise ValueError(
            f"give at least {MIN_JWT_SECRET_BYTES} random bytes (openssl rand -base64 48),"
            " or leave it empty, and one is made and kept in Postgres"
        )
    return value


# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option("DATABASE_URL", "", env.postgres_url,
           "The service's login to Postgres, or the owner's.",
           secret=True, default_words="none: an embedded Postgres under `AVALON_DATA_DIR`"),
    Option("DATABASE_OWNER_URL", "", env.postgres_url,
           "The login that migrates, makes days and drops them; given, the service itself has fewer rights.",
           secret=True, default_words="`DATABASE_URL`"),
    Option("DATABASE_DIRECT_URL", "", env.postgres_url,
           "The way straight to the primary for LISTEN, where a pooler stands before Postgres.",
           secret=True, default_words="`DATABASE_URL`"),
    Option("AVALON_PUBLIC_URL", "", env.public_url,
           "The address that people open: in the links of alerts, in DSNs, as the Origin behind a proxy.",
           default_words="from the request; in alerts where it listens, such as `http://localhost:4000`"),
    Option("AVALON_DATA_DIR", ".avalon", env.path, "The folder of the embedded Postgres."),
    Option("AVALON_HOST", "127.0.0.1", env.text, "The address to listen on; `0.0.0.0`: every one."),
    Option("AVALON_PORT", "4000", env.whole_number(0, 65535), "The port to listen on; 0 for any free one."),
    Option("AVALON_WORKERS", "1", env.whole_number(1, 64), "How many processes share the port."),
    Option("AVALON_ADMIN_USERNAME", "admin", env.text, "The name of the first account."),
    Option("AVALON_ADMIN_PASSWORD", "", env.text,
           f"The first account's password; a later start never resets it. `{SEED_PASSWORD}` is taken only"
           " while listening on this machine alone, and must be changed at the first login.",
           secret=True, default_words="a random one, printed once"),
    Option("JWT_SECRET", "", _jwt_secret,
           f"Signs the sessions; at least {MIN_JWT_SECRET_BYTES} bytes.",
           secret=True, default_words="made once, kept in Postgres"),
    Option("DISCORD_WEBHOOK_URL", "", env.web_url,
           "Where alerts go at first; from then on the dashboard's setting rules.", secret=True),
    Option("AVALON_LOG_FILE", "logs/errors.log", env.path,
           "The file that gets every report as a line of JSON; empty: off.", empty_is_off=True),
    Option("AVALON_RETENTION_DAYS", "90", env.whole_number(0, 36500),
           "For how many days reports are kept; 0: for ever."),
    Option("AVALON_SOURCE_MAPS_MB", "1024", env.whole_number(1, 1_048_576),
           "How much room uploaded source maps have in Postgres; beyond it the least used uploads go."),
    Option("AVALON_CORS_ORIGINS", "", env.origins,
           "The pages that may send reports, separated by commas; the dashboard's API is same-origin.",
           default_words="any"),
    Option("AVALON_WEBHOOK_ALLOWED_HOSTS", "", env.hosts_with_ports,
           "`host:port,…` that sinks may call although they are private or speak plain http.",
           absent=frozenset()),
    Option("AVALON_TRUSTED_PROXIES", "", env.networks,
           "The addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
           absent=()),
    Option("SMTP_URL", "", env.smtp_url,
           "The mail server for alerts by e-mail: `smtp://` (port 587, STARTTLS) or `smtps://` (port 465).",
           secret=True),
    Option("SMTP_FROM", "", env.mail_sender, "The sender of those e-mails."),
)
# fmt: on


def load_settings(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> Settings:
    """The settings of this process: from its environment, and what that leaves out from a `.env` file."""
    layers = [environ, env.read_dotenv(dotenv)]
    values = {option.field: _value(option, layers) for option in OPTIONS}
    if values["database_owner_url"] and not values["database_url"]:
        raise SettingsError("DATABASE_OWNER_URL needs DATABASE_URL, the service's own login, beside it")
    for name in ("database_owner_url", "database_direct_url"):
        values[name] = values[name] or values["database_url"]
    settings = Settings(**values)
    check_exposure(settings)
    for warning in _unknown_variables({name for layer in layers for name in layer}):
        logger.warning(warning)
    return settings


def check_exposure(settings: Settings) -> None:
    """Refuses the published password on an address that others reach; again after `--host` has changed it."""
    if settings.admin_password == SEED_PASSWORD and not is_loopback(settings.host):
        raise SettingsError(
            f"AVALON_ADMIN_PASSWORD: everybody knows {SEED_PASSWORD!r}, and {settings.host} can be reached"
            " from elsewhere; choose another, leave it empty for a random one, or listen on 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def base_url(settings: Settings) -> str | None:
    """What links begin with where no request says it: the public address, or the one that is listened on.

    Who listens on every address is reached as `localhost` on the same machine. None for a port that is not
    known before it is taken, which no service that listens has.
    """
    if settings.public_url or not settings.port:
        return settings.public_url
    host = settings.host.strip("[]")
    if host in EVERY_ADDRESS:
        host = "localhost"
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def settings_table() -> str:
    """The table of the README, in Markdown."""
    rows = ["| variable | default | |", "|---|---|---|"]
    for option in OPTIONS:
        name = f"`{option.variable}`" + (" *" if option.secret else "")
        default = option.default_words or (f"`{option.default}`" if option.default else "none")
        rows.append(f"| {name} | {default} | {option.description} |")
    return "\n".join([*rows, "", "\\* or the same name with `_FILE`, the path of a file that holds it."])


def _value(option: Option, layers: list[Mapping[str, str]]) -> Any:
    if option.empty_is_off:
        given = next((layer[option.variable] for layer in layers if option.variable in layer), option.default)
        text = given.strip()
    else:
        text = env.find_text(layers, option.variable, secret=option.secret) or option.default
    if not text:
        return option.absent
    try:
        return option.parse(text)
    except ValueError as error:
        shown = "" if option.secret else f" is {text!r}"
        raise SettingsError(f"{option.variable}{shown}: {error}") from None


def _unknown_variables(names: set[str]) -> list[str]:
    """A sentence for each `AVALON_…` variable that nothing reads, with the one that was probably meant."""
    known = {option.variable for option in OPTIONS} | OTHER_VARIABLES
    known |= {f"{option.variable}_FILE" for option in OPTIONS if option.secret}
    sentences = []
    for name in sorted(name for name in names if name.startswith("AVALON_") and name not in known):
        nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0)
        sentences.append(
            f"{name} is not a setting of this release and does nothing; {nearest[0]} is the nearest"
        )
    return sentences

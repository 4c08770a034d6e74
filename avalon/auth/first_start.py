"""The very first start: an admin and an API key, made once in the cluster, whoever comes first.

One statement claims a marker and makes both; a replica that loses the race, and every later start, makes
nothing and resets nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from avalon.auth.key_format import fingerprint, new_key, shown
from avalon.auth.passwords import Passwords, check_new_password, random_password
from avalon.auth.users import check_username, encode_facts
from avalon.auth.users import sql as users_sql
from avalon.database import Database
from avalon.errors import BadInput, SettingsError
from avalon.events import SYSTEM, ApiKeyCreated, UserCreated, uuid7
from avalon.settings import SEED_PASSWORD, Settings, is_loopback

FIRST_SERVICE: Final = "my-app"
FIRST_KEY_NAME: Final = "First key"
MARKER: Final = "first_start"
MAX_CHECKED: Final = 10


class FirstStart(msgspec.Struct, frozen=True):
    """What is shown once, at the very first start. `password` is None where the settings gave one."""

    username: str
    password: str | None
    service: str
    api_key: str


async def bootstrap(database: Database, passwords: Passwords, settings: Settings) -> FirstStart | None:
    """Makes the first account and key where there is no account; None on every later start.

    Raises SettingsError for an account that can't be, and where the published password still opens one
    while others can reach the service.
    """
    first = None
    if await database.fetch_value(users_sql.is_unstarted):
        first = await _make(database, passwords, settings)
    if first is None and not is_loopback(settings.host):
        await _refuse_published_password(database, passwords, settings)
    return first


async def _make(database: Database, passwords: Passwords, settings: Settings) -> FirstStart | None:
    username = _checked_username(settings)
    given = settings.admin_password
    password = given or random_password()
    key, user, api_key = new_key(), uuid7(), uuid7()
    must_change = given is None or given == SEED_PASSWORD
    created = ApiKeyCreated(name=FIRST_KEY_NAME, sha256=fingerprint(key).hex(), prefix=shown(key))
    facts = [
        UserCreated(role="admin", must_change_password=must_change).new(user, SYSTEM),
        created.new(api_key, SYSTEM, service=FIRST_SERVICE),
    ]
    params = {
        "account": user,
        "username": username,
        "password_hash": await passwords.hash(password),
        "marker": MARKER,
        "facts": encode_facts(facts),
    }
    if await database.fetch_value(users_sql.make_first_account, params) is None:
        return None
    return FirstStart(username, None if given else password, FIRST_SERVICE, key)


def _checked_username(settings: Settings) -> str:
    try:
        username = check_username(settings.admin_username)
    except BadInput as error:
        raise SettingsError(f"AVALON_ADMIN_USERNAME: {error.message}") from None
    if settings.admin_password not in (None, SEED_PASSWORD):
        try:
            check_new_password(settings.admin_password, username, field="AVALON_ADMIN_PASSWORD")
        except BadInput as error:
            raise SettingsError(error.message) from None
    return username


async def _refuse_published_password(database: Database, passwords: Passwords, settings: Settings) -> None:
    """The seed's password may have been taken by an earlier start that only this machine could reach."""
    hashes = await database.fetch_dicts(users_sql.unchanged_passwords, {"row_limit": MAX_CHECKED})
    for row in hashes:
        if await passwords.matches(SEED_PASSWORD, row["password_hash"]):
            raise SettingsError(
                f"an admin still signs in with the published password, and {settings.host} can be reached"
                " from elsewhere: listen on 127.0.0.1, sign in and change it"
            )

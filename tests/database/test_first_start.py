"""The very first start makes an admin and a key, once; later ones reset nothing."""

from __future__ import annotations

import asyncio

import pytest

from avalon.auth import Auth
from avalon.database import Database
from avalon.errors import SettingsError
from avalon.settings import SEED_PASSWORD
from tests.database.auth_help import Feed, facts, settings, sign_in


def an_auth(database: Database, **changes: object) -> Auth:
    return Auth(database, settings(**changes), Feed(database).is_fresh)


async def test_the_first_start_makes_an_admin_and_a_key_that_work(database: Database) -> None:
    auth = an_auth(database)
    first = await auth.bootstrap()
    assert first is not None
    assert first.password is not None
    key = await auth.find_key(first.api_key)
    assert (key.service, (await auth.keys.get(key.id)).name) == ("my-app", "First key")
    principal = (await sign_in(auth, "admin", first.password)).principal
    assert (principal.role, principal.must_change_password) == ("admin", True)
    assert [event.actor for event in await facts(database)][:2] == ["system", "system"]


async def test_of_many_replicas_one_makes_them(database: Database) -> None:
    replicas = [an_auth(database, admin_username=f"admin{n}") for n in range(4)]
    firsts = await asyncio.gather(*(replica.bootstrap() for replica in replicas))
    assert sum(first is not None for first in firsts) == 1
    assert [event.type for event in await facts(database)] == ["user.created", "api_key.created"]


async def test_a_later_start_resets_nothing(database: Database) -> None:
    given = "a password from the settings"
    first = await an_auth(database, admin_password=given).bootstrap()
    assert first is not None
    assert first.password is None
    auth = an_auth(database, admin_password="another from the settings", admin_username="root")
    assert await auth.bootstrap() is None
    assert not (await sign_in(auth, "admin", given)).principal.must_change_password
    assert [user.username for user in await auth.users.page()] == ["admin"]


async def test_where_somebody_has_an_account_nothing_is_made(database: Database) -> None:
    auth = an_auth(database)
    await auth.users.create("system", username="ada", role="admin")
    assert await auth.bootstrap() is None
    assert await auth.keys.page() == []


async def test_the_published_password_must_be_changed_and_is_not_served_to_others(database: Database) -> None:
    auth = an_auth(database, admin_password=SEED_PASSWORD)
    assert await auth.bootstrap() is not None
    assert (await sign_in(auth, "admin", SEED_PASSWORD)).principal.must_change_password
    assert await auth.bootstrap() is None
    with pytest.raises(SettingsError, match="published password"):
        await an_auth(database, host="0.0.0.0").bootstrap()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"admin_password": "password1"}, "AVALON_ADMIN_PASSWORD"),
        ({"admin_password": "short"}, "AVALON_ADMIN_PASSWORD"),
        ({"admin_username": "a\tb"}, "AVALON_ADMIN_USERNAME"),
    ],
)
async def test_an_unfit_first_account_stops_the_start(
    database: Database, changes: dict[str, str], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        await an_auth(database, **changes).bootstrap()
    assert await facts(database) == []

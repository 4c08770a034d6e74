"""Accounts, the last admin, and the very first start."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from avalon.auth import Auth
from avalon.database import Database
from avalon.errors import BadInput, Conflict, NotFound, Unauthorized
from avalon.events import UserChanged, UserDeleted
from tests.database.auth_help import PASSWORD, Feed, facts, settings, sign_in, sign_up


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


@pytest.fixture
def auth(database: Database, feed: Feed) -> Auth:
    return Auth(database, settings(), feed.is_fresh)


async def test_a_user_without_a_given_password_must_change_the_made_one(auth: Auth) -> None:
    user, password = await auth.users.create("system", username="bob", role="member")
    assert (user.must_change_password, user.created_by, user.last_login_at) == (True, "system", None)
    signed_in = await sign_in(auth, "bob", password)
    assert signed_in.principal.must_change_password
    assert (await auth.users.get(user.id)).last_login_at is not None
    given, _ = await auth.users.create(
        signed_in.principal.actor, username="eve", role="viewer", password=PASSWORD
    )
    assert (given.must_change_password, given.created_by) == (False, "bob")


@pytest.mark.parametrize(
    ("username", "role", "password", "field"),
    [
        ("", "viewer", None, "username"),
        ("a\nb", "viewer", None, "username"),
        ("x" * 101, "viewer", None, "username"),
        ("bob", "owner", None, "role"),
        ("bob", "viewer", "password", "password"),
    ],
)
async def test_an_unfit_account_is_refused(
    auth: Auth, username: str, role: str, password: str | None, field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        await auth.users.create("system", username=username, role=role, password=password)
    assert refused.value.field == field


async def test_another_role_counts_at_once(auth: Auth, feed: Feed) -> None:
    await sign_up(auth, "ada")
    bob = await sign_up(auth, "bob", "viewer")
    await auth.authenticate(bob.token)
    await auth.users.change("system", bob.principal.user_id, role="member", username="Bob")
    principal = await auth.authenticate(bob.token)
    assert (principal.role, principal.username) == ("member", "Bob")
    assert [event.type for event in await feed.bring()][-2:] == ["user.renamed", "user.changed"]


async def test_a_reset_password_ends_all_sessions_and_must_be_changed(auth: Auth, feed: Feed) -> None:
    await sign_up(auth, "ada")
    bob = await sign_up(auth, "bob", "viewer")
    user, password = await auth.users.change("system", bob.principal.user_id, reset_password=True)
    assert user.must_change_password
    assert password is not None
    with pytest.raises(Unauthorized):
        await auth.authenticate(bob.token)
    await sign_in(auth, "bob", password)


async def test_a_deleted_user_is_out_and_erased(auth: Auth, database: Database) -> None:
    ada, bob = await sign_up(auth, "ada"), await sign_up(auth, "bob", "viewer")
    await auth.users.delete(ada.principal.actor, bob.principal.user_id)
    with pytest.raises(Unauthorized):
        await auth.authenticate(bob.token)
    assert await database.fetch_value("SELECT count(*) FROM account.session") == 1
    assert [user.username for user in await auth.users.page()] == ["ada"]
    with pytest.raises(NotFound):
        await auth.users.delete(ada.principal.actor, bob.principal.user_id)
    assert [event.type for event in await facts(database)].count("user.deleted") == 1


async def test_the_last_admin_stays(auth: Auth, database: Database) -> None:
    ada = (await sign_up(auth, "ada")).principal
    await sign_up(auth, "bob", "member")
    before = await facts(database)
    with pytest.raises(Conflict, match="last admin"):
        await auth.users.delete(ada.actor, ada.user_id)
    with pytest.raises(Conflict, match="last admin"):
        await auth.users.change(ada.actor, ada.user_id, role="viewer", username="other")
    assert await facts(database) == before
    assert (await auth.users.get(ada.user_id)).username == "ada"


async def all_admins_go_at_once(auth: Auth) -> list[object]:
    """What became of it when half of six admins were deleted and half demoted, all at the same time."""
    made = [await auth.users.create("system", username=f"admin{n}", role="admin") for n in range(6)]
    ids = [user.id for user, _ in made]
    deletions = [auth.users.delete("system", user) for user in ids[::2]]
    demotions = [auth.users.change("system", user, role="viewer") for user in ids[1::2]]
    return await asyncio.gather(*deletions, *demotions, return_exceptions=True)


async def test_of_admins_that_go_all_at_once_one_stays(auth: Auth) -> None:
    outcomes = await all_admins_go_at_once(auth)
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [Conflict]
    assert [user.role for user in await auth.users.page()].count("admin") == 1


async def test_without_the_rule_all_of_them_go(
    auth: Auth, owner: psycopg.AsyncConnection[tuple[object, ...]]
) -> None:
    """The control of the test above."""
    await owner.execute("DROP TRIGGER app_user_keep_an_admin ON projection.app_user")
    await all_admins_go_at_once(auth)
    assert [user.role for user in await auth.users.page()] == ["viewer"] * 3


async def test_the_rule_is_the_databases_own(auth: Auth, database: Database) -> None:
    from avalon import event_store

    ada = (await sign_up(auth, "ada")).principal
    for fact in (UserDeleted(), UserChanged(role="viewer")):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await event_store.append(database, [fact.new(ada.user_id, "system")])

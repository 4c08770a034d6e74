"""Logins, sessions, guessing and new passwords."""

from __future__ import annotations

import asyncio

import pytest

from avalon.auth import Auth, ProfileChange
from avalon.database import Database
from avalon.errors import BadInput, Conflict, TooManyRequests, Unauthorized
from avalon.events import uuid7
from tests.database.auth_help import ADDRESS, PASSWORD, Feed, facts, settings, sign_in, sign_up


@pytest.fixture
def feed(database: Database) -> Feed:
    return Feed(database)


@pytest.fixture
def auth(database: Database, feed: Feed) -> Auth:
    return Auth(database, settings(), feed.is_fresh)


@pytest.fixture
def other(database: Database, feed: Feed) -> Auth:
    """Another replica on the same database."""
    return Auth(database, settings(), feed.is_fresh)


async def test_a_login_is_known_on_every_replica(auth: Auth, other: Auth, database: Database) -> None:
    signed_in = await sign_up(auth, "Lovelace")
    assert await auth.authenticate(signed_in.token) == signed_in.principal
    assert await other.authenticate(signed_in.token) == signed_in.principal
    created, started = await facts(database)
    assert (created.type, created.actor, created.data["role"]) == ("user.created", "system", "admin")
    assert (started.type, started.actor) == ("session.started", signed_in.principal.actor)
    assert started.data["session"] == str(signed_in.principal.session)
    assert "Lovelace" not in str([created, started]), "names stay erasable"


async def test_names_are_found_however_they_are_cased(auth: Auth) -> None:
    await sign_up(auth, "Ada.Lovelace")
    assert (await sign_in(auth, " ADA.lovelace ")).principal.username == "Ada.Lovelace"
    with pytest.raises(Conflict):
        await auth.users.create("system", username="ada.LOVELACE", role="viewer", password=PASSWORD)


@pytest.mark.parametrize("username", ["nobody", "", "\0", "x" * 10_000, "ada\0", "' OR 1=1 --"])
async def test_an_unknown_user_is_refused_like_a_wrong_password(auth: Auth, username: str) -> None:
    with pytest.raises(Unauthorized, match="wrong username or password"):
        await sign_in(auth, username)


async def test_a_password_is_verified_whether_the_user_exists_or_not(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    await auth.users.create("system", username="ada", role="viewer", password=PASSWORD)
    verified: list[str] = []
    verify = auth._passwords._verify
    monkeypatch.setattr(
        auth._passwords, "_verify", lambda given, stored: verified.append(stored) or verify(given, stored)
    )
    for username in ("ada", "nobody"):
        with pytest.raises(Unauthorized):
            await sign_in(auth, username, "a wrong one")
    assert len(verified) == 2
    assert [stored.split("$")[:4] for stored in verified] == [verified[0].split("$")[:4]] * 2


async def test_a_token_is_worth_nothing_without_its_session(
    auth: Auth, other: Auth, feed: Feed, database: Database
) -> None:
    one, two = await sign_up(auth), await sign_in(auth)
    await other.authenticate(one.token)
    await auth.sessions.end(one.principal, one.principal.session)
    with pytest.raises(Unauthorized):
        await auth.authenticate(one.token)
    await feed.bring(other)
    with pytest.raises(Unauthorized):
        await other.authenticate(one.token)
    await auth.authenticate(two.token)
    ended = (await facts(database))[-1]
    assert (ended.type, ended.data) == ("session.ended", {"session": str(one.principal.session)})


async def test_what_is_remembered_counts_only_while_the_feed_is_fresh(
    auth: Auth, other: Auth, feed: Feed
) -> None:
    signed_in = await sign_up(auth)
    await other.authenticate(signed_in.token)
    await auth.sessions.end(signed_in.principal, signed_in.principal.session)
    assert await other.authenticate(signed_in.token), "the control: the fact has not come yet"
    feed.fresh = False
    with pytest.raises(Unauthorized):
        await other.authenticate(signed_in.token)


async def test_a_session_ends_on_postgres_clock(auth: Auth, database: Database) -> None:
    signed_in = await sign_up(auth)
    await database.execute("UPDATE account.session SET expires_at = now() - interval '1 second'")
    with pytest.raises(Unauthorized):
        await auth.authenticate(signed_in.token)
    assert await auth.sessions.of_user(signed_in.principal.user_id) == []


async def test_a_new_password_ends_all_other_sessions(
    auth: Auth, other: Auth, feed: Feed, database: Database
) -> None:
    one, two = await sign_up(auth), await sign_in(auth)
    for signed_in in (one, two):
        await other.authenticate(signed_in.token)
    change = ProfileChange(current_password=PASSWORD, new_password="an even longer one")
    principal, renewed = await auth.profile.change(one.principal, change, address=ADDRESS)
    assert renewed is not None
    assert principal == renewed.principal == one.principal
    assert await other.authenticate(renewed.token), "the new token counts before the fact has come"
    await feed.bring(auth, other)
    for replica in (auth, other):
        assert await replica.authenticate(renewed.token) == renewed.principal
        for signed_in in (one, two):
            with pytest.raises(Unauthorized):
                await replica.authenticate(signed_in.token)
    fact = (await facts(database))[-1]
    assert (fact.type, fact.data["kept_session"]) == (
        "user.password_changed",
        str(one.principal.session),
    )
    with pytest.raises(Unauthorized):
        await sign_in(auth)
    await sign_in(auth, password="an even longer one")


async def test_a_new_password_needs_the_current_one(auth: Auth) -> None:
    principal = (await sign_up(auth)).principal
    for change, field in (
        (ProfileChange(new_password="an even longer one"), "current_password"),
        (ProfileChange(new_password="x", current_password=PASSWORD), "new_password"),
        (ProfileChange(new_password=PASSWORD, current_password=PASSWORD), "new_password"),
        (ProfileChange(new_password="an even longer one", current_password="wrong"), "current_password"),
        (ProfileChange(username=" "), "username"),
    ):
        with pytest.raises(BadInput) as refused:
            await auth.profile.change(principal, change, address=ADDRESS)
        assert refused.value.field == field


async def test_the_current_password_can_not_be_guessed_from_a_stolen_session(auth: Auth) -> None:
    principal = (await sign_up(auth)).principal
    wrong = ProfileChange(new_password="an even longer one", current_password="wrong")
    for _ in range(5):
        with pytest.raises(BadInput):
            await auth.profile.change(principal, wrong, address=ADDRESS)
    with pytest.raises(TooManyRequests):
        await auth.profile.change(principal, wrong, address=ADDRESS)


async def test_of_two_new_passwords_at_once_one_wins(auth: Auth) -> None:
    principal = (await sign_up(auth)).principal
    changes = [ProfileChange(current_password=PASSWORD, new_password=f"a long one: {n}") for n in range(3)]
    outcomes = await asyncio.gather(
        *(auth.profile.change(principal, change, address=ADDRESS) for change in changes),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, tuple) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict | BadInput) for outcome in outcomes) == 2


async def test_what_a_client_says_of_itself_is_bounded(auth: Auth) -> None:
    await auth.users.create("system", username="ada", role="viewer", password=PASSWORD)
    signed_in = await auth.login("ada", PASSWORD, user_agent="\0\ud800é" * 999, address="x" * 999)
    (session,) = await auth.sessions.of_user(signed_in.principal.user_id)
    assert len(session.user_agent) == 256
    assert len(session.address) == 64


async def test_ending_the_others_says_so_for_each(auth: Auth, database: Database) -> None:
    mine = await sign_up(auth)
    others = {(await sign_in(auth)).principal.session for _ in range(2)}
    assert await auth.sessions.end_others(mine.principal) == 2
    assert [s.id for s in await auth.sessions.of_user(mine.principal.user_id)] == [mine.principal.session]
    ended = [event.data["session"] for event in await facts(database) if event.type == "session.ended"]
    assert sorted(ended) == sorted(map(str, others))


async def test_the_key_of_tokens_is_made_once_for_all_replicas(database: Database, feed: Feed) -> None:
    replicas = [Auth(database, settings(), feed.is_fresh) for _ in range(4)]
    keys = await asyncio.gather(*(replica.sessions.tokens() for replica in replicas))
    assert len({tokens._key for tokens in keys}) == 1
    own = Auth(database, settings(jwt_secret="s" * 32), feed.is_fresh)
    assert (await own.sessions.tokens())._key == b"s" * 32


async def test_an_unknown_session_of_a_right_signature_is_refused(auth: Auth) -> None:
    signed_in = await sign_up(auth)
    tokens = await auth.sessions.tokens()
    claims = tokens.read(signed_in.token)
    at = signed_in.principal.expires_at
    for forged in (
        type(claims)(uuid7(), claims.session, claims.session_version),
        type(claims)(claims.user, uuid7(), claims.session_version),
        type(claims)(claims.user, claims.session, claims.session_version + 1),
    ):
        with pytest.raises(Unauthorized):
            await auth.authenticate(tokens.sign(forged, at, at))

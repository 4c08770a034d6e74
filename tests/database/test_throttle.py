"""How fast passwords may be guessed."""

from __future__ import annotations

import asyncio

import pytest

from avalon.auth import Auth
from avalon.auth.throttle import Limit, Throttle
from avalon.database import Database
from avalon.errors import TooManyRequests, Unauthorized
from tests.database.auth_help import ADDRESS, PASSWORD, settings, sign_in


@pytest.fixture
def auth(database: Database) -> Auth:
    return Auth(database, settings(), lambda: True)


@pytest.fixture
def other(database: Database) -> Auth:
    """Another replica on the same database."""
    return Auth(database, settings(), lambda: True)


async def guess(auth: Auth, username: str, address: str = ADDRESS) -> type[Exception] | None:
    try:
        await auth.login(username, "a wrong one", user_agent="", address=address)
    except (Unauthorized, TooManyRequests) as error:
        return type(error)
    return None


async def test_parallel_guesses_do_not_slip_through_together(auth: Auth, other: Auth) -> None:
    await auth.users.create("system", username="ada", role="viewer", password=PASSWORD)
    outcomes = await asyncio.gather(*(guess(replica, "ada") for replica in (auth, other) * 10))
    assert outcomes.count(Unauthorized) == 5
    assert outcomes.count(TooManyRequests) == 15
    with pytest.raises(TooManyRequests) as refused:
        await sign_in(auth)
    assert 0 < refused.value.retry_after_s <= 2


async def test_without_the_throttle_all_guesses_are_tried(auth: Auth, database: Database) -> None:
    """The control of the test above."""
    auth._throttle = Throttle(database, per_account=Limit(free=10**6))
    await auth.users.create("system", username="ada", role="viewer", password=PASSWORD)
    outcomes = await asyncio.gather(*(guess(auth, "ada") for _ in range(12)))
    assert outcomes == [Unauthorized] * 12


async def test_each_further_failure_doubles_the_wait_up_to_a_minute(database: Database) -> None:
    throttle = Throttle(database)
    waits = []
    for attempt in range(13):
        await throttle.admit("ada", f"203.0.113.{attempt}")
        left = await database.fetch_value(
            "SELECT extract(epoch FROM blocked_until - last_failed_at)::float FROM runtime.login_attempt"
            " WHERE subject LIKE 'account:%' AND blocked_until > '-infinity'"
        )
        waits.append(round(left or 0))
        await database.execute("UPDATE runtime.login_attempt SET blocked_until = clock_timestamp()")
    assert waits == [0, 0, 0, 0, 2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_after_a_quiet_quarter_of_an_hour_the_count_begins_again(database: Database) -> None:
    throttle = Throttle(database)
    for _ in range(5):
        await throttle.admit("ada", ADDRESS)
    await database.execute(
        "UPDATE runtime.login_attempt"
        " SET last_failed_at = now() - interval '16 minutes', blocked_until = now()"
    )
    for _ in range(5):
        await throttle.admit("ada", ADDRESS)
    with pytest.raises(TooManyRequests):
        await throttle.admit("ada", ADDRESS)


async def test_a_success_forgets_the_failures_before(auth: Auth, database: Database) -> None:
    await auth.users.create("system", username="ada", role="viewer", password=PASSWORD)
    for _ in range(2):
        for _ in range(4):
            assert await guess(auth, "Ada") is Unauthorized
        await sign_in(auth)
    rows = await database.fetch_dicts("SELECT subject, failures FROM runtime.login_attempt")
    assert rows == [{"subject": f"address:{ADDRESS}", "failures": 8}]


async def test_an_address_can_not_try_one_password_on_many_names(database: Database) -> None:
    throttle = Throttle(database, per_address=Limit(free=3))
    for name in ("a", "b", "c"):
        await throttle.admit(name, "2001:db8::1")
    with pytest.raises(TooManyRequests):
        await throttle.admit("d", "2001:db8::ffff")
    await throttle.admit("d", "2001:db8:1::1")
    await throttle.admit("e", "not an address")

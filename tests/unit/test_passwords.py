"""Passwords: which are taken, and that all hashes cost the same."""

from __future__ import annotations

import argon2
import pytest

from avalon.auth.passwords import (
    COMMON,
    LANES,
    LONG_ENOUGH,
    MAX_WAITING,
    MEMORY_KIB,
    MIN_LENGTH,
    NOBODYS_HASH,
    PASSES,
    Passwords,
    check_new_password,
    random_password,
)
from avalon.errors import BadInput, Unavailable
from avalon.settings import SEED_PASSWORD


@pytest.mark.parametrize(
    "password",
    [
        "short77",
        "password123",
        "PassWord123",
        SEED_PASSWORD,
        "aaaaaaaa",
        "abababab",
        "somebody-else",
        "x" * 1001,
    ],
)
def test_an_easy_password_is_refused(password: str) -> None:
    with pytest.raises(BadInput, match="new_password"):
        check_new_password(password, "Somebody-Else", field="new_password")


@pytest.mark.parametrize(
    "password", ["kw8#Lq2z", "correct horse battery staple", "пароль-да", "é" * 9 + "ab", "x y" * 333]
)
def test_a_better_password_is_taken(password: str) -> None:
    check_new_password(password, "admin", field="new_password")


def test_the_list_holds_only_what_it_is_asked_for() -> None:
    assert all(MIN_LENGTH <= len(word) < LONG_ENOUGH and word == word.casefold() for word in COMMON)


def test_a_made_password_is_taken_and_never_the_same() -> None:
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        check_new_password(password, "admin", field="password")


def test_the_hash_of_nobody_costs_what_the_others_cost() -> None:
    parameters = argon2.extract_parameters(NOBODYS_HASH)
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (
        MEMORY_KIB,
        PASSES,
        LANES,
    )
    assert parameters.type is argon2.Type.ID


async def test_a_hash_is_matched_by_its_password_alone() -> None:
    passwords = Passwords()
    stored = await passwords.hash("caf\u00e9 au lait")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.matches("cafe\u0301 au lait", stored), "the same letters, composed otherwise"
    assert not await passwords.matches("cafe au lait", stored)
    assert not await passwords.matches("caf\u00e9 au lait", None)
    assert not await passwords.matches("caf\u00e9 au lait", "not a hash")


async def test_more_callers_than_can_wait_are_turned_away() -> None:
    passwords = Passwords()
    passwords._waiting = MAX_WAITING
    with pytest.raises(Unavailable):
        await passwords.matches("x", None)

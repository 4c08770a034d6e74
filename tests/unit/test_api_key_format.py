"""What an API key looks like, and what can't be one."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest

from avalon.auth.key_format import ALPHABET, fingerprint, is_well_formed, new_key, shown


def test_a_new_key_looks_as_promised_and_checks_out() -> None:
    keys = {new_key() for _ in range(200)}
    assert len(keys) == 200
    assert all(re.fullmatch(r"avl_[0-9A-Za-z]{38}", key) for key in keys)
    assert all(is_well_formed(key) for key in keys)


def test_the_checksum_of_a_known_key_does_not_change() -> None:
    assert is_well_formed("avl_" + "0" * 32 + KNOWN_CHECKSUM)


def test_every_single_slip_is_noticed() -> None:
    key = new_key()
    for place in range(4, len(key)):
        other = ALPHABET[(ALPHABET.index(key[place]) + 1) % len(ALPHABET)]
        assert not is_well_formed(key[:place] + other + key[place + 1 :])


def test_two_neighbours_swapped_are_noticed() -> None:
    key = new_key()
    for place in range(4, len(key) - 1):
        swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
        assert swapped == key or not is_well_formed(swapped)


@pytest.mark.parametrize(
    "text", ["", "avl_", "x" * 42, "avl_" + "x" * 38, "AVL_" + "x" * 38, "avl_" + "é" * 38, "\ud800", "\0"]
)
def test_other_texts_are_no_keys(text: str) -> None:
    assert not is_well_formed(text)
    assert len(fingerprint(text)) == 32


def test_a_key_with_something_behind_it_is_none() -> None:
    key = new_key()
    assert not any(is_well_formed(text) for text in (key + "0", key + "\n", " " + key, key[:-1]))


def test_of_a_key_its_hash_is_kept_and_its_beginning_shown() -> None:
    key = new_key()
    assert fingerprint(key) == sha256(key.encode()).digest()
    assert shown(key) == key[:10]


KNOWN_CHECKSUM = "3WbVzq"

"""Identifiers: opaque, random, never reused, and carrying their shard key.

A person id is a random integer of 47 bits (six bytes with the top bit clear, so that it fits the dynamic code's block).
Its text form, and the first half of every resource id, is ten characters of Crockford base32 in lower case.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable

PersonId = int
"""1 .. 2**47 - 1. Zero is the shared shelf: resources that belong to no person."""

SHELF: PersonId = 0
"""Where what belongs to no person lies, shared by all institutions."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [a + b for a in _ALPHABET for b in _ALPHABET]
_SHIFTS = [tuple(10 * pair for pair in reversed(range((width + 1) // 2))) for width in range(32)]
_RANDOM = bytes(ord(_ALPHABET[byte & 31]) for byte in range(256))
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
"""From our alphabet to the one that `int` reads with base 32."""
_ID = re.compile(f"[{_ALPHABET}]{{10}}-[{_ALPHABET}]{{13}}").fullmatch
_TEXT = re.compile(f"[{_ALPHABET}]{{10}}").fullmatch
_HOME_CHARS = 10
_TAIL_CHARS = 13


def base32(number: int, width: int) -> str:
    """`number` in Crockford base32, lower case, left-padded with zeros to `width` characters."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS[width]])[-width:]


def random_base32(width: int) -> str:
    """`width` random characters of the alphabet, 5 bits each."""
    return os.urandom(width).translate(_RANDOM).decode("ascii")


def new_person_id(randbits: Callable[[int], int] = secrets.randbits) -> PersonId:
    """A fresh person id; the caller's unique key guards against the improbable collision."""
    return randbits(47) or 1


def person_text(person: PersonId) -> str:
    """The public form of a person id: ten characters, usable as a FHIR id."""
    return base32(person, _HOME_CHARS)


def person_from_text(text: str) -> PersonId | None:
    """The person id a text names, or None when the text is not of that form."""
    return _number(text) if _TEXT(text) else None


def _number(text: str) -> PersonId | None:
    number = int(text.translate(_DIGITS), 32)
    return number if number < 1 << 47 else None


def sandbox_shelf(institution: int) -> PersonId:
    """Where a sandbox keeps what belongs to no person under ids of its own choice: two sandboxes may choose alike.
    Above every person id, so that it is nobody's."""
    return (1 << 47) + institution


def new_resource_id(home: PersonId, randbits: Callable[[int], int] | None = None) -> str:
    """A fresh resource id, `<home 10>-<random 13>`: a read needs no look-up to find its shard.

    `randbits` makes it repeatable: 64 bits stand in the last 13 characters.
    """
    if randbits is None:
        return f"{base32(home, _HOME_CHARS)}-{random_base32(_TAIL_CHARS)}"
    return f"{base32(home, _HOME_CHARS)}-{base32(randbits(64), _TAIL_CHARS)}"


def home_of(resource_id: str) -> PersonId | None:
    """The shard key inside a resource id, or None when the id was not made by `new_resource_id`."""
    return _number(resource_id[:_HOME_CHARS]) if _ID(resource_id) else None


def new_handle(home: PersonId = SHELF) -> str:
    """An opaque handle with 100 random bits behind its shard key (visits, submissions, tickets)."""
    return f"{base32(home, _HOME_CHARS)}.{random_base32(20)}"


def home_of_handle(handle: str) -> PersonId | None:
    """The shard key inside a handle, or None when it is not of that form."""
    return person_from_text(handle[:_HOME_CHARS]) if len(handle) == 31 and handle[_HOME_CHARS] == "." else None

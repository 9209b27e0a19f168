"""What a setting may be: the rules of `settings.Settings`, each with what it expects in words."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must be. `read` takes text (environment) or a TOML value and raises ValueError when it is wrong."""

    expected: str
    read: Callable[[object], object]


def text(expected: str, accept: Callable[[str], bool]) -> Rule:
    """Text for which `accept` says yes."""

    def read(value: object) -> object:
        if isinstance(value, str) and accept(value):
            return value
        raise ValueError

    return Rule(expected, read)


def number(low: int, high: int, unit: str = "") -> Rule:
    """A whole number within both bounds."""

    def read(value: object) -> object:
        found = int(value) if isinstance(value, str) else value
        if isinstance(found, int) and not isinstance(found, bool) and low <= found <= high:
            return found
        raise ValueError

    return Rule(f"a whole number{unit} from {low} to {high}", read)


def choice(*words: str) -> Rule:
    """One of these words."""
    return text("one of " + ", ".join(words), lambda value: value in words)


def read_path(value: object) -> object:
    """A path, with `~` resolved; ValueError when it is none. So the three below."""
    if isinstance(value, str | Path) and str(value):
        with contextlib.suppress(RuntimeError):  # ~ of an account that there is not
            return Path(value).expanduser()
    raise ValueError


def read_switch(value: object) -> object:
    """True or false, as TOML or as a word."""
    answers = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in answers:
        return answers[value.lower()]
    raise ValueError


def read_names(value: object) -> object:
    """Lower-case names, from a list or separated by commas."""
    names = value.split(",") if isinstance(value, str) else value
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        return tuple(name.strip().lower() for name in names if name.strip())
    raise ValueError


def ceilings(low: int, high: int) -> Rule:
    """Numbers by letter, with `*` for all other letters: a TOML table, or `A=1, *=2`."""
    whole = number(low, high)

    def read(value: object) -> object:
        if isinstance(value, str):
            value = dict(one.strip().split("=", 1) for one in value.split(","))
        if (
            not isinstance(value, dict)
            or "*" not in value
            or not all(name == "*" or (name.isascii() and name.isalpha() and len(name) == 1) for name in value)
        ):
            raise ValueError
        return tuple(sorted((name.upper(), cast(int, whole.read(said))) for name, said in value.items()))

    return Rule(f"letters of WS 218 and * with whole numbers from {low} to {high}, as in A=10000, *=5000", read)


def read_addresses(value: object) -> object:
    """IP addresses in their usual form, from a list or separated by commas."""
    return tuple(str(ipaddress.ip_address(name)) for name in cast(tuple[str, ...], read_names(value)))


def is_web_address(value: str) -> bool:
    """Whether this is an http or https address that others can be given."""
    parts = urlsplit(value)
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and parts.port != 0
        and plain
        and not value.endswith("/")
    )


def is_database_url(value: str) -> bool:
    """Whether this is a PostgreSQL address."""
    return urlsplit(value).scheme in ("postgresql", "postgres")


def is_host(value: str) -> bool:
    """Whether this can be listened on: a name or an IP address without brackets."""
    plain = bool(value) and not any(sign in value for sign in " /@?#")
    return plain and (":" not in value or ip_address(value) is not None)


def ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that this is; None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None

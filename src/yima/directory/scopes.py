"""What an app may ask for: scopes of SMART App Launch 2.2, section 3: `patient/` and those of signing in of a resident;
of staff who open it in a visit `user/` and `launch` too.

Only reading (`r`) and searching (`s`); nobody writes anything through such an app. A scope narrowed by a query
(`?category=..`) is refused by name: to grant more than was asked, or silently less, would both be wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from yima.runtime.errors import Refusal

SIGN_IN_SCOPES: Final = ("openid", "fhirUser", "launch", "launch/patient", "offline_access", "online_access")
"""Scopes without a resource type that are granted; `profile` is understood as `fhirUser`'s older name is not."""
_LONGEST: Final = 4000
_RESOURCE: Final = re.compile(
    r"(?P<context>patient|user)/(?P<type>\*|[A-Z][A-Za-z]{1,63})\.(?P<verbs>read|write|\*|[cruds]{1,5})"
).fullmatch
_OF_RESIDENTS: Final = frozenset({"launch/patient", "offline_access"})
_OF_STAFF: Final = "launch"
_WORDS: Final = {"read": "rs", "*": "rs", "write": ""}


def registrable(scope: str, *, launched: bool) -> bool:
    """Whether an app may be registered for this scope; `launched`: one that staff open in a visit."""
    if scope in SIGN_IN_SCOPES:
        return scope not in _OF_RESIDENTS if launched else scope != _OF_STAFF
    found = _RESOURCE(scope)
    return found is not None and bool(_letters(found["verbs"])) and (launched or found["context"] == "patient")


def wanted_scopes(asked: str, registered: Sequence[str]) -> tuple[str, ...]:
    """What of the scopes asked for can be granted at all: those registered, cut down to reading; in the order asked.

    Refusal `scope-unsupported` for a scope with a query, for too much text, and when nothing of a record or of signing
    in is left.
    """
    if len(asked) > _LONGEST:
        raise Refusal("scope-unsupported", field="scope", expected=f"at most {_LONGEST} characters")
    found: dict[str, None] = {}
    for scope in asked.split():
        if "?" in scope:
            raise Refusal("scope-unsupported", field="scope", expected="scopes without a query, e.g. patient/*.rs")
        found |= dict.fromkeys([scope] if scope in SIGN_IN_SCOPES and scope in registered else _cut(scope, registered))
    if not any(scope == "openid" or types_of([scope]) for scope in found):
        raise Refusal("scope-unsupported", field="scope", expected=" ".join(registered))
    return tuple(found)


def _cut(scope: str, registered: Sequence[str]) -> list[str]:
    """A resource scope as far as it is registered, in v2 letters; `*` where single types are registered gives those."""
    said = _RESOURCE(scope)
    if said is None:
        return []
    made = []
    for held in filter(None, map(_RESOURCE, registered)):
        kind = said["type"] if held["type"] == "*" else held["type"]
        letters = "".join(letter for letter in _letters(said["verbs"]) if letter in _letters(held["verbs"]))
        if letters and said["type"] in ("*", kind) and said["context"] == held["context"]:
            made.append(f"{said['context']}/{kind}.{letters}")
    return made


def _letters(verbs: str) -> str:
    """`r`, `s` or `rs` of the verbs; v1's `read` is both."""
    return "".join(letter for letter in "rs" if letter in _WORDS.get(verbs, verbs))


def types_of(scopes: Iterable[str]) -> tuple[str, ...]:
    """The resource types that scopes open, `*` for all."""
    return tuple(dict.fromkeys(found["type"] for scope in scopes if (found := _RESOURCE(scope))))


def narrowed(scopes: Sequence[str], keep: Iterable[str], *, every: Iterable[str]) -> tuple[str, ...]:
    """The scopes cut down to some resource types; `every`: the types that `*` stands for.

    Scopes of signing in stay. When all that `*` stands for is kept, it stays `*`.
    """
    kept, whole = set(keep), set(every)
    made: list[str] = []
    for scope in scopes:
        found = _RESOURCE(scope)
        if found is None or found["type"] in kept or (found["type"] == "*" and whole <= kept):
            made.append(scope)
        elif found["type"] == "*":
            made += [f"{found['context']}/{kind}.{found['verbs']}" for kind in sorted(whole & kept)]
    return tuple(dict.fromkeys(made))


def within(asked: str, granted: Sequence[str]) -> tuple[str, ...]:
    """A narrower set of scopes for a refreshed token (RFC 6749, section 6). Refusal `scope-unsupported` for a wider."""
    if not asked.strip():
        return tuple(granted)
    made = tuple(dict.fromkeys(asked.split()))
    if not all(scope in granted or _covered(scope, granted) for scope in made):
        raise Refusal("scope-unsupported", field="scope", expected=" ".join(granted))
    return made


def _covered(scope: str, granted: Sequence[str]) -> bool:
    said = _RESOURCE(scope)
    return said is not None and any(
        held["type"] in ("*", said["type"])
        and held["context"] == said["context"]
        and set(said["verbs"]) <= set(held["verbs"])
        for held in filter(None, map(_RESOURCE, granted))
    )

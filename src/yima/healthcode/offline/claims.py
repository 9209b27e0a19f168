"""The claims of our CBOR credentials (CWT, RFC 8392) and of the EU certificate, as plain values and as CBOR.

Ours stand in one private claim, a map from small integers, so that a card fits a code that scanners read at arm's
length. Its number is private use (IANA CWT Claims: below -65536) and is neither -260 (`hcert` of EU and WHO) nor any
other registered one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

import cbor2
import msgspec

from yima.healthcode.offline import cbor
from yima.healthcode.offline.parties import StatusRef
from yima.runtime.errors import Refusal

ISSUER: Final = 1
EXPIRES: Final = 4
NOT_BEFORE: Final = 5
ISSUED: Final = 6
STATUS: Final = 65535
"""`status` of Token Status List (draft-ietf-oauth-status-list, section 6.3)."""
YIMA: Final = -70001
HCERT: Final = -260
"""`hcert`: the EU Digital COVID Certificate and WHO's DDCC."""

Kind = Literal["identity", "emergency"]
SEXES: Final = {"unknown": 0, "male": 1, "female": 2, "other": 9}
"""GB/T 2261.1 numbers of the administrative gender of FHIR."""

_KIND, _NAME, _BORN, _SEX, _CARD, _LATIN = range(6)
_BLOOD, _ALLERGIES, _CONDITIONS, _MEDICINES, _CONTACT = range(10, 15)
_KINDS: Final[dict[int, Kind]] = {1: "identity", 2: "emergency"}
_KIND_NUMBER: Final = {kind: number for number, kind in _KINDS.items()}
_SEX_NAMES: Final = {number: name for name, number in SEXES.items()}
_END_OF_TIME: Final = 253402300800  # 10000-01-01: beyond it there is no datetime


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Who this is. No identity number, no address, no phone."""

    name: str
    born: date | None
    sex: str
    """`male`, `female`, `other` or `unknown`."""
    card_number: str = ""
    """16 digits, or empty."""
    latin_name: str = ""


class Emergency(msgspec.Struct, frozen=True, gc=False):
    """What an ambulance needs first; every line as its holder's record says it, shortened."""

    blood_group: str = ""
    allergies: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    medicines: tuple[str, ...] = ()
    contact: str = ""


class Claims(msgspec.Struct, frozen=True, gc=False):
    """Whose word, from when to when, where its status is, and what it says."""

    issuer: str
    issued: datetime
    expires: datetime | None
    status: StatusRef | None
    not_before: datetime | None = None
    kind: Kind | None = None
    identity: Identity | None = None
    emergency: Emergency | None = None
    hcert: Mapping[Any, Any] | None = None


def encode(
    identity: Identity, emergency: Emergency | None, issuer: str, times: tuple[datetime, datetime], status: StatusRef
) -> bytes:
    """The claims as deterministic CBOR (RFC 8949 section 4.2.1); `times` are issued and expires."""
    said: dict[int, Any] = {_KIND: _KIND_NUMBER["emergency" if emergency else "identity"], _NAME: identity.name}
    if identity.born:
        said[_BORN] = int(identity.born.strftime("%Y%m%d"))
    said[_SEX] = SEXES.get(identity.sex, 0)
    if identity.card_number:
        said[_CARD] = int(identity.card_number)
    if identity.latin_name:
        said[_LATIN] = identity.latin_name
    if emergency:
        held = {
            _BLOOD: emergency.blood_group,
            _ALLERGIES: list(emergency.allergies),
            _CONDITIONS: list(emergency.conditions),
            _MEDICINES: list(emergency.medicines),
            _CONTACT: emergency.contact,
        }
        said |= {key: value for key, value in held.items() if value}
    return cbor2.dumps(
        {
            ISSUER: issuer,
            EXPIRES: int(times[1].timestamp()),
            ISSUED: int(times[0].timestamp()),
            STATUS: {"status_list": {"idx": status.index, "uri": status.uri}},
            YIMA: said,
        }
    )


def decode(payload: bytes) -> Claims:
    """What a payload says. Refusal `code-unreadable` when it is neither ours nor an EU certificate."""
    held = cbor.loads(payload)
    if not isinstance(held, dict) or (YIMA in held) == (HCERT in held):
        raise Refusal("code-unreadable")
    issuer = _typed(held.get(ISSUER, ""), str)
    times = [_moment(held.get(key)) for key in (ISSUED, NOT_BEFORE, EXPIRES)]
    if YIMA not in held:
        hcert = _typed(held[HCERT], dict)
        return Claims(issuer, times[0] or _EPOCH, times[2], None, not_before=times[1], hcert=hcert)
    if times[0] is None or times[2] is None:
        raise Refusal("code-unreadable")
    said = _typed(held[YIMA], dict)
    kind = _KINDS.get(_typed(said.get(_KIND), int))
    if kind is None:
        raise Refusal("code-unreadable")
    return Claims(
        issuer, times[0], times[2], _status(held.get(STATUS)), times[1], kind, _identity(said),
        _emergency(said) if kind == "emergency" else None,
    )  # fmt: skip


_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def _identity(said: dict[Any, Any]) -> Identity:
    number = said.get(_CARD)
    if number is not None and not (type(number) is int and 0 <= number < 10**16):
        raise Refusal("code-unreadable")
    return Identity(
        _typed(said.get(_NAME), str),
        _day(said.get(_BORN)),
        _SEX_NAMES.get(_typed(said.get(_SEX, 0), int), "unknown"),
        "" if number is None else f"{number:016d}",
        _typed(said.get(_LATIN, ""), str),
    )


def _emergency(said: dict[Any, Any]) -> Emergency:
    def lines(key: int) -> tuple[str, ...]:
        return tuple(_typed(line, str) for line in _typed(said.get(key, []), list))

    return Emergency(
        _typed(said.get(_BLOOD, ""), str), lines(_ALLERGIES), lines(_CONDITIONS), lines(_MEDICINES),
        _typed(said.get(_CONTACT, ""), str),
    )  # fmt: skip


def _status(value: object) -> StatusRef | None:
    if value is None:
        return None
    place = _typed(_typed(value, dict).get("status_list"), dict)
    index = _typed(place.get("idx"), int)
    if index < 0:
        raise Refusal("code-unreadable")
    return StatusRef(_typed(place.get("uri"), str), index)


def _day(value: object) -> date | None:
    if value is None:
        return None
    number = _typed(value, int)
    try:
        return date(number // 10000, number // 100 % 100, number % 100)
    except (ValueError, OverflowError):
        raise Refusal("code-unreadable") from None


def _moment(value: object) -> datetime | None:
    """A NumericDate (RFC 8392 section 2): seconds, whole or not."""
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value < _END_OF_TIME:  # type: ignore[operator]  # a number by now
        raise Refusal("code-unreadable")
    return datetime.fromtimestamp(value, UTC)  # type: ignore[arg-type]  # a number by now


def _typed(value: Any, kind: type[Any]) -> Any:
    # `type is`, not isinstance: True would pass for 1.
    if type(value) is not kind:
        raise Refusal("code-unreadable")
    return value

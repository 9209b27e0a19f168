"""`verify`: one function for every form that a scanner without network can judge, in seven numbered steps.

Pure: trust, status lists and time come in as arguments. What the text says is looked at only after its signature.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from yima.healthcode.offline import claims, cose, device, hc1, shc
from yima.healthcode.offline.claims import Emergency, Identity
from yima.healthcode.offline.parties import Lists, Policy, Trust, Trusted
from yima.runtime.errors import Refusal

Form = Literal["identity", "emergency", "eu-certificate", "smart-health-card", "device"]
Status = Literal["good", "good-by-old-list", "not-checked", "none"]
"""Of the revocation check: by a fresh list; by one older than a day; no list here; the form has none."""

_USES: Final[Mapping[str, str]] = {"emergency": "identity", "smart-health-card": "shc", "eu-certificate": "hcert"}
_ONLINE: Final = "YM1:"
_EU_LETTERS: Final = "tvr"


class Verified(msgspec.Struct, frozen=True, gc=False):
    """A credential that is what it says it is. It identifies its holder only as far as the holder can be compared."""

    form: Form
    issuer: str
    key_id: str
    """Hex, or the `kid` of a health card."""
    issued: datetime
    expires: datetime | None
    status: Status
    list_issued: datetime | None
    """When the status list used was signed."""
    holder: Identity | None
    """Of our own forms."""
    emergency: Emergency | None
    """Of an emergency card."""
    more: Mapping[str, Any]
    """`hcert` of an EU certificate, `types` and `bundle` of a health card, `born_year` and `shown` of a device code."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for any JSON encoder; what is not known is left out."""
        held = {name: getattr(self, name) for name in self.__struct_fields__}
        plain: dict[str, Any] = msgspec.to_builtins({key: value for key, value in held.items() if value})
        return plain


class Presented(msgspec.Struct, frozen=True, gc=False):
    """A text taken apart: whose signature it claims over what, and what will be read of it when that holds."""

    form: str
    """`hc1`, `shc` or `device`."""
    key_id: bytes
    algorithm: str
    message: bytes
    signature: bytes
    body: Any


class Contents(msgspec.Struct, frozen=True, gc=False):
    """What a signed text says, in one shape for all forms."""

    form: Form
    issuer: str
    issued: datetime
    not_before: datetime
    expires: datetime | None
    fresh_until: datetime | None
    """End of the fresh part of a device code."""
    place: tuple[str, int] | None
    """Status list and index."""
    holder: Identity | None = None
    emergency: Emergency | None = None
    more: Mapping[str, Any] = MappingProxyType({})
    letters: str = ""
    """What kinds of certificate an EU one holds."""


def verify(text: str, trust: Trust, status: Lists | None, now: datetime, policy: Policy | None = None) -> Verified:
    """Judge a scanned text with what is held here: no network, no database.

    Refusals, in this order: `code-unreadable`, `code-needs-network` (a code that only the platform can check),
    `code-issuer-unknown`, `code-signer-invalid`, `code-signature-invalid`, `credential-not-yet-valid` or `clock-skew`
    (a phone's clock), `code-expired`, `status-list-stale`, `credential-revoked`.
    """
    policy = policy or Policy()
    # 1 read: the form, strictly; nothing of it is believed yet
    shown = read(text, policy)
    # 2 the key id names a signer that we know, for this algorithm
    signer = trust(shown.key_id)
    if signer is None or signer.key.algorithm != shown.algorithm:
        raise Refusal("code-issuer-unknown")
    # 3 the signer is valid now
    _check_signer(signer, now, policy)
    # 4 the signature; what is signed is of a kind that this signer may sign
    if not signer.key.verify(shown.message, shown.signature):
        raise Refusal("code-signature-invalid")
    said = _contents(shown, policy)
    _check_use(signer, said)
    # 5 times
    _check_times(said, now, policy)
    # 6 revocation, by a list that is fresh enough
    standing, listed = _standing(said, status, now, policy)
    # 7 what it says
    key_id = shown.key_id.decode() if shown.form == "shc" else shown.key_id.hex()
    return Verified(
        said.form, said.issuer, key_id, said.issued, said.expires, standing, listed, said.holder, said.emergency,
        said.more,
    )  # fmt: skip


def read(text: str, policy: Policy) -> Presented:
    """Step 1. Refusals `code-unreadable`, `code-needs-network`."""
    text = text.strip("\r\n\t")  # never the space: base45 may end with it
    if text.startswith(hc1.PREFIX):
        return _read_hc1(text, policy)
    if text.startswith(shc.PREFIX):
        card = shc.read(text)
        return Presented("shc", card.key_id.encode(), card.algorithm, card.signed, card.signature, card)
    if text.startswith(device.PREFIX):
        code = device.read(text)
        message = device.CERTIFICATE_LABEL + code.certified
        return Presented("device", code.key_id, code.algorithm, message, code.certificate_signature, code)
    raise Refusal("code-needs-network" if text.startswith(_ONLINE) else "code-unreadable")


def _read_hc1(text: str, policy: Policy) -> Presented:
    message = cose.read(hc1.decode(text))
    algorithm, key_id = message.algorithm(policy.sm2_algorithm), message.key_id(strict=False)
    if not algorithm or not key_id:
        raise Refusal("code-unreadable")
    return Presented("hc1", key_id, algorithm, message.signed(), message.signature, message)


def _check_signer(signer: Trusted, now: datetime, policy: Policy) -> None:
    if signer.revoked is not None or not signer.not_before - policy.skew <= now <= signer.not_after:
        raise Refusal("code-signer-invalid")


def _contents(shown: Presented, policy: Policy) -> Contents:
    if shown.form == "hc1":
        return _said_by_cwt(shown.body)
    if shown.form == "shc":
        return _said_by_card(shown.body)
    code: device.DeviceCode = shown.body
    if not device.phone_signed(code):
        raise Refusal("code-signature-invalid")
    holder = Identity(code.name, None, code.sex)
    more = {"born_year": code.born, "shown": code.time}
    place = (f"/status-lists/{code.shard}", code.index)
    return Contents(
        "device", "", code.issued, code.time, code.expires, code.time + policy.fresh, place, holder, None, more
    )


def _said_by_cwt(message: cose.Sign1) -> Contents:
    said = claims.decode(message.payload)
    start = said.not_before or said.issued
    if said.hcert is not None:
        held = said.hcert.get(1)
        letters = _eu_letter(held)
        more = {"hcert": held}
        return Contents(
            "eu-certificate", said.issuer, said.issued, start, said.expires, None, None, more=more, letters=letters
        )
    if not message.key_id(strict=True) or said.kind is None:
        raise Refusal("code-unreadable")
    place = (said.status.uri, said.status.index) if said.status else None
    return Contents(
        said.kind, said.issuer, said.issued, start, said.expires, None, place, said.identity, said.emergency
    )


def _eu_letter(held: object) -> str:
    """Which kind an EU certificate is; exactly one of one (HCERT schema 1.3). Refusal `code-unreadable`.

    The rest of its schema, and its value sets, are for whoever uses what it says.
    """
    if not isinstance(held, dict) or not isinstance(held.get("nam"), dict) or not isinstance(held.get("ver"), str):
        raise Refusal("code-unreadable")
    found = [letter for letter in _EU_LETTERS if held.get(letter)]
    if len(found) != 1 or not isinstance(held[found[0]], list) or len(held[found[0]]) != 1:
        raise Refusal("code-unreadable")
    return found[0]


def _said_by_card(card: shc.Card) -> Contents:
    said = shc.payload_of(card)
    place = (f"{said.issuer}/.well-known/status-lists/{said.place[0]}", said.place[1]) if said.place else None
    more = {"types": list(said.types), "bundle": said.bundle}
    return Contents(
        "smart-health-card", said.issuer, said.not_before, said.not_before, said.expires, None, place, more=more
    )


def _check_use(signer: Trusted, said: Contents) -> None:
    """Signatures of one use are worth nothing for another; an empty use (foreign trust file) stands for everything."""
    kind, _, letters = signer.use.partition(":")
    if kind and kind != _USES.get(said.form, said.form):
        raise Refusal("code-issuer-unknown")
    if letters and not set(said.letters) <= set(letters):
        raise Refusal("code-issuer-unknown")


def _check_times(said: Contents, now: datetime, policy: Policy) -> None:
    if said.not_before > now + policy.skew or said.issued > now + policy.skew:
        if said.fresh_until:
            raise Refusal("clock-skew", server_time=now.isoformat(timespec="seconds"))
        raise Refusal("credential-not-yet-valid")
    ends = [end for end in (said.expires, said.fresh_until) if end is not None]
    if ends and now >= min(ends):
        raise Refusal("code-expired")


def _standing(said: Contents, lists: Lists | None, now: datetime, policy: Policy) -> tuple[Status, datetime | None]:
    if said.place is None:
        return "none", None
    held = lists(said.place[0]) if lists else None
    if held is None:
        return "not-checked", None
    # A bit once set stays set: also an old list is good enough to refuse.
    if held.is_revoked(said.place[1]):
        raise Refusal("credential-revoked")
    age = now - held.issued
    if age >= policy.refuse:
        raise Refusal("status-list-stale", days=age.days)
    return ("good-by-old-list" if age >= policy.warn else "good"), held.issued

"""Tree heads: what the log commits itself to, signed (C2SP tlog-checkpoint in a C2SP signed-note, Ed25519). Pure.

A head in text, as witnesses keep it:

    yima.audit/6b1f00c2
    1042
    qINS1GRFhWHwdkUeqLEoP4yEMkTBBzxBkGwGQlVlVcs=
    sealed 2026-03-02T09:00:00Z

    — yima.audit/6b1f00c2 AQIDBA...
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from yima.audit.proof.tree import HASH_BYTES
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

_ED25519: Final = b"\x01"
_ID_BYTES: Final = 4
_KEY_NAME: Final = "audit/head/1"
_BODY: Final = re.compile(
    r"(?P<origin>[^\s+]+)\n(?P<size>0|[1-9][0-9]{0,17})\n(?P<root>[A-Za-z0-9+/]{43}=)\nsealed (?P<sealed>\S{20,32})\n"
)
_SIGNATURE: Final = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/]+={0,2})\n")


@dataclass(frozen=True, slots=True)
class Verifier:
    """The public half: a name and an Ed25519 key, written `name+id+key` (C2SP signed-note, verifier keys)."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes in front of every signature."""
        return sha256(f"{self.name}\n".encode() + _ED25519 + self.public).digest()[:_ID_BYTES]

    def text(self) -> str:
        """As one line, to be pinned by witnesses and scanners of proofs."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Head:
    """The log's size in lines and its root at a moment."""

    size: int
    root: bytes
    sealed: datetime
    note: str
    """The signed text."""


class HeadSigner:
    """Signs heads with the deployment's own key."""

    def __init__(self, store: KeyStore) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(b"ed25519" + store.secret(_KEY_NAME)).digest())
        public = self._key.public_key().public_bytes_raw()
        self.verifier = Verifier(f"yima.audit/{sha256(public).hexdigest()[:8]}", public)

    def sign(self, size: int, root: bytes, sealed: datetime) -> Head:
        """The signed head of a tree; its time in whole seconds."""
        at = sealed.astimezone(UTC).replace(microsecond=0)
        name = self.verifier.name
        body = f"{name}\n{size}\n{base64.b64encode(root).decode()}\nsealed {at:%Y-%m-%dT%H:%M:%SZ}\n"
        signature = base64.b64encode(self.verifier.key_id + self._key.sign(body.encode())).decode()
        return Head(size, root, at, f"{body}\n— {name} {signature}\n")


def read_verifier(text: str) -> Verifier:
    """A verifier key from its line. Refusal `field-invalid`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    found = Verifier(name, raw[1:])
    if not name or raw[:1] != _ED25519 or len(raw) != 1 + HASH_BYTES or found.key_id.hex() != key_id:
        raise Refusal("field-invalid", field="key", expected="a verifier key: name+id+base64, as /audit/key gives it")
    return found


def read_head(note: str, verifier: Verifier) -> Head:
    """A head whose signature is the log's. Refusal `head-invalid`: not a head, another log's, or not signed by it."""
    text, found, signatures = note.partition("\n\n")
    body = _BODY.fullmatch(f"{text}\n")
    if not found or body is None:
        raise Refusal("head-invalid", reason="it is not a tree head")
    if body["origin"] != verifier.name:
        raise Refusal("head-invalid", reason="it is another log's")
    if not any(_signed(body[0], line, verifier) for line in _SIGNATURE.finditer(signatures)):
        raise Refusal("head-invalid", reason="it is not signed by the log's key")
    try:
        sealed = datetime.fromisoformat(body["sealed"])
    except ValueError:
        raise Refusal("head-invalid", reason="its time is not one") from None
    return Head(int(body["size"]), base64.b64decode(body["root"]), sealed, note)


def _signed(body: str, line: re.Match[str], verifier: Verifier) -> bool:
    raw = base64.b64decode(line["signature"] + "==")
    if line["name"] != verifier.name or raw[:_ID_BYTES] != verifier.key_id:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(raw[_ID_BYTES:], body.encode())
    except InvalidSignature:
        return False
    return True

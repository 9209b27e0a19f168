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
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from yima.audit.proof.tree import HASH_BYTES
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

_ED25519: Final = b"\x01"
COSIGNER: Final = b"\x04"
"""The kind of a witness's key (C2SP tlog-cosignature)."""
KEY_ID_BYTES: Final = 4
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
    kind: bytes = _ED25519
    """One byte: the log's, or `COSIGNER`, so that a key of the one is never taken for the other's."""

    @property
    def key_id(self) -> bytes:
        """The four bytes in front of every signature."""
        return sha256(f"{self.name}\n".encode() + self.kind + self.public).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """As one line, to be pinned by witnesses and scanners of proofs."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.kind + self.public).decode()}"


@dataclass(frozen=True, slots=True)
class Head:
    """The log's size in lines and its root at a moment."""

    size: int
    root: bytes
    sealed: datetime
    note: str
    """The signed text, with whatever cosignatures were given along."""
    signature: str = field(default="", compare=False)
    """The log's own line under it, of a head that was checked or just signed."""

    @property
    def body(self) -> str:
        """What is signed."""
        return self.note.partition("\n\n")[0]


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
        line = f"— {name} {signature}\n"
        return Head(size, root, at, f"{body}\n{line}", line)


def read_verifier(text: str, kind: bytes = _ED25519) -> Verifier:
    """A verifier key of that kind from its line. Refusal `field-invalid`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    found = Verifier(name, raw[1:], kind)
    if not name or raw[:1] != kind or len(raw) != 1 + HASH_BYTES or found.key_id.hex() != key_id:
        raise Refusal("field-invalid", field="key", expected="a verifier key: name+id+base64")
    return found


def read_head(note: str, verifier: Verifier) -> Head:
    """A head whose signature is the log's. Refusal `head-invalid`: not a head, another log's, or not signed by it."""
    text, found, _ = note.partition("\n\n")
    body = _BODY.fullmatch(f"{text}\n")
    if not found or body is None:
        raise Refusal("head-invalid", reason="it is not a tree head")
    if body["origin"] != verifier.name:
        raise Refusal("head-invalid", reason="it is another log's")
    own = next(
        (
            line
            for name, raw, line in signatures(note)
            if (name, raw[:KEY_ID_BYTES]) == (verifier.name, verifier.key_id)
            and is_signed(body[0].encode(), raw[KEY_ID_BYTES:], verifier.public)
        ),
        None,
    )
    if own is None:
        raise Refusal("head-invalid", reason="it is not signed by the log's key")
    try:
        sealed: datetime | None = datetime.fromisoformat(body["sealed"])
    except ValueError:
        sealed = None
    if sealed is None or sealed.tzinfo is None:
        raise Refusal("head-invalid", reason="its time is not one")
    return Head(int(body["size"]), base64.b64decode(body["root"]), sealed, note, own)


def signatures(note: str) -> Iterator[tuple[str, bytes, str]]:
    """Of each signature under a note: whose it says it is, its bytes (key id first), and the line."""
    for line in _SIGNATURE.finditer(note.partition("\n\n")[2]):
        with contextlib.suppress(binascii.Error):
            yield line["name"], base64.b64decode(line["signature"], validate=True), line[0]


def is_signed(message: bytes, signed: bytes, public: bytes) -> bool:
    """Whether an Ed25519 signature is that of a message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed, message)
    except InvalidSignature:
        return False
    return True

"""Proofs as JSON, to be kept in a file and checked without the platform. Pure."""

from __future__ import annotations

import base64
import binascii

import msgspec

from yima.audit.proof.head import Head, Verifier, read_head
from yima.audit.proof.leaf import Leaf, content
from yima.audit.proof.tree import HASH_BYTES, is_consistent, leaf_hash, root_by_inclusion
from yima.runtime.errors import Refusal


class LineProof(msgspec.Struct, frozen=True):
    """That a line is in the log. `line` only for whom it concerns; the hash alone proves a line one already has."""

    position: int
    leaf_hash: str
    path: list[str]
    head: str
    """The signed note."""
    key: str = ""
    """The log's own word about its key: pin it by another way."""
    line: Leaf | None = None


class HeadPaper(msgspec.Struct, frozen=True):
    """A head, with the proof that an earlier tree is its beginning where one was asked for."""

    head: str
    key: str = ""
    since: int = 0
    path: list[str] = []


def read_line_proof(text: bytes) -> LineProof:
    """A proof from its file. Refusal `proof-invalid`."""
    try:
        return msgspec.json.decode(text, type=LineProof)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Refusal("proof-invalid", reason=f"it is not a proof ({error})") from None


def read_head_paper(text: bytes) -> HeadPaper:
    """A head from its file: the signed note itself, or JSON around it. Refusal `proof-invalid`."""
    if not text.lstrip().startswith(b"{"):
        return HeadPaper(text.decode("utf-8", "replace"))
    try:
        return msgspec.json.decode(text, type=HeadPaper)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Refusal("proof-invalid", reason=f"it is not a head ({error})") from None


def check_line(proof: LineProof, verifier: Verifier) -> Head:
    """The head under which the line is proven. Refusals `proof-invalid`, `head-invalid`."""
    head = read_head(proof.head, verifier)
    leaf = _bytes(proof.leaf_hash)
    if proof.line is not None and leaf_hash(content(proof.line)) != leaf:
        raise Refusal("proof-invalid", reason="the line is not the one that was hashed")
    if root_by_inclusion(proof.position, head.size, leaf, [_bytes(one) for one in proof.path]) != head.root:
        raise Refusal("proof-invalid", reason="it does not lead to the signed head")
    return head


def check_growth(first: Head, second: Head, path: list[str]) -> None:
    """That the first head's log is the beginning of the second's. Refusal `log-forked`."""
    if not is_consistent(first.size, second.size, first.root, second.root, [_bytes(one) for one in path]):
        raise Refusal("log-forked", first=first.size, second=second.size)


def text_of(hashed: bytes) -> str:
    """A hash as text (base64)."""
    return base64.b64encode(hashed).decode()


def _bytes(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("proof-invalid", reason="a hash is not base64") from None
    if len(found) != HASH_BYTES:  # else two could be cut elsewhere, and what is no leaf be proven
        raise Refusal("proof-invalid", reason="a hash has another length")
    return found

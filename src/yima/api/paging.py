"""Search results in pages: a link to the next page is sealed, and good for the caller it was made for only.

The whole search stands inside the seal, so that a search by identity number never puts the number into a URL.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.requests import Request

from yima.access import START, Content, Spot
from yima.directory import Caller
from yima.runtime.errors import Language, Refusal
from yima.runtime.keys import KeyStore


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which search a page begins."""

    params: tuple[tuple[str, str], ...]
    spot: Spot = START
    total: int | None = None
    """How many were found when the first page was made."""


class Pager:
    """Seals and opens places."""

    def __init__(self, keys: KeyStore) -> None:
        self._box = AESGCM(keys.secret("api/paging/1"))

    def seal(self, place: Place, caller: Caller, resource_type: str, visit: str) -> str:
        """The cursor text of a place."""
        nonce = secrets.token_bytes(12)
        spot = place.spot
        body = orjson.dumps([place.params, spot.edge, spot.back, spot.seen, spot.take, place.total])
        sealed = self._box.encrypt(nonce, body, _bound(caller, resource_type, visit))
        return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, cursor: str, caller: Caller, resource_type: str, visit: str) -> Place:
        """The place again. Refusal `not-found` for a link that was edited, or made for somebody else."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            body = self._box.decrypt(raw[:12], raw[12:], _bound(caller, resource_type, visit))
        except (ValueError, InvalidTag) as error:
            raise Refusal("not-found", field="_cursor") from error
        params, edge, back, seen, take, total = orjson.loads(body)
        return Place(tuple((name, value) for name, value in params), Spot(tuple(edge), back, seen, take), total)


def pager_of(request: Request) -> Pager:
    """The pager of this worker."""
    return cast(Pager, request.app.state.pager)


def _bound(caller: Caller, resource_type: str, visit: str) -> bytes:
    return "\x1f".join((caller.kind, caller.agent_id, resource_type, visit)).encode()


def beside(previous: Spot | None, following: Spot | None, total: int | None, count: int) -> list[tuple[str, Spot]]:
    """(relation, where) of the other pages; none where this one is all."""
    if not count or not (previous or following):
        return []
    links = [("first", START)]
    if previous:
        links.append(("previous", previous))
    if following:
        links.append(("next", following))
    if total:
        links.append(("last", Spot(back=True, seen=total, take=total % count or count)))
    return links


def bundle(
    entries: Sequence[bytes], *, total: int | None, links: Sequence[tuple[str, str]], kind: str = "searchset"
) -> bytes:
    """A Bundle (searchset or history) around entries that are JSON already."""
    head = {"resourceType": "Bundle", "type": kind} | ({} if total is None else {"total": total})
    head_json = orjson.dumps(head | {"link": [{"relation": relation, "url": url} for relation, url in links]})
    if not entries:
        return head_json
    parts = [b'%s,"entry":[%s' % (head_json[:-1], entries[0]), *entries[1:]]
    parts[-1] += b"]}"
    return b",".join(parts)  # once: each further step would copy all of it again


def entries(base: str, found: Iterable[Content]) -> list[bytes]:
    """The entries of many matches, each as `entry` makes it."""
    start = f'{{"fullUrl":"{base}/'
    return [
        b'%s%s,"search":{"mode":"match"}}' % (f'{start}{name}/{i}","resource":'.encode(), content)
        for name, i, content in found
    ]


def entry(base: str, resource_type: str, resource_id: str, content: bytes, mode: str = "match") -> bytes:
    """One entry of a searchset; the resource's bytes pass through as stored."""
    address = f"{base}/{resource_type}/{resource_id}".encode()
    return b'{"fullUrl":"%s","resource":%s,"search":{"mode":"%s"}}' % (address, content, mode.encode())


_IGNORED = {
    "zh": "下列参数未识别，已忽略：{names}",
    "en": "These parameters are not known and were ignored: {names}",
}


def outcome_entry(ignored: Sequence[str], language: Language) -> bytes:
    """The entry that says which parameters a lenient search left out (R4 search.html#errors)."""
    text = _IGNORED[language].format(names=", ".join(name[:64] for name in ignored))
    issue = {"severity": "warning", "code": "not-supported", "details": {"text": text}}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return orjson.dumps({"resource": outcome, "search": {"mode": "outcome"}})

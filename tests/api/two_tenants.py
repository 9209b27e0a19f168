"""Two institutions, two patients, one resource of every type each: the world of the two-tenant matrix.

X may see P as far as X wrote it, and in a visit what Y wrote of P as well. It may never see what is closed (level 5) of
P, nor anything of Q, whom only Y knows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from support import Institution, Platform, bundle, entry, patient, resident_number, urn
from support.one_of_each import Maker, Owner
from yima import fhir
from yima.access import SHARED_TYPES

Tree = dict[str, Any]
Asked = tuple[str, str, Any, dict[str, str]]
"""Method, address below /fhir, body, headers."""
STORED: Final = tuple(name for name in sorted(fhir.TYPES) if name != "Person")
"""What institutions can store: all but what is computed."""
OWNERS: Final = {"xp": Owner("zqxp", 1), "yp": Owner("zqyp", 2), "yl": Owner("zqyl", 3), "yq": Owner("zqyq", 4)}
"""Who wrote of whom: X and Y of P, Y what is closed of P, Y of Q. The words are in every value they wrote."""
PSYCHIATRIC: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}
_ID: Final = re.compile(r"[0-9a-z]{10}-[0-9a-z]{13}").findall
_AT_ONCE: Final = 12


@dataclass
class World:
    """Who is there, and the addresses `Type/id` of all that they stored, by owner and type."""

    platform: Platform
    x: Institution
    y: Institution
    person: int
    visit: str
    at: dict[str, dict[str, str]]
    sent: dict[str, dict[str, Tree]]
    """What they are, as they were sent."""
    escapes: list[str] = field(default_factory=list)
    """What X stored of P that names what Y stored."""

    def id(self, owner: str, name: str) -> str:
        """The id of what this owner stored of a type."""
        return self.at[owner][name].partition("/")[2]

    def hidden(self, visit: bool) -> tuple[set[str], tuple[str, ...]]:
        """The ids and the words that no answer to X may hold."""
        owners = ("yl", "yq") if visit else ("yp", "yl", "yq")
        seen = {*SHARED_TYPES, *(["Patient"] if visit else [])}  # of P at Y: read in a visit
        ids = {self.id(owner, name) for owner in owners for name in self.at[owner] if name not in seen}
        ids |= {self.id("yq", "Patient")}
        return ids, tuple(OWNERS[owner].word for owner in owners)

    @property
    def named(self) -> set[str]:
        """The ids of Y's that X wrote into its own resources, and reads there again."""
        theirs = {self.id(owner, "Observation") for owner in ("yp", "yl", "yq")}
        return theirs | {self.id("yq", "Patient"), self.id("yq", "Binary")}

    def nobody(self, address: str) -> str:
        """An address of the same form, and of the same home, that was never given out."""
        return address[:-6] + "000000"


async def build(platform: Platform) -> World:
    """Both institutions, both patients, everything stored once."""
    x, y = await platform.institution("X"), await platform.institution("Y")
    number, other = resident_number(), resident_number("1991-07-05")
    known: Tree = {"name": [{"text": "欧阳安"}]}
    hers: Tree = {"name": [{"text": OWNERS["yq"].word}], "birthDate": "1991-07-05"}
    at = {
        "xp": await _store(x, "xp", patient(x.code, national=number, **known)),
        "yp": await _store(y, "yp", patient(y.code, national=number, **known)),
        "yq": await _store(y, "yq", patient(y.code, national=other, **hers)),
    }
    at["yl"] = await _store(y, "yl", at["yp"]["Patient"])
    person = platform.person_of(at["xp"]["Patient"])
    assert person == platform.person_of(at["yp"]["Patient"]) != platform.person_of(at["yq"]["Patient"])
    sent = {owner: _made(owner, found) for owner, found in at.items()}
    made = World(platform, x, y, person, await x.visit(person), at, sent)
    made.escapes = await _escape(made)
    return made


def _made(owner: str, addresses: dict[str, str]) -> dict[str, Tree]:
    """One of each type by this owner; what they refer to lies at these addresses."""
    maker = Maker(OWNERS[owner], addresses)
    made = {name: maker.resource(name) for name in STORED if name != "Patient"}
    return {name: one | {"meta": {"security": [PSYCHIATRIC]}} for name, one in made.items()} if owner == "yl" else made


async def _store(by: Institution, owner: str, subject: Tree | str) -> dict[str, str]:
    """Store a resource of every type about a Patient that is sent along, or stored already."""
    urns = {name: urn() for name in STORED}
    made = _made(owner, urns | ({"Patient": subject} if isinstance(subject, str) else {}))
    made |= {} if isinstance(subject, str) else {"Patient": subject}
    stored = await by.submit(bundle(*[entry(one, fullUrl=urns[name]) for name, one in made.items()]))
    found = dict(zip(made, stored, strict=True))
    return found | ({"Patient": subject} if isinstance(subject, str) else {})


async def _escape(world: World) -> list[str]:
    """Resources of X about P that point at what Y stored, where the platform takes them."""
    theirs = [world.at[owner]["Observation"] for owner in ("yp", "yl", "yq")]
    subject = {"reference": world.at["xp"]["Patient"]}
    items = [{"reference": one} for one in theirs]
    tried: list[Tree] = [
        {"resourceType": "List", "status": "current", "mode": "working", "subject": subject,
         "entry": [{"item": one} for one in items]},
        {"resourceType": "Group", "type": "person", "actual": True,
         "member": [{"entity": subject}, {"entity": {"reference": world.at["yq"]["Patient"]}}]},
        {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": subject,
         "hasMember": items},
        {"resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}, "subject": subject,
         "result": items},
        {"resourceType": "Composition", "status": "final", "type": {"text": "x"}, "subject": subject, "title": "x",
         "date": "2026-01-01", "author": [subject], "section": [{"entry": items}]},
        {"resourceType": "Provenance", "target": items, "recorded": "2026-01-01T00:00:00Z",
         "agent": [{"who": subject}]},
        {"resourceType": "DocumentReference", "status": "current", "subject": subject,
         "content": [{"attachment": {"url": f"{world.platform.base}/fhir/{world.at['yq']['Binary']}"}}],
         "context": {"related": items}},
    ]  # fmt: skip
    found = []
    for one in tried:
        answer = await world.x.call("POST", f"/fhir/{one['resourceType']}", one)
        if answer.status_code == 201:
            found.append(f"{one['resourceType']}/{answer.json()['id']}")
    return found


def told(answer: httpx.Response) -> str:
    """What an answer says, without its links, which say again what was asked."""
    if not answer.content:
        return ""
    body = answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "link"}
        if body.get("resourceType") == "OperationOutcome":
            return json.dumps(body["issue"][0]["details"]["coding"])
        if "request_id" in body:
            return str(body["code"])
    return json.dumps(body, ensure_ascii=False)


def leaks(answer: httpx.Response, hidden: tuple[set[str], tuple[str, ...]], named: Iterable[str] = ()) -> list[str]:
    """What of the hidden is in an answer; `named`: ids that X's own resources name."""
    text = told(answer)
    ids, words = hidden
    plain = _sub_ids(text)  # any four letters come up in an id by chance
    return [*(ids - set(named)).intersection(_ID(text)), *(word for word in words if word in plain)]


def ids_of(answer: httpx.Response) -> list[str]:
    """The ids of the resources in a Bundle."""
    return [one["resource"]["id"] for one in answer.json().get("entry", ())]


def alike(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two answers are the same but for ids and moments."""
    return (one.status_code, _plain(one)) == (other.status_code, _plain(other))


def _plain(answer: httpx.Response) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.+Z]+", "TIME", _sub_ids(told(answer)))


def _sub_ids(text: str) -> str:
    return re.sub(r"[0-9a-z]{10}-[0-9a-z]{13}", "ID", text)


def get(address: str) -> Asked:
    """A reading of an address."""
    return "GET", address, None, {}


async def ask_all(world: World, asked: Sequence[Asked], visit: str = "") -> list[httpx.Response]:
    """The answers to X, some at a time."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(method: str, address: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        async with turns:
            return await world.x.call(method, f"/fhir/{address}", body, visit=visit, **headers)

    return list(await asyncio.gather(*(one(*each) for each in asked)))

"""Two institutions, two patients, every type, every way of reading: X learns nothing of what Y keeps, nor of Q.

Generated from the CapabilityStatement: a type or search parameter that it names is tried here. `alone` is X without a
visit: nothing that Y wrote may be in an answer. `visit` is X in a visit of P: what Y wrote of P may be, but not what is
closed of it (level 5), nor anything of Q. What is asked by an id or a value of Y's is answered as for one that was
never given out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import pytest
from two_tenants import OWNERS, STORED, Asked, World, alike, ask_all, build, get, ids_of, leaks

from support import Platform, bundle, entry, observation, report
from support.one_of_each import searched_values
from yima import consent, fhir
from yima.access import SHARED_TYPES
from yima.api import capability
from yima.directory import Caller
from yima.runtime import clock, ids

STATEMENT = {r["type"]: r for r in capability.statement("http://127.0.0.1:8420")["rest"][0]["resource"]}
PARAMS = {
    name: [p["name"] for p in STATEMENT[name].get("searchParam", ()) if p["name"] in fhir.SEARCH[name]]
    for name in STORED
}
MODES = {"alone": ("yp", "yl", "yq"), "visit": ("yl", "yq")}
COMPUTED = {"AuditEvent", "Provenance", "Consent", "CodeSystem", "ValueSet", "ConceptMap"}
"""Made from log, origins and decisions, or loaded for everybody: a total may be more than what was stored."""
CELLS: Counter[str] = Counter()
T = TypeVar("T")
FULL = os.environ.get("YIMA_MATRIX") == "full"
_TURNS = 5
"""Of parameters and links each run tries one in so many, to take seconds; `YIMA_MATRIX=full` tries them all."""


def _turn(cells: Iterable[T]) -> list[T]:
    """What is tried of these: all, or each fifth."""
    return [one for i, one in enumerate(cells) if FULL or i % _TURNS == 0]


@pytest.fixture(scope="module")
async def world(platform: Platform) -> World:
    return await build(platform)


def _visit(world: World, mode: str) -> str:
    return world.visit if mode == "visit" else ""


def _in_record(world: World, name: str, query: str, owner: str = "xp") -> str:
    """A search of a type in the record of a Patient, by whatever names the patient there."""
    patient = world.id(owner, "Patient")
    if name == "Patient":
        return f"Patient?_id={patient}&{query}"
    if name not in fhir.COMPARTMENT_TYPES:
        return f"{name}?{query}"
    if "patient" in fhir.SEARCH[name]:
        return f"{name}?patient={patient}&{query}"
    return f"Patient/{patient}/{name}?{query}"


def test_the_statement_names_what_is_stored() -> None:
    assert set(STORED) == set(STATEMENT) - {"Person"} == set(fhir.TYPES) - {"Person"}
    assert sum(map(len, PARAMS.values())) > 1300


# --- by id -----------------------------------------------------------------------------------------------------------

Way = tuple[str, str, dict[str, str]]
ALWAYS: dict[str, Way] = {
    "read": ("GET", "{at}", {}),
    "vread": ("GET", "{at}/_history/1", {}),
}
BY_TURNS: dict[str, Way] = {
    "read, unchanged since": ("GET", "{at}", {"if_none_match": 'W/"1"'}),
    "history": ("GET", "{at}/_history?_count=1", {}),
    "meta": ("GET", "{at}/$meta", {}),
    "origins": ("GET", "Provenance?target={at}", {}),
    "by id in the record": ("GET", "", {}),
}
WRITES: dict[str, Way] = {
    "delete": ("DELETE", "{at}", {}),
    "delete, of that version": ("DELETE", "{at}", {"if_match": 'W/"1"'}),
    "update": ("PUT", "{at}", {}),
    "update, of that version": ("PUT", "{at}", {"if_match": 'W/"1"'}),
    "patch": ("PATCH", "{at}", {"content_type": "application/json-patch+json"}),
}
"""Each type meets two or three of these and of `BY_TURNS`, each way two or three types in five."""
WAYS = ALWAYS | BY_TURNS | WRITES


def _by_id(mode: str) -> Iterator[tuple[str, str, str]]:
    """(way, owner, type) of what is tried."""
    for i, name in enumerate(STORED):
        for j, owner in enumerate(MODES[mode]):
            if name == "Patient" and owner == "yl":
                continue
            reads = [*ALWAYS, list(BY_TURNS)[(i + j) % len(BY_TURNS)]]
            for way in [*([] if name in SHARED_TYPES else reads), list(WRITES)[(i + j) % len(WRITES)]]:
                yield way, owner, name


def _home(way: str, owner: str) -> str:
    """In whose record an id of nobody is tried beside one of this owner: a write says whether the record is the right
    one, which ids show anyhow."""
    return owner if way in WRITES else "yq"


def _asked(world: World, way: str, name: str, address: str) -> Asked:
    method, form, headers = WAYS[way]
    asked = form.format(at=address) or _in_record(world, name, f"_id={address.partition('/')[2]}")
    return method, asked, _body(world, method, name, address), headers


@pytest.mark.parametrize("mode", MODES)
async def test_by_id_what_is_theirs_is_as_what_never_was(world: World, mode: str) -> None:
    visit = _visit(world, mode)
    cells = [one for i, one in enumerate(_by_id(mode)) if FULL or one[0] == "read" or i % _TURNS == 0]
    theirs = await ask_all(world, [_asked(world, w, n, world.at[o][n]) for w, o, n in cells], visit)
    kinds = sorted({(w, n, _home(w, o)) for w, o, n in cells})
    unknown = [_asked(world, w, n, world.nobody(world.at[home][n])) for w, n, home in kinds]
    nobodys = dict(zip(kinds, await ask_all(world, unknown, visit), strict=True))
    for (way, owner, name), answer in zip(cells, theirs, strict=True):
        at = (way, owner, name, answer.status_code, answer.text[:500])
        assert leaks(answer, world.hidden(mode == "visit")) == [], at
        nobody = nobodys[way, name, _home(way, owner)]
        assert alike(answer, nobody), (*at, nobody.text[:500])
        assert answer.status_code < 500, at
    CELLS[f"by id, {mode}"] += len(cells)


def _body(world: World, method: str, name: str, address: str) -> Any:
    if method == "PATCH":
        return b'[{"op": "add", "path": "/language", "value": "zh"}]'
    if method != "PUT":
        return None
    made = world.sent["xp"].get(name, {"resourceType": name})
    return made | {"id": address.partition("/")[2]}


# --- by search -------------------------------------------------------------------------------------------------------


def _by_value(world: World, mode: str) -> Iterator[tuple[str, str, str]]:
    """For every parameter a search in P's record (or on the shelf) for what only Y wrote."""
    for name in STORED:
        if name == "Patient" or name in SHARED_TYPES:
            continue
        for param in PARAMS[name]:
            own = set(searched_values(name, param, world.sent["xp"][name])) if param[0] != "_" else set()
            theirs = {
                value for owner in MODES[mode] for value in _values(world, name, param, owner) if value not in own
            }
            if theirs:
                listed = ",".join(sorted(theirs)).replace("+", "%2B")
                yield name, param, _in_record(world, name, f"{param}={listed}&_total=accurate")


def _values(world: World, name: str, param: str, owner: str) -> list[str]:
    return [world.id(owner, name)] if param == "_id" else searched_values(name, param, world.sent[owner][name])


@pytest.mark.parametrize("mode", MODES)
async def test_no_parameter_finds_what_is_theirs(world: World, mode: str) -> None:
    asked = _turn(_by_value(world, mode))
    answers = await ask_all(world, [get(address) for _, _, address in asked], _visit(world, mode))
    answered = 0
    for (name, param, address), answer in zip(asked, answers, strict=True):
        assert answer.status_code < 500, address
        assert leaks(answer, world.hidden(mode == "visit"), world.named) == [], (address, answer.text[:600])
        answered += answer.status_code == 200
        if answer.status_code == 200 and name not in COMPUTED:
            assert not _foreign(world, answer, mode), (name, param, address, answer.text[:600])
    assert answered > 0.6 * len(asked), Counter(a.status_code for a in answers)
    CELLS[f"by value, {mode}"] += len(asked)


def _foreign(world: World, answer: Any, mode: str) -> int:
    """How many matches an answer counts beyond those it may show."""
    return int(answer.json().get("total", 0)) - len(answer.json().get("entry", []))


async def test_what_has_a_value_and_what_comes_along(world: World) -> None:
    """For every parameter the resources that have it, in its order; for every type all that refers and is referred to.
    X finds its own, or this would prove nothing."""
    own = {address.partition("/")[2] for address in world.at["xp"].values()}
    asked = [
        (name, param, _in_record(world, name, f"{param}:missing=false&_sort={param}&_total=accurate"))
        for name in STORED
        for param in PARAMS[name]
        if name not in SHARED_TYPES and param[0] != "_" and fhir.SEARCH[name][param].type != "composite"
    ]
    asked, found = _turn(asked), 0
    for (_, _, address), answer in zip(asked, await ask_all(world, [get(a) for _, _, a in asked]), strict=True):
        assert answer.status_code < 500, (address, answer.text[:400])
        assert leaks(answer, world.hidden(visit=False), world.named) == [], (address, answer.text[:600])
        found += answer.status_code == 200 and bool(own & set(ids_of(answer)))
    assert found > len(asked) / 2, "X finds its own by most parameters"
    CELLS["missing, sort"] += len(asked)


@pytest.mark.parametrize("mode", MODES)
async def test_includes_bring_nothing_of_theirs(world: World, mode: str) -> None:
    asked = []
    for name in sorted(set(STORED) - SHARED_TYPES):
        row = STATEMENT[name]
        along = [f"_include={one}" for one in row.get("searchInclude", ()) if ":" in one]
        along += [f"_revinclude={one}" for one in row.get("searchRevInclude", ()) if ":" in one]
        along = _turn(along)
        parts = [along[n : n + 40] for n in range(0, len(along), 40)]
        asked += [_in_record(world, name, "&".join([*part, "_include:iterate=*"])) for part in parts]
        CELLS[f"includes, {mode}"] += len(along)
    for address, answer in zip(asked, await ask_all(world, [get(a) for a in asked], _visit(world, mode)), strict=True):
        assert answer.status_code < 500, address
        assert leaks(answer, world.hidden(mode == "visit"), world.named) == [], (address[:200], answer.text[:900])


def _through(world: World) -> Iterator[tuple[str, str]]:
    """Chains and `_has` that would lead to what Y wrote of Q, and as they lead to what nobody wrote."""
    for name in sorted(fhir.COMPARTMENT_TYPES & set(STORED)):
        for param in (fhir.SEARCH[name][p] for p in PARAMS[name]):
            for target in sorted(param.target & set(STORED))[:2] if param.type == "reference" else ():
                theirs = f"{param.name}:{target}._id={world.id('yq', target)}"
                nobodys = theirs.replace(world.id("yq", target), world.nobody(world.id("yq", target)))
                yield _in_record(world, name, theirs), _in_record(world, name, nobodys)
                if target in fhir.COMPARTMENT_TYPES and target in STORED:
                    theirs = f"_has:{name}:{param.name}:_id={world.id('yq', name)}"
                    nobodys = theirs.replace(world.id("yq", name), world.nobody(world.id("yq", name)))
                    yield _in_record(world, target, theirs), _in_record(world, target, nobodys)


async def test_chains_and_has_are_no_oracle(world: World) -> None:
    pairs = _turn(_through(world))
    for (address, _), one, other in zip(
        pairs, await ask_all(world, [get(a) for a, _ in pairs]), await ask_all(world, [get(b) for _, b in pairs]),
        strict=True,
    ):  # fmt: skip
        assert one.status_code < 500, address
        assert leaks(one, world.hidden(visit=False), world.named) == [], (address, one.text[:600])
        assert alike(one, other), (address, one.text[:400], other.text[:400])
    CELLS["chains and _has"] += len(pairs)


WHOLE = {
    "everything": "Patient/{p}/$everything",
    "everything of a type": "Patient/{p}/$everything?_type=Observation,List,Group,Binary",
    "summary": "Patient/{p}/$summary",
    "all types": "?patient={p}",
    "two types": "?patient={p}&_type=Observation,Condition",
    "compartment": "Patient/{p}/*",
    "latest": "Observation/$lastn?patient={p}",
    "documents": "DocumentReference/$docref?patient={p}",
    "patient": "Patient?_id={p}",
    "count": "Observation?patient={p}&_summary=count",
    "total": "Observation?patient={p}&_count=0&_total=accurate",
    "person": "Person?patient={p}",
    "decisions": "Consent?patient={p}",
    "log": "AuditEvent?patient={p}",
    "origins": "Provenance?patient={p}",
    "pix": "Patient/$ihe-pix?sourceIdentifier=urn:x%7C{p}",
    **{f"only {name}": f"{name}?patient={{p}}" for name in STORED if "patient" in fhir.SEARCH[name]},
}


@pytest.mark.parametrize("mode", MODES)
async def test_a_whole_record_is_the_own_part_and_a_strangers_is_nobodys(world: World, mode: str) -> None:
    mine, stranger, visit = world.id("xp", "Patient"), world.id("yq", "Patient"), _visit(world, mode)
    for p, hidden in ((mine, world.hidden(mode == "visit")), (stranger, world.hidden(mode == "visit"))):
        answers = await ask_all(world, [get(form.format(p=p)) for form in WHOLE.values()], visit)
        nobody = await ask_all(world, [get(form.format(p=world.nobody(p))) for form in WHOLE.values()], visit)
        for way, answer, unknown in zip(WHOLE, answers, nobody, strict=True):
            assert answer.status_code < 500, way
            assert leaks(answer, hidden, {*world.named, stranger} if p == mine else {stranger}) == [], (
                way, answer.text[:900],
            )  # fmt: skip
            if p == stranger:
                assert alike(answer, unknown), (way, answer.text[:500], unknown.text[:500])
        CELLS[f"whole records, {mode}"] += len(WHOLE)


RECORD = ("", "/timeline", "/stages", "/quality")


async def test_the_record_for_programs(world: World) -> None:
    stranger = world.id("yq", "Patient")
    for part in RECORD:
        mine = await world.x.call("GET", f"/record/{world.id('xp', 'Patient')}{part}")
        assert mine.status_code == 200
        assert leaks(mine, world.hidden(visit=False)) == [], part
        in_visit = await world.x.call("GET", f"/record/{world.id('xp', 'Patient')}{part}", visit=world.visit)
        assert leaks(in_visit, world.hidden(visit=True)) == [], part
        theirs = await world.x.call("GET", f"/record/{stranger}{part}")
        assert theirs.status_code == 404
        assert alike(theirs, await world.x.call("GET", f"/record/{world.nobody(stranger)}{part}"))
    CELLS["record"] += 4 * len(RECORD)


async def test_bundles_and_conditions_are_no_oracle(world: World) -> None:
    """The same in entries of a batch and a transaction; conditions that only Y's resources meet."""
    theirs = [world.at["yq"][name] for name in ("Patient", "Observation", "Condition", "Binary", "List", "Group")]
    for address in theirs:
        name = address.partition("/")[0]
        urls = [address, f"{address}/_history/1", f"{name}?_id={address.partition('/')[2]}&patient={theirs[0]}"]
        for kind in ("batch", "transaction"):
            for url in urls:
                unknown = url.replace(address.partition("/")[2], world.nobody(address).partition("/")[2])
                one, other = [
                    await world.x.call("POST", "/fhir", bundle(entry(None, "GET", asked), kind=kind))
                    for asked in (url, unknown)
                ]
                assert leaks(one, world.hidden(visit=False)) == []
                assert alike(one, other), (url, one.text[:400], other.text[:400])
                CELLS["Bundles"] += 1
        for method, headers in (("DELETE", {}), ("PATCH", {"content_type": "application/json-patch+json"})):
            body = None if method == "DELETE" else b'[{"op": "add", "path": "/language", "value": "zh"}]'
            conditions = [f"{name}?_id={one.partition('/')[2]}" for one in (address, world.nobody(address))]
            one, other = [await world.x.call(method, f"/fhir/{c}", body, **headers) for c in conditions]
            assert alike(one, other), (method, one.text[:400], other.text[:400])
            CELLS["conditions"] += 1
    subject = world.at["xp"]["Patient"]
    made = [
        await world.x.call(
            "POST", "/fhir/Observation", observation(subject, identifier=[{"system": f"urn:{word}:n", "value": word}]),
            if_none_exist=f"patient={subject}&identifier=urn:{word}:number|{word}-identifier",
        )
        for word in (OWNERS["yp"].word, OWNERS["yq"].word, "nobody")
    ]  # fmt: skip
    assert [one.status_code for one in made] == [201, 201, 201]
    CELLS["conditions"] += 3


async def test_a_page_is_of_whom_it_was_made_for(world: World) -> None:
    """A link of Y's to the next page, at X and edited, opens nothing."""
    asked = f"/fhir/Observation?patient={world.id('yp', 'Patient')}&_count=1"
    first = (await world.y.call("GET", asked)).json()
    link = next(one["url"] for one in first["link"] if one["relation"] == "next")
    path = link.removeprefix(world.platform.base)
    for tried in (path, path[:-2] + "AA", path.replace("_cursor=", "_cursor=A")):
        for visit in ("", world.visit):
            answer = await world.x.call("GET", tried, visit=visit)
            assert answer.status_code in (400, 404, 410), answer.text
            assert leaks(answer, world.hidden(visit=bool(visit))) == []
            CELLS["pages"] += 1


async def test_what_was_withdrawn_is_as_if_never_seen(world: World) -> None:
    """An ETag of what could be read in a visit is worth nothing once the resident closed it."""
    address = f"/fhir/{world.at['yp']['Observation']}"
    seen = await world.x.call("GET", address, visit=world.visit)
    assert seen.status_code == 200
    again = await world.x.call("GET", address, visit=world.visit, if_none_match=seen.headers["etag"])
    assert again.status_code == 304
    resident = Caller(kind="resident", agent_id=ids.person_text(world.person), person=world.person, proved=clock.now())
    item = consent.Standing(consent.ITEM, 0, False, resource=world.at["yp"]["Observation"])
    await world.platform.access.choices.decide(resident, [item], clock.now())
    for headers in ({}, {"if_none_match": seen.headers["etag"]}):
        gone = await world.x.call("GET", address, visit=world.visit, **headers)
        never = await world.x.call("GET", world.nobody(address), visit=world.visit, **headers)
        assert gone.status_code == 404
        assert alike(gone, never)
        assert leaks(gone, world.hidden(visit=True)) == []
    CELLS["withdrawn"] += 4


def test_how_much_was_tried() -> None:
    report("two_tenants", {**CELLS, "cells": sum(CELLS.values())})
    assert sum(CELLS.values()) > (20_000 if FULL else 4000)

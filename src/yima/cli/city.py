"""The synthetic city as the command line uses it: written to files, or registered and loaded into a platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwk
from rich.progress import Progress

from yima import directory, healthcode, mpi, synth
from yima.access import Access
from yima.cli.loading import Item
from yima.directory import App, Department, Practitioner, Terminal
from yima.runtime import clock
from yima.runtime.ids import PersonId, person_text
from yima.runtime.keys import FileKeyStore, KeyStore, signing_key


def write(residents: int, seed: int, out: Path) -> dict[str, Any]:
    """`yima synth`: the city as files, with a progress bar; what was written."""
    with Progress(transient=True) as progress:
        task = progress.add_task("writing the city", total=None)
        counts = synth.write(
            synth.city(residents, seed), out, lambda done, total: progress.update(task, completed=done, total=total)
        )
    return {name: getattr(counts, name) for name in counts.__slots__}


def items(city: synth.City) -> Iterator[Item]:
    """The city's submissions, in the order in which institutions would have sent them."""
    for visit in synth.visits(city):
        yield Item(visit.institution, visit.key, orjson.dumps(visit.bundle))


async def register(access: Access, keys: KeyStore, city: synth.City) -> list[dict[str, Any]]:
    """Put the city's institutions, staff, terminals and apps on the register; what demo.json says of each."""
    described = []
    async with access.database.transaction() as c:
        for place in city.institutions:
            number = await directory.register_institution(
                c, code=place.code, name_zh=place.chinese, name_en=place.english, kind=place.kind, area=place.district
            )
            for department in place.departments:
                known = Department(department.code, department.chinese, department.english)
                await directory.register_department(c, number, known)
            for person in place.practitioners:
                await directory.register_practitioner(c, _practitioner(number, person))
            for terminal in place.terminals:
                await directory.register_terminal(
                    c, number, Terminal(terminal.id, terminal.kind, terminal.department or "")
                )
            described.append(await _app(c, keys, number, place))
    return described


def _practitioner(institution: int, person: synth.Practitioner) -> Practitioner:
    return Practitioner(
        0,
        institution,
        person.id,
        person.name.text,
        person.name.latin,
        person.title,
        person.title_english,
        person.department,
    )


async def _app(c: Any, keys: KeyStore, institution: int, place: synth.Institution) -> dict[str, Any]:
    """Register the institution's app with a P-256 key of its own; the private half goes into demo.json only."""
    private = jwk.ECKey.import_key(signing_key(keys, f"demo/app/{place.code}"))
    kid = private.thumbprint()
    public = private.as_dict(private=False) | {"kid": kid, "use": "sig", "alg": "ES256"}
    client = f"{place.code}-his"
    await directory.register_app(c, App(client, institution, f"{place.chinese} HIS", {"keys": [public]}))
    return {
        "id": place.code,
        "name": place.chinese,
        "name_en": place.english,
        "client_id": client,
        "private_key_jwk": private.as_dict(private=True) | {"kid": kid, "alg": "ES256"},
        "terminal": place.terminals[0].id,
    }


async def code_text(access: Access, person: PersonId, *, static: bool) -> str:
    """A person's code as text. Refusal `card-not-found`."""
    card = await healthcode.card_of(access.database, person)
    keys = FileKeyStore(access.settings.data / "keys.json")
    if static:
        return healthcode.static_text(card, keys)
    return healthcode.dynamic_text(keys, card.profile, person, clock.now(), card.generation)


async def check_code(access: Access, text: str) -> dict[str, Any]:
    """What a code says, without redeeming it. Refusals as a terminal would get them, but for the one use."""
    keys = FileKeyStore(access.settings.data / "keys.json")
    person, assurance = await healthcode.check(text, access.database, keys, clock.now())
    identity = await mpi.identity(access.database, person)
    return {"person": person_text(person), "assurance": assurance, "name": identity.name if identity else None}

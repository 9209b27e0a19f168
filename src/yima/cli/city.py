"""The synthetic city as the command line uses it: written to files, or registered and loaded into a platform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from joserfc import jwk
from rich.progress import Progress

from yima import directory, synth
from yima.access import Access
from yima.cli.loading import Item
from yima.directory import App, Department, Practitioner, Terminal
from yima.runtime.keys import KeyStore, signing_key


def synth_command(
    out: Annotated[Path, typer.Option(help="Directory to write to.")],
    residents: Annotated[int, typer.Option(min=1, max=1_000_000)] = 120,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Write a synthetic city: institutions, residents and their submissions, as files."""
    counts = write(residents, seed, out)
    typer.echo(json.dumps(counts, ensure_ascii=False))


def write(residents: int, seed: int, out: Path) -> dict[str, Any]:
    """`yima synth`: the city as files, with a progress bar; what was written."""
    with Progress(transient=True) as progress:
        task = progress.add_task("writing the city", total=None)
        counts = synth.write(
            synth.city(residents, seed), out, lambda done, total: progress.update(task, completed=done, total=total)
        )
    return {name: getattr(counts, name) for name in counts.__slots__}


def items(city: synth.City, numbers: dict[str, tuple[str, str]] | None = None) -> Iterator[Item]:
    """The city's submissions, in the order in which institutions would have sent them.

    `numbers` is filled with the institution and its own number of everybody who has no document.
    """
    unnamed = {resident.key for resident in city.residents if not resident.documents} if numbers is not None else set()
    for visit in synth.visits(city):
        if numbers is not None and visit.resident in unnamed:
            numbers[visit.resident] = (visit.institution, visit.patient)
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
        role=_role(person),
    )


_TECHNICIANS: Final = {
    "3000": "laboratory-technician", "3100": "laboratory-technician", "3200": "imaging-technician",
}  # fmt: skip


def _role(person: synth.Practitioner) -> str:
    """The role of somebody of the city: technicians by their department, everybody else attends the people they see."""
    return _TECHNICIANS.get(person.department, "attending-physician")


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

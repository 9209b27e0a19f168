"""`yima demo`: the whole platform with a synthetic city, and a file that says where everything is."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
import uvloop
from rich.console import Console

from yima import directory, healthcode, mpi, synth
from yima.access import Access
from yima.cli import city, devices, doubts, enrolled, kin, loading, registering
from yima.cli import sandbox as playground
from yima.cli.running import said_to_run, write_private
from yima.runtime import ids, logs, migrate, postgres
from yima.runtime.keys import FileKeyStore
from yima.runtime.settings import Settings, load
from yima.server import refuse_taken, serve

_out = Console(highlight=False)
_CLINICIANS = 12
_ENROLLED = 2
_CONFIRMED = 5

Port = Annotated[int | None, typer.Option("--port", help="TCP port (default 8420).")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


def demo_command(
    port: Port = None,
    data: Data = None,
    residents: Annotated[
        int, typer.Option(min=1, max=200_000, help="How many residents the synthetic city has.")
    ] = 120,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic city; the same seed gives the same city.")] = 1,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Add an institution whose app may search across its own test patients.")
    ] = False,
) -> None:
    """Start the whole platform with a synthetic city, on this machine only."""
    chosen = load({"port": port, "data": data, "development": True, "log_format": "console", "log_level": "warning"})
    run(chosen, residents=residents, seed=seed, sandbox=sandbox)


def run(settings: Settings, *, residents: int, seed: int, sandbox: bool = False) -> None:
    """Database, schema, city, server: prints `ready <address>` and where to click, then serves until stopped."""
    logs.configure(settings.log_format, settings.log_level)
    refuse_taken(settings)
    if settings.notice_sender == "none":  # so that sign-in by phone can be tried: the codes stand in a file
        settings = replace(settings, notice_sender="file")
    with postgres.provide(settings.data, database_url=settings.database_url) as server:
        url = server.url()
        asyncio.run(migrate.migrate(url))
        described = uvloop.run(_prepare(settings, url, residents, seed, sandbox))
        write_private(settings.data / "demo.json", described)
        with said_to_run(settings, url):
            threading.Thread(target=_announce, args=(settings, described), daemon=True).start()
            serve(settings, url)


async def _prepare(settings: Settings, url: str, residents: int, seed: int, sandbox: bool) -> dict[str, Any]:
    access = await Access.open(url, settings, settings.public_url)
    try:
        keys = FileKeyStore(settings.data / "keys.json")
        described = settings.data / "demo.json"
        if described.exists():  # written last, so the city is whole; only the address may have changed
            text = described.read_text(encoding="utf-8")
            known = dict(orjson.loads(text.replace(orjson.loads(text)["base_url"], access.base_url)))
            if "gateway" not in known:  # a city of before there was one
                known["gateway"] = await registering.demo_gateway(access, known["institutions"][0]["id"])
            if "kiosk" not in known:
                known |= await devices.demo_devices(access, keys, known["institutions"][0]["id"])
            operators = await kin.operators(access)  # also of an older city: rights are added over time
            known["operators"] = [_kept(known, one) for one in operators]
            await _enrol(access, known)
            return await _with_sandbox(access, keys, known) if sandbox else known
        made = synth.city(residents, seed)
        institutions = await city.register(access, keys, made)
        numbers = await _fill(access, made)  # a load that was cut off is taken up again, and repeats nothing
        await doubts.load(access, made)
        described_now = await _describe(access, keys, made, institutions)
        described_now["operators"] = await kin.operators(access)
        described_now["families"] = await kin.families(access, made, numbers)
        described_now["gateway"] = await registering.demo_gateway(access, institutions[0]["id"])
        described_now |= await devices.demo_devices(access, keys, institutions[0]["id"])
        await _enrol(access, described_now)
        return await _with_sandbox(access, keys, described_now) if sandbox else described_now
    finally:
        await access.close()


def _kept(known: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """An operator with what they sign in with, where demo.json knew it."""
    before = {row["code"]: row for row in known.get("operators", ())}.get(one["code"], {})
    return {"sign_in": before["sign_in"], **one} if "sign_in" in before else one


async def _enrol(access: Access, described: dict[str, Any]) -> None:
    doctors = _spread(await directory.practitioners(access.database))[:_ENROLLED]
    await enrolled.enrol(access, "clinician", [str(one.practitioner_id) for one in doctors], described["clinicians"])
    operators = described["operators"]
    await enrolled.enrol(access, "operator", [one["code"] for one in operators], operators)
    await enrolled.confirm_phones(access, described["residents"][:_CONFIRMED])


async def _with_sandbox(access: Access, keys: FileKeyStore, described: dict[str, Any]) -> dict[str, Any]:
    others = [place for place in described["institutions"] if place["id"] != playground.CODE]
    return described | {"institutions": [*others, await playground.register(access, keys)]}


async def _fill(access: Access, made: synth.City) -> dict[str, tuple[str, str]]:
    numbers: dict[str, tuple[str, str]] = {}
    submissions = list(city.items(made, numbers))
    _out.print(
        f"synthetic city: {len(made.residents)} residents, {len(made.institutions)} institutions, "
        f"{len(submissions)} submissions"
    )
    loaded = await loading.load(access, submissions)
    rate = loaded.resources / loaded.seconds if loaded.seconds else 0
    _out.print(
        f"loaded {loaded.resources} resources in {loaded.seconds:.1f} s ({rate:.0f}/s), {loaded.refused} refused"
    )
    return numbers


async def _describe(
    access: Access, keys: FileKeyStore, made: synth.City, institutions: list[dict[str, Any]]
) -> dict[str, Any]:
    base = access.base_url
    callers = access.callers
    staff = await directory.practitioners(access.database)
    names = {i.institution_id: i for i in await directory.institutions(access.database)}
    return {
        "base_url": base,
        "institutions": institutions,
        "residents": [row async for row in _residents(access, keys, made)],
        "clinicians": [
            {
                "name": p.name_zh, "title": p.title_zh, "institution": names[p.institution_id].name_zh,
                "institution_id": names[p.institution_id].code, "department": p.department,
                "page": f"{base}/dev/sign-in/{callers.ticket('clinician', str(p.practitioner_id))}",
            }
            for p in _spread(staff)
        ],
        "operator": {"page": f"{base}/dev/sign-in/{callers.ticket('operator', 'operator')}"},
    }  # fmt: skip


async def _residents(access: Access, keys: FileKeyStore, made: synth.City) -> Any:
    """Those who have a record, the most telling first: who is somebody special in the city, then the others."""
    for resident in sorted(made.residents, key=lambda r: (not r.special, r.index)):
        for document in resident.documents:
            system = synth.DOCUMENT_SYSTEMS[document.kind]
            person = await mpi.person_of_document(access.database, access.vault, system, document.value)
            if person is None:
                continue
            card = await healthcode.card_of(access.database, person)
            text = ids.person_text(person)
            yield {
                "person": text,
                "name": resident.name.text,
                "identifier": {"system": system, "value": document.value},
                "stories": [*resident.stories, *resident.special],
                "static_code": healthcode.static_text(card, keys),
                "page": f"{access.base_url}/dev/sign-in/{access.callers.ticket('resident', text)}",
            }
            break


def _spread(staff: Sequence[directory.Practitioner]) -> list[directory.Practitioner]:
    """A doctor of each institution in turn, so that every kind of place is among them."""
    seen: set[int] = set()
    first = [p for p in staff if p.institution_id not in seen and not seen.add(p.institution_id)]  # type: ignore[func-returns-value]  # set.add as a filter
    return [*first, *(p for p in staff if p not in first)][:_CLINICIANS]


def _announce(settings: Settings, described: dict[str, Any]) -> None:
    """Wait until the server answers, then say so."""
    base = settings.public_url
    while True:
        try:
            with urllib.request.urlopen(f"{base}/health/ready", timeout=2):  # noqa: S310  our own address
                break
        except OSError:
            time.sleep(0.05)
    _out.print(f"ready {base}", soft_wrap=True)
    _out.print("Development sign-in: this machine only, synthetic people only.", style="bold yellow")
    for resident in described["residents"][:1]:
        _out.print(f"  resident   {resident['name']}: {resident['page']}", soft_wrap=True)
    for clinician in described["clinicians"][:1]:
        _out.print(f"  clinician  {clinician['name']}, {clinician['institution']}: {clinician['page']}", soft_wrap=True)
    _out.print(f"  operator   {described['operator']['page']}", soft_wrap=True)
    for row in [*described["clinicians"][:1], *described["operators"][:1]]:
        held = row["sign_in"]
        _out.print(f"  sign-in    {held['page']}", soft_wrap=True)
        _out.print(f"             {held['name']}  {held['password']}  TOTP {held['totp_secret']}", soft_wrap=True)
    for row in described["residents"][:1]:
        if row.get("phone"):
            address, codes = f"{base}/resident/sign-in", settings.data / "notices.jsonl"
            _out.print(f"  phone      {row['phone']} at {address}, code in {codes}", soft_wrap=True)
    _out.print(f"  everybody  {settings.data / 'demo.json'}", soft_wrap=True)

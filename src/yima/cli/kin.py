"""Families and the operator's people of the synthetic city, so that the demonstration has some to show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from yima import consent, directory, healthcode, mpi, synth
from yima.access import Access
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text

_MOST: Final = 40
_CALLER: Final = Caller(kind="system", agent_id="demo", name_zh="演示", name_en="Demo")
_OPERATORS: Final = (
    ("op-chen", "陈敏", "Chen Min", "一码市卫生健康委员会", date(1978, 4, 12)),
    ("op-gao", "高翔", "Gao Xiang", "一码市数据局", date(1981, 9, 30)),
)

Numbers = Mapping[str, tuple[str, str]]
"""Of residents without a document: an institution's code and its own number for them."""


async def operators(access: Access) -> list[dict[str, str]]:
    """Two people with every right, so that each can second the other; what demo.json says of them."""
    async with access.database.transaction() as c:
        for code, name_zh, name_en, organisation, _ in _OPERATORS:
            rights = frozenset(directory.OPERATOR_RIGHTS)
            one = directory.Operator(code, name_zh, name_en, rights, organisation=organisation)
            await directory.register_operator(c, one)
    known = await directory.known_humans(access.database)
    for code, *_, born in _OPERATORS:
        if code in known:
            continue
        number = synth.resident_number(f"{synth.PROVINCE}0100", born, 999)
        await access.accounts.name_human(_CALLER, code, mpi.RESIDENT_NUMBER, number, clock.now())
    return [
        {
            "name": name_zh,
            "code": code,
            "page": f"{access.base_url}/dev/sign-in/{access.callers.ticket('operator', code)}",
        }
        for code, name_zh, *_ in _OPERATORS
    ]


async def families(access: Access, made: synth.City, numbers: Numbers) -> list[dict[str, Any]]:
    """Mothers as guardians of their children under 18, a son who may act for his mother; for demo.json.

    Done once: who may act already is left as they are.
    """
    described: list[dict[str, Any]] = []
    for mother in made.residents:
        children = [child for child in made.children.get(mother.key, ()) if _is_minor(child)]
        elder = made.by_key.get(mother.mother) if "proxy" in mother.special and mother.mother else None
        if not (children or elder) or len(described) >= _MOST:
            continue
        person = await _person(access, mother, numbers)
        members = [row for child in children if person and (row := await _child(access, child, person, numbers))]
        if person and elder and (row := await _elder(access, elder, person, numbers)):
            members.append(row)
        if person and members:
            page = f"{access.base_url}/dev/sign-in/{access.callers.ticket('resident', person_text(person))}"
            described.append(
                {"name": mother.name.text, "person": person_text(person), "page": page, "members": members}
            )
    return described


def _is_minor(resident: synth.Resident) -> bool:
    born, today = resident.born, synth.AS_OF
    return (today.year - born.year) - ((today.month, today.day) < (born.month, born.day)) < 18


async def _child(access: Access, child: synth.Resident, guardian: PersonId, numbers: Numbers) -> dict[str, str] | None:
    person = await _person(access, child, numbers)
    if person is None or person == guardian:
        return None
    return await _given(
        access, child, person, guardian, lambda: access.families.register(person, guardian, clock.now())
    )


async def _elder(access: Access, elder: synth.Resident, agent: PersonId, numbers: Numbers) -> dict[str, str] | None:
    person = await _person(access, elder, numbers)
    if person is None:
        return None
    card, named = (
        await healthcode.card_of(access.database, agent),
        await mpi.identity(access.database, access.vault, agent),
    )
    holder = Caller(
        kind="resident", agent_id=person_text(person), person=person, name_zh=elder.name.text, proved=clock.now()
    )  # fmt: skip
    return await _given(
        access, elder, person, agent,
        lambda: access.families.give(
            holder, card_number=card.number, name=named.name if named else "", scopes=consent.SCOPES,
            ends=clock.now() + timedelta(days=365), now=clock.now(),
        ),
    )  # fmt: skip


async def _given(
    access: Access, resident: synth.Resident, person: PersonId, agent: PersonId, give: Any
) -> dict[str, str] | None:
    acting = Caller(kind="resident", agent_id=person_text(agent), person=agent)
    family = await access.families.family(acting, clock.now())
    if person not in {relative.person for relative in family.for_others}:
        try:
            await give()
        except Refusal:
            return None  # the windows of the city slip: a birth date may be wrong by years
    card = await healthcode.card_of(access.database, person)
    return {"person": person_text(person), "name": resident.name.text, "card": card.kind}


async def _person(access: Access, resident: synth.Resident, numbers: Numbers) -> PersonId | None:
    for document in resident.documents:
        system = synth.DOCUMENT_SYSTEMS[document.kind]
        return await mpi.person_of_document(access.database, access.vault, system, document.value)
    code, number = numbers.get(resident.key, ("", ""))
    place = next((i for i in await directory.institutions(access.database) if i.code == code), None)
    if place is None:
        return None
    system = f"urn:yima:synth:institution:{code}:patient"
    found = await mpi.find_patients(access.database, access.vault, system, number, place.institution_id)
    return found[0][1] if found else None

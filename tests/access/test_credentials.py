"""Offline credentials from the door to a scanner without network: given out, judged, logged, revoked."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from support import Institution, Platform, bundle, entry, patient
from support.credentials import Phone
from yima.cli import codes
from yima.directory import Caller
from yima.healthcode import offline, trust
from yima.healthcode.offline import shc
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CVX = "http://hl7.org/fhir/sid/cvx"
HIV = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "B20"}], "text": "人类免疫缺陷病毒病"}


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(Refusal) as caught:
        yield
    assert caught.value.code == code


def resident(person: int) -> Caller:
    return Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())


def condition(text: str, code: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "subject": {"reference": "urn:uuid:0b7b5b1e-5d3c-4f57-9d3a-0d3c6b1a7e11"},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "code": code or {"text": text},
        "recordedDate": "2026-01-01",
    }


def shot(code: str, day: str) -> dict[str, Any]:
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "patient": {"reference": "urn:uuid:0b7b5b1e-5d3c-4f57-9d3a-0d3c6b1a7e11"},
        "vaccineCode": {"coding": [{"system": CVX, "code": code, "display": "left out"}]},
        "occurrenceDateTime": day,
    }


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def person(platform: Platform, hospital: Institution) -> int:
    who = patient("a", name=[{"use": "official", "text": "张小梅"}], birthDate="1990-05-07")
    who["contact"] = [{"name": {"text": "李先生"}, "telecom": [{"system": "phone", "value": "00000000001"}]}]
    urn = "urn:uuid:0b7b5b1e-5d3c-4f57-9d3a-0d3c6b1a7e11"
    rest = [
        condition("高血压"),
        condition("", HIV),
        shot("207", "2025-03-01"),
        shot("207", "2025-03-01"),
        shot("03", "2024"),
    ]
    entries = [entry(who, "POST", "Patient", fullUrl=urn), *(entry(one) for one in rest)]
    return platform.person_of((await hospital.submit(bundle(*entries)))[0])


async def judged(platform: Platform, text: str, now: datetime | None = None) -> offline.Verified:
    held = await codes.held_here(platform.access)
    return offline.verify(text, held.trust, held.lists, now or clock.now())


@pytest.mark.parametrize("algorithm", ["ES256", "SM2"])
async def test_an_identity_credential_is_what_a_scanner_accepts(
    platform: Platform, person: int, algorithm: Any
) -> None:
    given = await platform.access.credentials.identity(resident(person), clock.now(), algorithm=algorithm)
    found = await judged(platform, given.text)
    assert (found.form, found.status) == ("identity", "good")
    assert found.holder == given.holder
    assert found.holder is not None
    assert (found.holder.name, found.holder.sex) == ("张小梅", "female")
    assert found.issuer == platform.access.base_url


async def test_an_emergency_card_needs_a_choice_and_holds_no_sensitive_class(platform: Platform, person: int) -> None:
    make, me = platform.access.credentials, resident(person)
    with refused("credential-not-chosen"):
        await make.emergency(me, clock.now(), chosen=False)
    given = await make.emergency(me, clock.now(), chosen=True)
    found = await judged(platform, given.text)
    assert found.form == "emergency"
    assert found.emergency is not None
    assert found.emergency.conditions == ("高血压",), "HIV is in the record and not on the card"
    assert found.emergency.contact == "李先生 00000000001"


async def test_a_health_card_holds_each_vaccination_once(platform: Platform, person: int) -> None:
    given = await platform.access.credentials.health_card(resident(person), clock.now())
    found = await judged(platform, given.text)
    entries = found.more["bundle"]["entry"]
    assert [one["resource"]["resourceType"] for one in entries] == ["Patient", "Immunization", "Immunization"]
    assert [one["fullUrl"] for one in entries] == ["resource:0", "resource:1", "resource:2"]
    assert "identifier" not in entries[0]["resource"]
    assert "display" not in str(entries)
    published = (await platform.client.get("/.well-known/jwks.json")).json()["keys"]
    assert found.key_id in [key["kid"] for key in published]


async def test_a_phone_signs_by_itself(platform: Platform, person: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    now = clock.now()
    given = await platform.access.credentials.device_certificate(resident(person), point, now)
    assert timedelta(days=6, hours=23) <= given.expires - now <= timedelta(days=7)
    certificate = urlsafe_b64decode(given.text + "=" * (-len(given.text) % 4))
    phone = Phone(certificate, key, trust.StatusRef(0, 0))
    text = phone.code(now)
    assert (await judged(platform, text, now)).more["born_year"] == 1990
    for late, code in ((-60, "clock-skew"), (80, "code-expired")):
        with refused(code):
            await judged(platform, text, now + timedelta(seconds=late))
    with refused("field-invalid"):
        await platform.access.credentials.device_certificate(resident(person), b"\x04" + bytes(64), now)


async def test_only_the_holder_asks_and_each_is_on_the_log(platform: Platform, person: int) -> None:
    make, now = platform.access.credentials, clock.now()
    doctor = Caller(kind="practitioner", agent_id="1")
    with refused("sign-in-needed"):
        await make.identity(doctor, now, person=person)
    with refused("sign-in-needed"):
        await make.emergency(doctor, now, chosen=True, person=person)
    before = len(await platform.log_of(person))
    await make.identity(resident(person), now)
    line = (await platform.log_of(person))[-1]
    assert len(await platform.log_of(person)) == before + 1
    assert (line["action"], line["basis"]) == ("credential", "own-record")


async def test_a_revoked_one_is_refused_and_in_the_list_for_readers_of_health_cards(
    platform: Platform, person: int
) -> None:
    access, me = platform.access, resident(person)
    card, identity = (
        await access.credentials.health_card(me, clock.now()),
        await access.credentials.identity(me, clock.now()),
    )
    for one in await access.my_credentials(me, clock.now()):
        if not one.revoked:
            await access.revoke_my_credential(me, one.ref, clock.now())
    platform.access.publisher._held.clear()  # a second of memory, which the test need not wait for
    for text in (card.text, identity.text):
        with refused("credential-revoked"):
            await judged(platform, text)
    keys = (await platform.client.get("/.well-known/jwks.json")).json()["keys"]
    key = next(one for one in keys if one.get("crlVersion"))
    answer = (await platform.client.get(f"/.well-known/crl/{key['kid']}.json")).json()
    rid = shc.payload_of(shc.read(card.text)).rid
    assert rid in answer["rids"]
    assert (answer["method"], answer["ctr"]) == ("rid", key["crlVersion"])
    assert (await platform.client.get("/.well-known/crl/nothing.json")).status_code == 404


async def test_the_sixth_ends_the_first(platform: Platform, person: int) -> None:
    access, me = platform.access, resident(person)
    for _ in range(7):
        await access.credentials.identity(me, clock.now())
    live = [one for one in await access.my_credentials(me, clock.now()) if one.kind == "identity" and not one.revoked]
    assert len(live) == 5


async def test_a_person_without_a_card_gets_none(platform: Platform) -> None:
    with refused("card-not-found"):
        await platform.access.credentials.identity(resident(999_999), clock.now())

"""Hospitals' existing card calls, family A, over HTTP with a client of their own."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from gateway_client import BUSINESS, CardClient, card_client, form

from support import Platform, nothing_written, patient, resident_number
from support.makers import RESIDENT_NUMBER
from yima import directory
from yima.runtime import clock

REGISTER = "ehc.ehealthcard.register"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> CardClient:
    return await card_client(platform)


@pytest.fixture(scope="module")
async def other(platform: Platform) -> CardClient:
    return await card_client(platform, "B")


async def code_for(client: CardClient, card: str, kind: str = "0") -> str:
    return str((await client.call("ehealthcode.generate", ehealth_card_id=card, ewmbs=kind))["ehealth_code"])


# --- the life of a card ----------------------------------------------------------------------------------------------


async def test_register_generate_verify(hospital: CardClient, other: CardClient) -> None:
    said = form()
    made = await hospital.call("ehealthcard.register", **said)
    assert len(made["ehealth_card_id"]) == 64
    assert len(made["mindex_id"]) == 64
    assert (made["existing"], made["temporary"], made["card_status"]) == ("0", "0", "1")
    code = await code_for(hospital, made["ehealth_card_id"])
    assert len(code) <= 130
    shown = await other.call("ehealthcode.verify", ehealth_code=code, medstepcode="010101", channelcode="0100")
    assert shown["ehealth_card_id"] == made["ehealth_card_id"]
    assert (shown["name"], shown["gender"], shown["birthday"]) == ("王小芳", "2", said["birthday"])
    assert shown["id_no"] == said["id_no"], "a code of one showing is given by its holder"
    assert shown["visit"]


async def test_applying_again_gives_the_card_that_is_there(hospital: CardClient, other: CardClient) -> None:
    said = form()
    first = await hospital.call("ehealthcard.register", **said)
    async with nothing_written(hospital.platform):
        again = await hospital.call("ehealthcard.register", **said)
    assert again["existing"] == "1"
    elsewhere = await other.call("ehealthcard.register", **said)
    for later in (again, elsewhere):
        assert (later["ehealth_card_id"], later["card_no"]) == (first["ehealth_card_id"], first["card_no"])


async def test_a_closed_card_is_refused_everywhere_and_restored_by_applying(hospital: CardClient) -> None:
    said = form()
    card = (await hospital.call("ehealthcard.register", **said))["ehealth_card_id"]
    code = await code_for(hospital, card)
    assert (await hospital.call("ehealthcard.close", ehealth_card_id=card, revoke_no="C1"))["card_status"] == "3"
    assert await hospital.refused("ehealthcode.verify", ehealth_code=code) == "code-cancelled"
    assert await hospital.refused("ehealthcode.generate", ehealth_card_id=card) == "code-cancelled"
    assert (await hospital.call("ehealthcode.query", ehealth_card_id=card))["card_status"] == "3"
    restored = await hospital.call("ehealthcard.register", **said)
    assert (restored["ehealth_card_id"], restored["card_status"]) == (card, "1")
    assert await hospital.call("ehealthcode.verify", ehealth_code=await code_for(hospital, card))


async def test_a_child_without_a_document_gets_a_temporary_card_and_later_its_own(hospital: CardClient) -> None:
    mother = {"personnelType": "2", "motherName": "李梅", "motherIdCode": resident_number("1990-01-02")}
    twins = [
        form(id_no="", id_type="", name="", birthday="2026-11-20", gender="2", multipleBirthsFlag="1",
             multipleBirthOrder=order, **mother)
        for order in ("1", "2")
    ]  # fmt: skip
    first = await hospital.call("ehealthcard.register", **twins[0])
    second = await hospital.call("ehealthcard.register", **twins[1])
    assert first["temporary"] == second["temporary"] == "1"
    assert first["ehealth_card_id"] != second["ehealth_card_id"]
    again = await hospital.call("ehealthcard.register", **twins[0])
    assert again["ehealth_card_id"] == first["ehealth_card_id"]
    named = twins[0] | {"id_type": "08", "id_no": "Q123456789", "name": "张一一"}
    grown = await hospital.call("ehealthcard.register", **named)
    assert (grown["existing"], grown["temporary"]) == ("1", "0")
    assert grown["card_no"] == first["card_no"], "the same person's one card"
    shown = await hospital.call("ehealthcode.query", ehealth_card_id=first["ehealth_card_id"])
    assert (shown["name"], shown["ehealth_card_id"]) == ("张一一", grown["ehealth_card_id"])


async def test_a_yima_code_is_verified_like_a_national_one(hospital: CardClient) -> None:
    platform, number = hospital.platform, resident_number()
    made = await hospital.institution.create(patient(hospital.institution.code, national=number))
    person = platform.person_of(f"Patient/{made['id']}")
    shown = await hospital.call("ehealthcode.verify", ehealth_code=platform.dynamic(person), medstepcode="010102")
    assert (shown["assurance"], shown["id_no"], len(shown["ehealth_card_id"])) == ("dynamic", number, 64)
    printed = await hospital.call("ehealthcode.verify", ehealth_code=await platform.static(person))
    assert printed["assurance"] == "static"


async def test_a_code_an_institution_makes_identifies_only_unless_it_may_speak_for_residents(
    hospital: CardClient,
) -> None:
    city = await card_client(hospital.platform, "C", rights=("in-person",))
    said = form()
    card = (await hospital.call("ehealthcard.register", **said))["ehealth_card_id"]
    await city.call("ehealthcard.register", **said)
    for client, assurance in ((hospital, "static"), (city, "dynamic")):
        shown = await hospital.call("ehealthcode.verify", ehealth_code=await code_for(client, card))
        assert shown["assurance"] == assurance


# --- one use, and splices --------------------------------------------------------------------------------------------


async def test_a_code_counts_once_and_the_same_terminal_may_ask_again(hospital: CardClient, other: CardClient) -> None:
    card = (await hospital.call("ehealthcard.register", **form()))["ehealth_card_id"]
    code = await code_for(hospital, card)
    first = await hospital.call("ehealthcode.verify", ehealth_code=code)
    again = await hospital.call("ehealthcode.verify", ehealth_code=code.lower().upper())
    assert again["visit"] == first["visit"]
    second_terminal = hospital.term_id.replace("-T1", "-T2")
    refused = await hospital.refused("ehealthcode.verify", ehealth_code=code, terminalcode=second_terminal)
    assert refused == "code-already-used"
    assert await other.refused("ehealthcode.verify", ehealth_code=code) == "code-already-used"


async def test_spliced_expired_and_foreign_codes_are_refused(hospital: CardClient) -> None:
    ann, bob = [(await hospital.call("ehealthcard.register", **form(name=name)))["ehealth_card_id"]
                for name in ("安安安", "包包包")]  # fmt: skip
    whole = (await code_for(hospital, ann)).split(":")
    fresh = (await code_for(hospital, bob)).split(":")
    foreign = "0" * 64
    splices = {
        "a fresh validity behind another card": ([bob, *whole[1:]], "code-signature-invalid"),
        "another code's validity": ([ann, "0", "F" * 32, *whole[3:]], "code-signature-invalid"),
        "another code's token": ([*whole[:3], fresh[3], whole[4]], "code-signature-invalid"),
        "another organisation": ([*whole[:4], "X9"], "code-signature-invalid"),
        "without its organisation": (whole[:4], "code-signature-invalid"),
        "without its token": (whole[:3], "code-signature-invalid"),
        "a card of nobody here": ([foreign, *whole[1:]], "code-issuer-unknown"),
        "a static code of nobody here": ([foreign, "1"], "code-issuer-unknown"),
    }
    for name, (parts, error) in splices.items():
        assert await hospital.refused("ehealthcode.verify", ehealth_code=":".join(parts)) == error, name
    assert await hospital.call("ehealthcode.verify", ehealth_code=":".join(whole)), "refusals use nothing up"


async def test_an_expired_code(hospital: CardClient) -> None:
    card = (await hospital.call("ehealthcard.register", **form()))["ehealth_card_id"]
    code = await code_for(hospital, card)
    later = clock.now() + timedelta(seconds=302)
    stamp = str(int(later.timestamp() * 1000))
    clock.set_source(lambda: later)
    try:
        body = hospital.envelope("ehc.ehealthcode.verify", {"ehealth_code": code}, timestamp=stamp)
        got, _ = await hospital.send(body)
    finally:
        clock.set_source(None)
    assert got["error"] == "code-expired"
    holder = (await hospital.platform.database.fetchrow(
        "select person_id from healthcode.national_card where card_id = $1", bytes.fromhex(card)))[0]  # fmt: skip
    lines = await hospital.platform.log_of(holder)
    assert [row["basis"] for row in lines if row["action"] == "scan" and row["outcome"] == "denied"] == ["code-expired"]


# --- who may see whom ------------------------------------------------------------------------------------------------


async def test_strangers_are_not_found_by_number_or_card_id(hospital: CardClient, other: CardClient) -> None:
    said = form()
    card = (await hospital.call("ehealthcard.register", **said))["ehealth_card_id"]
    nobody = resident_number("1970-01-01")
    for query in (
        {"ehealth_card_id": card}, {"id_type": "01", "id_no": said["id_no"]}, {"id_type": "01", "id_no": nobody}
    ):  # fmt: skip
        assert await other.refused("ehealthcode.query", **query) == "card-not-found"
    assert await other.refused("ehealthcode.generate", ehealth_card_id=card) == "card-not-found"
    assert await other.refused("ehealthcard.close", ehealth_card_id=card) == "card-not-found"
    printed = await code_for(hospital, card, "1")
    seen = await other.call("ehealthcode.verify", ehealth_code=printed)
    assert (seen["assurance"], seen["id_no"]) == ("static", f"{said['id_no'][:3]}{'*' * 13}{said['id_no'][-2:]}")
    assert (await other.call("ehealthcode.query", ehealth_card_id=card))["id_no"] == seen["id_no"], "within the visit"
    assert await other.refused("ehealthcode.generate", ehealth_card_id=card) == "card-not-found", (
        "a visit is not enough"
    )
    assert await other.refused("ehealthcard.close", ehealth_card_id=card) == "card-not-found"


async def test_a_number_with_another_name_tells_nothing_and_the_holder_sees_it(
    hospital: CardClient, other: CardClient
) -> None:
    said = form()
    await hospital.call("ehealthcard.register", **said)
    person = await _person_by(hospital, said["id_no"])
    stranger = await other.call("ehealthcard.register", **(said | {"name": "赵铁柱"}))
    nobody = await other.call("ehealthcard.register", **form(name="赵铁柱"))
    assert {key: type(value) for key, value in stranger.items()} == {k: type(v) for k, v in nobody.items()}
    assert (stranger["existing"], stranger["temporary"]) == (nobody["existing"], nobody["temporary"])
    assert len(stranger["ehealth_card_id"]) == len(nobody["ehealth_card_id"])
    seen = await other.call("ehealthcode.query", ehealth_card_id=stranger["ehealth_card_id"])
    assert (seen["name"], seen["id_no"]) == ("赵铁柱", said["id_no"]), "what was sent, and nothing else"
    asked = await other.call("ehealthcode.query", id_type="01", id_no=said["id_no"])
    assert asked["ehealth_card_id"] == stranger["ehealth_card_id"], "a question by number answers as for a new number"
    lines = await hospital.platform.log_of(person)
    assert [(row["action"], row["outcome"]) for row in lines][-1] == ("card", "denied")


async def test_who_is_linked_without_having_sent_the_number_does_not_get_it(
    hospital: CardClient, other: CardClient
) -> None:
    said = form()
    made = await hospital.call("ehealthcard.register", **said)
    known = patient(other.institution.code, name=[{"text": said["name"]}], gender="female", birthDate=said["birthday"])
    known["telecom"] = [{"system": "phone", "value": said["cellphone"]}]
    await other.institution.create(known)
    seen = await other.call("ehealthcode.query", ehealth_card_id=made["ehealth_card_id"])
    assert seen["id_no"] == f"{said['id_no'][:3]}{'*' * 13}{said['id_no'][-2:]}"
    assert await other.refused("ehealthcode.query", id_type="01", id_no=said["id_no"]) == "card-not-found"


async def test_everything_seen_and_done_is_on_the_holders_log(hospital: CardClient) -> None:
    said = form()
    card = (await hospital.call("ehealthcard.register", **said))["ehealth_card_id"]
    person = await _person_by(hospital, said["id_no"])
    await hospital.call("ehealthcode.verify", ehealth_code=await code_for(hospital, card))
    await hospital.call("ehealthcard.close", ehealth_card_id=card)
    await hospital.call("ehealthcard.close", ehealth_card_id=card)
    await hospital.call("ehealthcard.register", **said)
    rows = await hospital.platform.log_of(person)
    seen = sorted((row["action"], json.loads(row["detail"]).get("event", "")) for row in rows)
    assert seen == [
        ("card", "cancel"), ("card", "restore"), ("card", "show"), ("resolve", ""), ("scan", ""), ("submit", ""),
        ("submit", ""),
    ]  # fmt: skip
    assert said["id_no"] not in str(await hospital.platform.log_of(person))


async def _person_by(client: CardClient, number: str) -> int:
    card = (await client.call("ehealthcode.query", id_type="01", id_no=number))["ehealth_card_id"]
    row = await client.platform.database.fetchrow(
        "select person_id from healthcode.national_card where card_id = $1", bytes.fromhex(card)
    )
    return int(row[0])


async def test_a_registration_is_a_patient_of_the_institution(hospital: CardClient) -> None:
    said = form()
    await hospital.call("ehealthcard.register", **said)
    found = await hospital.institution.call(
        "POST", "/fhir/Patient/_search", f"identifier={RESIDENT_NUMBER}|{said['id_no']}".encode(),
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert found.status_code == 200, found.text
    (entry,) = found.json()["entry"]
    assert entry["resource"]["name"][0]["text"] == said["name"]
    assert entry["resource"]["telecom"][0]["value"] == said["cellphone"]


# --- institutions ----------------------------------------------------------------------------------------------------


async def test_organisations_are_written_only_with_the_right_to(hospital: CardClient) -> None:
    admin = await card_client(hospital.platform, "R", rights=("organisations",))
    said = {"orgname": "某某骨科医院", "orgcode": "45075129-0", "orgproperty": "23", "accessmethod": "06",
            "validtime": "2050-01-01", "orgaddr": "5101", "orglevel": "05", "orghierarchy": "0"}  # fmt: skip
    assert await hospital.refused("ehealthcode.addorg", **said) == "scope-insufficient"
    assert await hospital.refused("ehealthcode.queryorg", orgcode="45075129-0") == "not-found"
    assert await admin.call("ehealthcode.addorg", **said) == {"orgcode": "45075129-0"}
    assert await admin.refused("ehealthcode.addorg", **said) == "field-invalid"
    assert await hospital.call("ehealthcode.queryorg", orgcode="45075129-0") == said | {"valid": "1"}
    await admin.call("ehealthcode.updateorg", orgcode="45075129-0", orgname="某某医院", valid="0")
    changed = await hospital.call("ehealthcode.queryorg", orgcode="45075129-0")
    assert (changed["orgname"], changed["valid"], changed["orglevel"]) == ("某某医院", "0", "05")


# --- replays, other families, suspension -----------------------------------------------------------------------------


async def test_the_same_request_is_not_carried_out_twice(hospital: CardClient) -> None:
    body = hospital.envelope(REGISTER, form())
    assert (await hospital.send(body))[0]["code"] == "10"
    assert (await hospital.send(body))[0]["error"] == "gateway-replayed"
    changed = body | {"timestamp": str(int(body["timestamp"]) + 1)}
    assert (await hospital.send(changed))[0]["error"] == "gateway-digest-invalid"


async def test_a_digest_in_capitals_a_null_terminal_and_hexadecimal_content_are_taken(hospital: CardClient) -> None:
    body = hospital.envelope("ehc.ehealthcode.queryorg", {"orgcode": hospital.institution.code})
    got, opened = await hospital.send(body | {"digest": body["digest"].upper()})
    assert (got["code"], opened["orgcode"]) == ("10", hospital.institution.code)
    body = hospital.envelope("ehc.ehealthcode.queryorg", {"orgcode": hospital.institution.code}, term_id="null")
    assert (await hospital.send(body | {"term_id": None}))[0]["code"] == "10"
    sealed = base64.b64decode(body["biz_content"]).hex()
    answer = await hospital.platform.client.post(BUSINESS, json=body | {"biz_content": sealed})
    assert bytes.fromhex(answer.json()["biz_content"])


async def test_an_app_of_the_other_family_and_a_suspended_institution(platform: Platform) -> None:
    client = await card_client(platform, "S")
    await directory.set_institution_status(platform.database, client.institution.number, "suspended")
    assert await client.refused("ehealthcode.queryorg", orgcode="x") == "institution-suspended"
    async with platform.database.transaction() as c:
        new = directory.NewGateway(
            app_id="other-family", institution_id=client.institution.number, family="open-platform",
            terminals=(client.term_id,),
        )  # fmt: skip
        await directory.register_gateway(c, platform.access.vault, new)
    got, _ = await client.send(client.envelope(REGISTER, form(), app_id="other-family"))
    assert got["error"] == "gateway-app-unknown"


async def test_dialects_are_tables(platform: Platform) -> None:
    shenzhen = await card_client(platform, "SZ", dialect="shenzhen")
    made = await shenzhen.call("ehealthcard.register", **form(id_type="111", id_no="R440000001", birthday="2026-01-05"))
    shown = await shenzhen.call("ehealthcode.query", ehealth_card_id=made["ehealth_card_id"])
    assert (shown["id_type"], shown["id_no"]) == ("111", "R440000001")

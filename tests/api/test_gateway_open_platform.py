"""The open platform's calls, family E, over HTTP with a client of their own."""

from __future__ import annotations

import base64
import secrets
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import zxingcpp
from gateway_client import OPEN, OpenClient, birthday, card_client, open_client
from PIL import Image

from support import Platform, as_owner, nothing_written, patient, resident_number
from yima import directory, healthcode
from yima.runtime import clock

CHINA = timezone(timedelta(hours=8))


def person(**also: Any) -> dict[str, Any]:
    """A registration as an integrator's SDK sends it, of somebody whom no other test meets."""
    born = birthday()
    made = {
        "wechatCode": "", "name": "陈大文", "gender": "男", "nation": "汉族", "birthday": born,
        "idNumber": resident_number(born), "idType": "01", "phone1": f"138{secrets.randbelow(10**8):08d}",
        "address": "某区某路2号", "patid": f"P{secrets.token_hex(4)}",
    }  # fmt: skip
    return made | also


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> OpenClient:
    return await open_client(platform)


@pytest.fixture(scope="module")
async def other(platform: Platform) -> OpenClient:
    return await open_client(platform, "F")


async def test_register_show_verify_and_report(hospital: OpenClient, other: OpenClient) -> None:
    said = person()
    made = await hospital.call("registerHealthCard", **said)
    assert made["qrCodeText"] == f"{made['healthCardId']}:1::{hospital.institution.code}"
    shown = await hospital.call(
        "getDynamicQRCode", healthCardId=made["healthCardId"], idType="01", idNumber=said["idNumber"], codeType="0"
    )
    image = base64.b64decode(shown["qrCodeImg"])
    assert image.startswith(b"\x89PNG")
    seen = await other.call(
        "verifyQRCode", qrCodeText=shown["qrCodeText"], terminalId=other.institution.terminal, medicalStep="010101",
        channelCode="0100", time="2026-11-23 08:30:00", useCityCode="999999", useType="1",
    )  # fmt: skip
    assert (seen["name"], seen["gender"], seen["idNumber"]) == ("陈大文", "男", said["idNumber"])
    assert seen["card"]["healthCardId"] == made["healthCardId"]
    done = datetime.now(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    report = {
        "qrCodeText": shown["qrCodeText"], "idCardNumber": said["idNumber"], "name": said["name"], "time": done,
        "hospitalCode": other.institution.code, "scene": "0101011", "department": "0300", "cardType": "11",
        "cardChannel": "0401", "cardCostTypes": "0100",
    }  # fmt: skip
    body = other.envelope(report)
    for _ in range(2):  # a resend is the same report
        assert (await other.send("reportHISData", body))["rsp"]["result"] is True
    rows = await other.platform.database.fetch(
        "select step, scene, department from healthcode.card_use where visit = $1", seen["visit"]
    )
    assert [tuple(row) for row in rows] == [("010101", "0101011", "0300")]
    assert await hospital.refused("reportHISData", **report) == "visit-unknown", "it was never verified there"


async def test_the_picture_is_the_code(hospital: OpenClient, tmp_path: Any) -> None:
    made = await hospital.call("registerHealthCard", **person())
    for kind in ("0", "1"):
        shown = await hospital.call("getDynamicQRCode", healthCardId=made["healthCardId"], codeType=kind)
        picture = tmp_path / "code.png"
        picture.write_bytes(base64.b64decode(shown["qrCodeImg"]))
        (read,) = zxingcpp.read_barcodes(Image.open(picture).convert("L"))
        assert read.text == shown["qrCodeText"]


async def test_a_card_by_code_by_id_and_bound_to_a_patient_number(hospital: OpenClient, other: OpenClient) -> None:
    said = person()
    made = await hospital.call("registerHealthCard", **said)
    card, number = made["healthCardId"], f"P{secrets.token_hex(4)}"
    assert await other.refused("getHealthCardByHealthCardId", healthCardId=card) == "card-not-found"
    shown = await hospital.call("getDynamicQRCode", healthCardId=card)
    seen = await other.call("getHealthCardByQRCode", qrCodeText=shown["qrCodeText"])
    assert seen["card"]["idNumber"] == said["idNumber"]
    again = await other.call("getHealthCardByQRCode", qrCodeText=shown["qrCodeText"])
    assert again["card"]["healthCardId"] == card, "a second call of the same visit redeems nothing"
    assert await other.call("bindCardRelation", qrCodeText=shown["qrCodeText"], patid=number) == {"result": True}
    assert (await other.call("getHealthCardByHealthCardId", healthCardId=card))["card"]["name"] == said["name"]
    stranger = await other.call("registerHealthCard", **person())
    refused = await other.refused("bindCardRelation", healthCardId=stranger["healthCardId"], patid=number)
    assert refused == "identity-conflict"


async def test_a_print_binds_nothing_and_gives_no_number(hospital: OpenClient, other: OpenClient) -> None:
    said = person()
    made = await hospital.call("registerHealthCard", **said)
    seen = await other.call("getHealthCardByQRCode", qrCodeText=made["qrCodeText"])
    assert seen["card"]["idNumber"] == f"{said['idNumber'][:3]}{'*' * 13}{said['idNumber'][-2:]}"
    for named in ({"qrCodeText": made["qrCodeText"]}, {"healthCardId": made["healthCardId"]}):
        assert await other.refused("bindCardRelation", patid="P1", **named) == "code-assurance-too-low"


async def test_a_health_code_of_the_phone(hospital: OpenClient) -> None:
    platform = hospital.platform
    made = await hospital.institution.create(patient(hospital.institution.code, national=resident_number()))
    text = platform.dynamic(platform.person_of(f"Patient/{made['id']}"))
    got = await hospital.call("getHealthCardByHealthCode", healthCode=text)
    assert got["card"]["name"] == made["name"][0]["text"]
    second = await open_client(platform, "G")
    assert await second.refused("getHealthCardByHealthCode", healthCode=text) == "code-already-used"


async def test_a_batch_where_one_item_is_wrong(hospital: OpenClient) -> None:
    good, bad = person(), person(idNumber="999999199005060000")
    got = (await hospital.call("registerBatchHealthCard", healthCardItems=[good, bad, "nonsense"]))["rspItems"]
    assert [item.get("errorCode", "") for item in got] == ["", "field-invalid", "field-missing"]
    assert len(got[0]["healthCardId"]) == 64
    assert got[0]["idNumber"] == good["idNumber"]
    assert await hospital.refused("registerBatchHealthCard", healthCardItems=[]) == "field-invalid"
    assert await hospital.refused("registerBatchHealthCard", healthCardItems=[{}] * 101) == "field-invalid"


async def test_a_child_as_the_sdk_writes_it(hospital: OpenClient) -> None:
    mother = {"motherName": "李梅", "motherIdType": "01", "motherIdNumber": resident_number("1992-02-03"),
              "parity": "2", "multipleBirthsFlag": 1}  # fmt: skip
    said = person(idNumber="", idType="", name="", birthday="2026-11-21", gender="女", childInfo=mother)
    first = await hospital.call("registerHealthCard", **said)
    assert first["temporary"]
    assert (await hospital.call("registerHealthCard", **said))["healthCardId"] == first["healthCardId"]
    got = await hospital.call("getHealthCardByHealthCardId", healthCardId=first["healthCardId"])
    assert got["card"]["name"] == "李梅之女"


async def test_the_two_families_speak_of_the_same_cards(hospital: OpenClient) -> None:
    said = person()
    made = await hospital.call("registerHealthCard", **said)
    cards = await card_client(hospital.platform, "A")
    again = await cards.call(
        "ehealthcard.register", id_type="01", id_no=said["idNumber"], name=said["name"], gender="1", apply_type="1"
    )
    assert (again["existing"], again["ehealth_card_id"]) == ("1", made["healthCardId"])


# --- tokens, signatures, replays -------------------------------------------------------------------------------------


async def test_the_addresses_of_existing_clients(platform: Platform) -> None:
    client = await open_client(platform, "H")
    await client.sign_in("/rest/auth/HealthCard/HealthOpenAuth/AuthObj")
    made = await client.call("registerHealthCard", **person())
    body = client.envelope({"healthCardId": made["healthCardId"]})
    base = "/rest/auth/TXHealthCard/EHealthCardServer/ISVOpenObj"
    assert (await client.send("getHealthCardByHealthCardId", body, base))["commonOut"]["resultCode"] == 0


async def test_a_token_lives_two_hours(hospital: OpenClient) -> None:
    later = clock.now() + timedelta(seconds=7201)
    clock.set_source(lambda: later)
    try:
        body = hospital.envelope(person(), timestamp=str(int(later.timestamp())))
        got = await hospital.send("registerHealthCard", body)
    finally:
        clock.set_source(None)
    assert got["commonOut"]["errorCode"] == "token-invalid"


async def test_the_same_request_is_not_carried_out_twice(hospital: OpenClient) -> None:
    body = hospital.envelope(person())
    assert (await hospital.send("registerHealthCard", body))["commonOut"]["resultCode"] == 0
    assert (await hospital.send("registerHealthCard", body))["commonOut"]["errorCode"] == "gateway-replayed"


BAD_ENVELOPES: dict[str, tuple[dict[str, Any], str]] = {
    "no token": ({"token": ""}, "field-missing"),
    "a token of nobody": ({"token": "x" * 43}, "token-invalid"),
    "a wrong signature": ({"sign": "AAAA"}, "gateway-digest-invalid"),
    "a signature in Chinese": ({"sign": "签名"}, "gateway-digest-invalid"),
    "no signature": ({"sign": ""}, "gateway-digest-invalid"),
    "an old timestamp": ({"timestamp": "1557236049"}, "gateway-timestamp-stale"),
    "words for a timestamp": ({"timestamp": "now"}, "gateway-timestamp-stale"),
    "no request id": ({"requestId": ""}, "field-missing"),
    "another institution": ({"hospitalId": "X9"}, "field-invalid"),
    "an object for a time": ({"timestamp": {}}, "field-invalid"),
}


@pytest.mark.parametrize("name", BAD_ENVELOPES)
async def test_a_bad_envelope_is_refused_clearly_and_writes_nothing(hospital: OpenClient, name: str) -> None:
    changed, error = BAD_ENVELOPES[name]
    async with nothing_written(hospital.platform):
        got = await hospital.send("registerHealthCard", hospital.envelope(person(), **changed))
    assert got["commonOut"]["errorCode"] == error
    assert got["rsp"] == {}


BAD_BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "json-malformed"),
    "GBK": ('{"commonIn": {"appToken": "王"}}'.encode("gbk"), "json-malformed"),
    "a list": (b"[]", "json-malformed"),
    "a text for commonIn": (b'{"commonIn": "x"}', "field-invalid"),
    "a key twice": (b'{"commonIn": {}, "commonIn": {}}', "json-duplicate-key"),
    "half a surrogate": (b'{"commonIn": {"appToken": "\\ud800"}}', "json-malformed"),
    "a number that is none": (b'{"commonIn": {}, "req": NaN}', "json-malformed"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_a_bad_body(hospital: OpenClient, name: str) -> None:
    body, error = BAD_BODIES[name]
    assert (await hospital.send("registerHealthCard", body))["commonOut"]["errorCode"] == error


async def test_other_methods_apps_and_numbers(hospital: OpenClient) -> None:
    assert await hospital.refused("ocrInfo") == "gateway-unsupported"
    nobody = hospital.envelope({"appId": "nobody"}, token="")
    assert (await hospital.send("getAppToken", nobody))["commonOut"]["errorCode"] == "gateway-app-unknown"
    made = await hospital.call("registerHealthCard", **person())
    wrong = {"healthCardId": made["healthCardId"], "idNumber": resident_number()}
    assert await hospital.refused("getDynamicQRCode", **wrong) == "card-not-found"
    assert await hospital.refused("verifyQRCode", qrCodeText="x" * 131) == "code-unreadable"
    assert await hospital.refused("reportHISData", qrCodeText=made["qrCodeText"]) == "field-missing"


async def test_numbers_in_any_json_form_sign_alike(hospital: OpenClient) -> None:
    for stamp in (int(time.time()), str(int(time.time() * 1000))):
        got = await hospital.send("registerHealthCard", hospital.envelope(person(), timestamp=stamp))
        assert got["commonOut"]["resultCode"] == 0, got


async def test_new_secrets_end_the_tokens(platform: Platform) -> None:
    client = await open_client(platform, "I")
    new = directory.NewGateway(
        app_id=client.app_id, institution_id=client.institution.number, family="open-platform",
        terminals=(client.institution.terminal,),
    )  # fmt: skip
    async with platform.database.transaction() as c:
        await directory.register_gateway(c, platform.access.vault, new)
    assert await client.refused("registerHealthCard", **person()) == "token-invalid"
    answer = await platform.client.get(f"{OPEN}/getAppToken")
    assert answer.status_code == 405


DEAD = ("mandate", "lost", "suspended print")


@pytest.mark.parametrize("how", DEAD)
async def test_a_dead_code_names_nobody_to_who_knows_them_either(hospital: OpenClient, how: str) -> None:
    platform, made = hospital.platform, await hospital.call("registerHealthCard", **person())
    one = (await platform.database.fetchrow("select holder from healthcode.national_lookup where card_id = $1",
        bytes.fromhex(made["healthCardId"])))["holder"]  # fmt: skip
    card, now = await healthcode.card_of(platform.database, one), clock.now()
    bearer = healthcode.bearer_of("a mandate") if how == "mandate" else healthcode.HOLDER
    text = healthcode.dynamic_text(platform.keys, card.profile, one, now, card.generation, bearer)
    text = healthcode.static_text(card, platform.keys) if how == "suspended print" else text
    asked = {"qrCodeText": text, "terminalId": hospital.institution.terminal, "medicalStep": "010101",
        "channelCode": "0100"}  # fmt: skip
    assert "healthCardId" in (await hospital.call("getHealthCardByQRCode", **asked))["card"]
    async with platform.database.transaction() as c:
        if how == "mandate":
            await healthcode.end_bearer(c, [one], "a mandate", now)
        elif how == "lost":
            await healthcode.advance(c, one, "report-lost", healthcode.Act(actor="system/test", at=now))
    if how == "suspended print":
        await as_owner(platform.database, "update healthcode.card set status = 'suspended' where person_id = $1", one)
    expected = "code-suspended" if how == "suspended print" else "code-cancelled"
    assert await hospital.refused("getHealthCardByQRCode", **asked) == expected
    lines = [row for row in await platform.log_of(one) if row["outcome"] == "denied"]
    assert [row["action"] for row in lines] == ["scan"], "the holder sees that somebody tried"

"""What the score links at the registration window, what is stored about it, and what is refused before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from windows import LOCAL, PASSPORT, RESIDENT, Window, everything_stored, phone, resident_number, said

from yima import mpi
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


def home() -> dict[str, Any]:
    """A flat nobody else in the tests lives in."""
    return {"area": "999901", "address": f"某市某区钟楼路{phone()}号3栋102室"}


async def decisions(db: Database, person: int) -> list[dict[str, Any]]:
    rows = await db.fetch("select * from mpi.decision where person_id = $1 order by number", person)
    return [dict(row) | {"evidence": orjson.loads(row["evidence"])} for row in rows]


async def test_the_same_home_is_a_second_factor(db: Database, vault: Vault) -> None:
    flat = home()
    first = await Window(db, vault).register(said("宋词", **flat))
    other = flat["address"].removeprefix("某市某区").replace("3栋102室", "3幢102")
    second = await Window(db, vault).register(said("宋 詞", **flat | {"address": other}))
    assert (second.person, second.rule) == (first.person, "score")


async def test_every_decision_is_kept_with_its_evidence_and_without_names(db: Database, vault: Vault) -> None:
    name, mobile, flat = "辛弃疾", phone(), home()
    first = await Window(db, vault).register(said(name, phones=(mobile,), **flat))
    second = await Window(db, vault).register(said(name, phones=(mobile,), **flat))
    third = await Window(db, vault).register(said("辛弃病", phones=(mobile,), **flat))
    made, linked = await decisions(db, first.person)
    (asked,) = await decisions(db, third.person)
    assert second.person == first.person != third.person
    assert (made["kind"], linked["kind"], asked["kind"]) == ("new", "automatic", "review")
    assert (linked["rule"], linked["model"], linked["normaliser"]) == ("score", mpi.model_named().version, 2)
    best = linked["evidence"]["candidates"][0]
    assert best["levels"] == {
        "name": "exact",
        "birth": "exact",
        "number": "unknown",
        "sex": "same",
        "household": "both",
    }
    assert best["bits"] == pytest.approx(mpi.model_named().prior_bits + sum(best["weights"]), abs=0.05)
    assert asked["evidence"]["hindrances"] == ["name-and-birth"]
    assert asked["evidence"]["review"] == [str(first.person)]
    for decision in (made, linked, asked):
        assert name not in str(decision["evidence"])
        assert mobile not in str(decision["evidence"])


async def test_nothing_that_names_anybody_is_readable(db: Database, vault: Vault) -> None:
    number, mobile = resident_number("1971-01-01"), phone()
    mother = {"mother_name": "密母", "mother_numbers": (number,), "mother_phones": (mobile,)}
    facts = {"birth_date": "1998-07-06", "latin_name": "Mi Zi", "numbers": [(LOCAL, "密-77")]}
    await Window(db, vault).register(said("密子", **home(), **mother, **facts))
    stored = await everything_stored(db)
    for clear in ("钟楼路", "密母", number, mobile, "密子", "Mi Zi", "1998-07-06", "19980706", "密-77"):
        assert clear not in stored
        assert clear.encode().hex() not in stored
    assert LOCAL in stored, "the dump does show what is stored in the clear"


async def test_a_newborn_is_one_person_from_the_ward_to_the_first_document(db: Database, vault: Vault) -> None:
    number, mobile = resident_number("1995-01-01"), phone()
    known = {"birth_date": "2026-03-01", "sex": "female", "mother_name": "王芳"}
    by_number = known | {"mother_numbers": (number,), "mother_phones": (mobile,), "phones": (mobile,)}
    ward = await Window(db, vault).register(said("王芳之女", numbers=[(LOCAL, "N1")], **by_number))
    clinic = await Window(db, vault).register(said("王芳之女", numbers=[(LOCAL, "C1")], **by_number))
    own = resident_number("2026-03-01")
    named = await Window(db, vault).register(
        said("李雨欣", numbers=[(RESIDENT, own)], **known, mother_phones=(mobile,), phones=(mobile,))
    )
    assert {ward.person, clinic.person, named.person} == {ward.person}
    twin = await Window(db, vault).register(
        said("李雨晨", numbers=[(RESIDENT, resident_number("2026-03-01"))], **known, phones=(mobile,))
    )
    assert twin.created, "a sister with a number of her own"


async def test_two_cots_of_one_mother_are_two_persons(db: Database, vault: Vault) -> None:
    ward, mobile = Window(db, vault), phone()
    facts = {
        "birth_date": "2026-03-01",
        "mother_name": "李梅",
        "mother_numbers": (resident_number(),),
        "phones": (mobile,),
    }
    one = await ward.register(said("李梅之子", numbers=[(LOCAL, "A")], **facts))
    other = await ward.register(said("李梅之子", numbers=[(LOCAL, "B")], **facts))
    assert one.person != other.person
    assert other.review == (one.person,)
    named = await Window(db, vault).register(said("张弛", numbers=[(RESIDENT, resident_number("2026-03-01"))], **facts))
    assert named.created
    assert set(named.review) == {one.person, other.person}


async def test_a_new_passport_is_asked_about(db: Database, vault: Vault) -> None:
    facts = {"phones": (phone(),), **home()}
    first = await Window(db, vault).register(said("Anna Vogt", numbers=[(PASSPORT, "C01X00T47")], **facts))
    second = await Window(db, vault).register(said("VOGT Anna", numbers=[(PASSPORT, "C99X11K22")], **facts))
    assert second.review == (first.person,)


async def test_persons_of_before_are_found_after_rekeying(db: Database, vault: Vault) -> None:
    facts = {"phones": (phone(),)}
    first = await Window(db, vault).register(said("旧人", numbers=[(LOCAL, "1")], **facts))
    for table in ("candidate_key", "profile"):
        await db.execute(f"delete from mpi.{table} where person_id = $1", first.person)
    assert await mpi.rekey(db, vault) == 1
    assert await mpi.rekey(db, vault) == 0
    assert (await Window(db, vault).register(said("旧人", **facts))).person == first.person


async def test_two_persons_are_compared_by_all_that_was_said(db: Database, vault: Vault) -> None:
    flat = home()
    one = (await Window(db, vault).register(said("甲子", **flat))).person
    other = (await Window(db, vault).register(said("甲丑", **flat))).person
    found = await mpi.between(db, vault, one, other)
    assert found.score.levels.household == "address"
    assert found.score.levels.name == "surname"
    with pytest.raises(Refusal, match="not-found"):
        await mpi.between(db, vault, one, 1)


def patient(**facts: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"text": "张伟"}], "gender": "male", "birthDate": "1990-01-02"} | facts


BAD_NAMES = [
    "张" * 10_001,
    "a" * 1_000_000,
    "ÕÅ\ufffd\ufffd",
    "张伟\x00",
    "张伟、李娜",
    "张伟/李娜",
    "张伟，李娜",
    "999999199001020015",
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=range(len(BAD_NAMES)))
def test_what_is_no_name_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        mpi.registration(patient(name=[{"text": "张伟"}, {"text": name}]))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "Patient.name[1]")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("name", ["Smith, John", "阿里·买买提", "O'Brien", "张伟 Wei", "J. R. R. Tolkien"])
def test_what_only_looks_odd_is_a_name(name: str) -> None:
    assert mpi.registration(patient(name=[{"text": name}])).name == name


async def test_a_birth_in_the_future_is_refused(db: Database, vault: Vault) -> None:
    with pytest.raises(Refusal, match="field-invalid"):
        await Window(db, vault).register(said("未来", birth_date="2999-01-01"))


def test_address_mother_and_birth_time_are_read_from_the_patient() -> None:
    read = mpi.registration(
        patient(
            address=[
                {"use": "old", "text": "旧地"},
                {"use": "home", "text": "钟楼路12号", "extension": [{"url": "urn:yima:area", "valueCode": "999901"}]},
            ],
            contact=[
                {
                    "relationship": [{"coding": [{"code": "MTH"}]}],
                    "name": {"family": "王", "given": ["芳"]},
                    "telecom": [{"system": "phone", "value": "13912345678"}],
                    "extension": [
                        {"url": "urn:yima:contact-identifier", "valueIdentifier": {"system": RESIDENT, "value": "1"}}
                    ],
                }
            ],
            _birthDate={
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                        "valueDateTime": "1990-01-02T08:10:00+08:00",
                    }
                ]
            },
        )
    )
    assert (read.area, read.address, read.birth_time) == ("999901", "钟楼路12号", "08:10")
    assert (read.mother_name, read.mother_numbers, read.mother_phones) == ("王芳", ("1",), ("13912345678",))
    maiden = {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "李梅"}
    assert mpi.registration(patient(extension=[maiden])).mother_name == "李梅"


def heavier(model: mpi.Model, version: str, prior: float) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(model, version=version, prior=prior))


async def test_a_model_is_tried_on_the_decisions_that_were_made(db: Database, vault: Vault, tmp_path: Path) -> None:
    mobile, flat = phone(), home()
    first = await Window(db, vault).register(said("苏轼", phones=(mobile,), **flat))
    linked = await Window(db, vault).register(said("苏轼", phones=(mobile,), **flat))
    # Another passport is asked about whatever the weights say.
    passport, other = [(PASSPORT, f"E{phone()}")], [(PASSPORT, f"E{phone()}")]
    await Window(db, vault).register(said("苏辙", phones=(mobile,), numbers=passport, **flat))
    asked = await Window(db, vault).register(said("苏辙", phones=(mobile,), numbers=other, **flat))
    present = mpi.model_named()
    same = await mpi.try_model(db, present, present)
    assert linked.person == first.person
    assert asked.review
    assert same.decisions > 0
    assert not same.flips
    doubting = mpi.read_model(heavier(present, "9.9", 1e-17))
    tried = await mpi.try_model(db, present, doubting)
    (flip,) = [flip for flip in tried.flips if flip.person == first.person]
    assert (flip.before, flip.candidate) == ("automatic", first.person)
    assert flip.after in ("review", "new")
    assert sum(tried.counts.values()) == tried.decisions


async def test_a_deployment_decides_by_its_own_model(db: Database, vault: Vault, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(heavier(mpi.model_named(), "9.8", 1e-30))
    mobile, flat = phone(), home()
    try:
        mpi.use_model(file)
        assert mpi.model_named().version == "9.8"
        first = await Window(db, vault).register(said("黄庭坚", phones=(mobile,), **flat))
        second = await Window(db, vault).register(said("黄庭坚", phones=(mobile,), **flat))
        assert second.person != first.person
    finally:
        mpi.use_model(None)
    assert mpi.model_named().version != "9.8"
    for content, code in ((None, "input-unreadable"), (b"{}", "model-invalid")):
        if content is None:
            file.unlink()
        else:
            file.write_bytes(content)
        with pytest.raises(Refusal) as refused:
            mpi.use_model(file)
        assert refused.value.code == code

"""The matching rule and what it reads, without a database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows import LOCAL, PASSPORT, RESIDENT, resident_number, said

from yima import mpi
from yima.mpi import normalise
from yima.mpi.match import Candidate, match
from yima.runtime.errors import Refusal

normalise.names_are_close("暖", "身")  # loads the readings of characters once, so that no example is late for it

NAMES = st.sampled_from(
    ["张伟", "张薇", "王雨欣", "王雨晨", "王芳", "王芳之子", "无名氏", "", "Zhang Wei", "Baby Wang"]
)
DATES = st.sampled_from(["", "1990", "1990-01", "1990-01-02", "1971-05-06"])
SEXES = st.sampled_from(["male", "female", "unknown", "other"])
ORDERS = st.sampled_from([None, 0, 1, 2])
REGISTRATIONS = st.builds(
    mpi.Registration, name=NAMES, sex=SEXES, birth_date=DATES, multiple_birth=ORDERS, phones=st.just(("13912345678",))
)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        person=st.integers(1, 4),
        name=NAMES,
        latin_name=st.just(""),
        sex=SEXES,
        birth_date=DATES,
        multiple_birth=ORDERS,
        via=st.sampled_from(["local-number", "national-number", "scanned-code"]),
        other_number=st.booleans(),
        other_document=st.booleans(),
        same_number=st.booleans(),
        tells_birth=st.booleans(),
    ),
    max_size=5,
)


@given(REGISTRATIONS, CANDIDATES)
def test_every_decision_keeps_the_rules(registration: mpi.Registration, candidates: list[Candidate]) -> None:
    found = match(registration, candidates)
    assert found.person is None or found.person in {c.person for c in candidates}
    assert (found.person is None) == (found.rule == "new")
    assert found.person not in found.review
    assert len(set(found.review)) == len(found.review)
    assert not (found.conflict and found.rule != "local-number"), "only the institution's own number can conflict"
    meant = [c for c in candidates if c.person == found.person and c.via == found.rule]
    if found.person is not None and not found.conflict:
        assert any(not c.other_number or c.same_number for c in meant), "two valid numbers are a veto"
    local = [c for c in candidates if c.via == "local-number"]
    if local:
        assert found.rule == "local-number", "the institution's own number goes before everything"


@given(REGISTRATIONS, CANDIDATES)
def test_a_person_who_disagrees_is_reviewed_or_vetoed_but_never_forgotten(
    registration: mpi.Registration, candidates: list[Candidate]
) -> None:
    found = match(registration, candidates)
    if not found.conflict:
        national = {c.person for c in candidates if c.via == "national-number"}
        assert national <= {found.person, *found.review}


@given(NAMES, NAMES)
def test_closeness_of_names_has_no_direction(one: str, other: str) -> None:
    assert normalise.names_are_close(one, other) == normalise.names_are_close(other, one)


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    for key in (normalise.phone_key, normalise.number_key):
        assert key(key(text)) in {key(text), ""}


FAR = [("张伟", "张强"), ("王雨欣", "李雨欣"), ("王雨欣", "王晴空"), ("Ann", "Anna"), ("", "张伟"), ("", "")]


@pytest.mark.parametrize(("one", "other"), FAR)
def test_other_names_are_not_close(one: str, other: str) -> None:
    assert not normalise.names_are_close(one, other)


NAME_FORMS = [
    ("张 伟", "张伟"),
    ("Zhang Wei", "ZHANGWEI"),
    ("阿里•买买提", "阿里·买买提"),
    ("ＡＢＣ", "abc"),
    ("李　雷", "李雷"),
]


@pytest.mark.parametrize(("one", "other"), NAME_FORMS)
def test_writings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert normalise.name_key(one) == normalise.name_key(other)


PHONES = [
    ("+86 139-1234-5678", "13912345678"),
    ("0086 13912345678", "13912345678"),
    ("１３９１２３４５６７８", "13912345678"),
    ("(0571) 8765 4321", "057187654321"),
    ("+852 9123 4567", "85291234567"),
    ("", ""),
    ("无", ""),
    ("0", ""),
    ("12345", ""),
    ("00000000000", ""),
    ("13800138000", ""),
    ("139٠١٢٣٤٥٦٧", ""),
]


@pytest.mark.parametrize(("written", "key"), PHONES)
def test_phones_are_compared_by_their_digits_and_fillers_by_none(written: str, key: str) -> None:
    assert normalise.phone_key(written) == key


def test_real_names_that_contain_a_filler_are_names() -> None:
    assert not any(map(normalise.is_placeholder, ("Babyak", "Unknownson", "子之")))
    assert all(
        map(
            normalise.is_placeholder, ("王芳之女", "欧佳雯之长女", "Baby Girl Smith", "BABY of Jane", "未知", "Unknown")
        )
    )


def patient(**facts: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"text": "张伟"}], "gender": "male", "birthDate": "1990-01-02"} | facts


BAD_NUMBERS = [
    (RESIDENT, "12345"),
    (RESIDENT, "99999919900102001"),
    (RESIDENT, resident_number()[:17] + "Y"),
    (RESIDENT, "110101190002300012"),
    (RESIDENT, "000000000000000001"),
    (RESIDENT, "٩" * 18),
    (RESIDENT, "无"),
    (PASSPORT, "0"),
    (PASSPORT, "00000000"),
    (PASSPORT, "无"),
    (PASSPORT, "--"),
    (PASSPORT, "E" * 25),
    (PASSPORT, "N/A"),
]


@pytest.mark.parametrize(("system", "value"), BAD_NUMBERS)
def test_what_cannot_be_a_document_number_is_refused_without_repeating_it(system: str, value: str) -> None:
    numbers = [{"system": LOCAL, "value": "1"}, {"system": system, "value": value}]
    with pytest.raises(Refusal) as refused:
        mpi.registration(patient(identifier=numbers))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "Patient.identifier[1].value")
    assert len(value) < 6 or value not in str(refused.value)


@given(st.dates(), st.integers(0, 999), st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_in_a_resident_number_is_always_seen(born: Any, order: int, place: int, wrong: int) -> None:
    number = resident_number(born.isoformat(), order)
    assert normalise.resident_number_is_valid(number)
    digit = "0123456789X".index(number[place])
    other = "0123456789X"[(digit + wrong) % (11 if place == 17 else 10)] if place == 17 else str((digit + wrong) % 10)
    assert not normalise.resident_number_is_valid(number[:place] + other + number[place + 1 :])


def test_too_many_identifiers_are_refused_and_phones_are_limited() -> None:
    many = [{"system": LOCAL, "value": str(n)} for n in range(33)]
    with pytest.raises(Refusal, match="at most 32"):
        mpi.registration(patient(identifier=many))
    phones = [{"system": "phone", "value": f"139{n:08d}"} for n in range(10_000)]
    assert len(mpi.registration(patient(telecom=phones)).phones) == 8


def test_a_patient_is_read_as_the_institution_wrote_it() -> None:
    read = mpi.registration(
        patient(
            name=[
                {"use": "old", "text": "旧名"},
                {"text": "昵称"},
                {"use": "official", "family": "欧阳", "given": ["娜娜"]},
                {"use": "official", "family": "Ouyang", "given": ["Nana"]},
            ],
            identifier=[
                {"system": PASSPORT, "value": "e 12-34 567"},
                {"system": PASSPORT, "value": "E1234567"},
                {"use": "old", "system": LOCAL, "value": "0"},
                {"value": "alone"},
                {"system": LOCAL},
            ],
            telecom=[
                {"system": "email", "value": "1391234567"},
                {"system": "phone"},
                {"system": "phone", "value": "13912345678"},
            ],
            multipleBirthBoolean=True,
            deceasedDateTime="2025-01-01",
        )
    )
    assert (read.name, read.latin_name) == ("欧阳娜娜", "Nana Ouyang")
    assert read.identifiers == (mpi.Identifier(PASSPORT, "E1234567"), mpi.Identifier("", "alone"))
    assert read.phones == ("13912345678",)
    assert (read.multiple_birth, read.deceased) == (0, True)


def test_an_empty_patient_is_a_registration_of_nobody_in_particular() -> None:
    assert mpi.registration({"resourceType": "Patient"}) == mpi.Registration()
    assert mpi.registration(patient()) == replace(said(), identifiers=())

"""The pure core: names, documents, addresses, levels, score, decision. No database."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows import PASSPORT, RESIDENT, resident_number

from yima import mpi
from yima.mpi import heard
from yima.mpi.documents import number_class, resident_number_key
from yima.mpi.names import read_name
from yima.mpi.places import address_key, area_code, site_key
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

MODEL = mpi.model_named()
read_name("暖身")  # loads the readings of characters once


def person(**facts: Any) -> mpi.Fields:
    """A man of 1990 with phone and address, with what the test changes."""
    usual: dict[str, Any] = {
        "name": "王雨欣", "sex": "female", "birth_date": "1990-01-02", "phones": ["13912345678"],
        "area": "999901", "address": "某市某区钟楼路12号3栋102室",
    }  # fmt: skip
    return mpi.fields(**(usual | facts))


SURNAMES = [
    ("单雄信", "shan"), ("仇英", "qiu"), ("区志明", "ou"), ("尉迟恭", "yuchi"), ("曾国强", "zeng"), ("解晓东", "xie"),
    ("任静", "ren"), ("查良", "zha"), ("朴正", "piao"),
    ("盖文", "ge"), ("乐嘉", "yue"), ("覃辉", "qin"), ("万俟卨", "moqi"),
    ("歐陽娜娜", "ouyang"), ("吕梦", "lv"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "surname"), SURNAMES)
def test_surnames_are_read_as_surnames(name: str, surname: str) -> None:
    assert read_name(name).surname_sound == surname


SAME_SOUND = [
    ("张伟", "Zhang Wei"), ("张伟", "Wei Zhang"), ("王晓明", "Xiaoming Wang"), ("吕梦洁", "LYU Mengjie"),
    ("欧阳娜娜", "Nana Ouyang"), ("張偉", "张玮"), ("单静", "SHAN Jing"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME_SOUND)
def test_names_of_one_sound_in_any_script_and_order(one: str, other: str) -> None:
    assert mpi.compare(person(name=one), person(name=other)).name == "sound"


NAME_LEVELS = [
    ("張偉", "张 伟", "exact"), ("阿里•买买提", "阿里·买买提", "exact"), ("José Müller", "JOSE MULLER", "exact"),
    ("Emily Rose Carter", "CARTER Emily Rose", "order"),
    ("王雨欣", "王雨晨", "character"), ("Turner James", "Turner Jamex", "character"),
    ("欧阳娜", "欧阳娜娜", "cut"), ("Emily Rose Carter", "Emily Carter", "cut"), ("Carter", "Emily Carter", "cut"),
    ("Vandenberg Nicole", "Nicole Vandenburg", "close"), ("阿里·买买提", "阿里", "cut"),
    ("王末", "王未", "shape"), ("李己晴", "李已睛", "shape"), ("Turner James", "Turner Janez", "close"),
    ("王芳", "王静", "surname"), ("张静", "张金", "close"), ("王方", "王帮", "close"),
    ("欧阳雨欣", "欧阳玉新", "sound"),
    ("王芳", "王建国", "surname"), ("Emily Carter", "Emily Brown", "given"), ("王芳", "李静", "different"),
    ("王芳之女", "王雨欣", "unknown"), ("无名氏", "王雨欣", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "level"), NAME_LEVELS)
def test_levels_of_names(one: str, other: str, level: str) -> None:
    assert mpi.compare(person(name=one), person(name=other)).name == level


BIRTH_LEVELS = [
    ("1990-01-02", "1990-01-02", "exact"),
    ("1990-01-02", "1990-02-01", "swapped"), ("1990-01-02", "1991-01-02", "digit"),
    ("1990-01-15", "1990-02-10", "lunar"), ("2020-05-23", "2020-04-01", "lunar"), ("1990-12-10", "1991-01-25", "lunar"),
    ("1990-01-30", "1990-03-05", "near"), ("1989-12-25", "1990-01-10", "near"), ("1990-01", "1990-01-02", "month"),
    ("1990", "1990-01-02", "year"), ("1990-01-02", "1990-10-11", "year"), ("1990-01-02", "1971-05-06", "different"),
    ("", "1990-01-02", "unknown"), ("1990-02-30", "1990-03-11", "year"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "level"), BIRTH_LEVELS)
def test_levels_of_birth_dates(one: str, other: str, level: str) -> None:
    assert mpi.compare(person(birth_date=one), person(birth_date=other)).birth == level


GOOD, OTHER = resident_number(), resident_number()
SWAPPED = GOOD[:10] + GOOD[11] + GOOD[10] + GOOD[12:]
NUMBER_LEVELS = [
    ([(RESIDENT, GOOD)], [(RESIDENT, GOOD.lower())], "same"), ([(RESIDENT, GOOD)], [(RESIDENT, OTHER)], "other"),
    ([(RESIDENT, GOOD)], [(RESIDENT, SWAPPED)], "mistyped"),
    ([(RESIDENT, GOOD)], [(RESIDENT, "1" * 16 + "20")], "different"),
    ([(PASSPORT, "E1234567")], [(PASSPORT, "e 123-4567")], "document"),
    ([(PASSPORT, "E1234567")], [(PASSPORT, "E7654321")], "renewed"),
    ([(RESIDENT, GOOD)], [(PASSPORT, "E1234567")], "unknown"), ([], [], "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "level"), NUMBER_LEVELS)
def test_levels_of_numbers(one: list[tuple[str, str]], other: list[tuple[str, str]], level: str) -> None:
    assert mpi.compare(person(documents=one), person(documents=other)).number == level


HOUSEHOLDS = [
    ({}, "both"), ({"address": ""}, "phone"), ({"phones": []}, "address"), ({"area": "999902"}, "phone"),
    ({"phones": ["13900000001"], "address": "钟楼路12号9栋"}, "site"),
    ({"phones": [], "address": "某某街道"}, "county"),
    ({"phones": ["13900000001"], "area": "999902", "address": "钟楼路13号"}, "different"),
    ({"phones": [], "area": "999902"}, "elsewhere"),
    ({"phones": [], "area": "", "address": ""}, "unknown"),
]  # fmt: skip
LATIN = {"phones": [], "address": "12 Murray Crescent, Rosebery Hill, Granya"}
LATIN_HOUSEHOLDS = [
    ({"address": "12 Rosebery Hlil, Murray Cresent, Granya"}, "site"),
    ({"address": "12 Murray Crescent, Granya"}, "site"),
    ({"address": "14 Murray Crescent, Rosebery Hill, Granya"}, "elsewhere"), ({"address": "12 Antis Street"}, "county"),
    ({"area": "999902"}, "elsewhere"), ({"area": "999902", "address": "12 Antis Street"}, "different"),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "level"), HOUSEHOLDS)
def test_levels_of_households(facts: dict[str, Any], level: str) -> None:
    assert mpi.compare(person(), person(**facts)).household == level


@pytest.mark.parametrize(("facts", "level"), LATIN_HOUSEHOLDS)
def test_levels_of_latin_addresses(facts: dict[str, Any], level: str) -> None:
    assert mpi.compare(person(**LATIN), person(**(LATIN | facts))).household == level


ADDRESSES = [
    ("一码市晨光区钟楼街道钟楼路12号3栋102室", "晨光区钟楼街道钟楼路12号3幢102"),
    ("北京市朝阳区建国路88号5号楼2单元301室", "朝阳区建国路８８号5-2-301"),
    ("青禾县稻香镇东塘村三组5号", "稻香镇東塘村3组5号"),
]


@pytest.mark.parametrize(("one", "other"), ADDRESSES)
def test_writings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert address_key(one) == address_key(other) != ""


def test_what_half_a_town_shares_is_no_address() -> None:
    assert address_key("晨光区钟楼街道") == site_key("") == ""
    assert [area_code(code) for code in ("999901", "999901001", "9999", "", "0999901")] == [
        "999901",
        "999901",
        "",
        "",
        "",
    ]


DOCUMENTS = [
    (RESIDENT, GOOD, "valid"), (RESIDENT, SWAPPED, "bad"), ("urn:yima:id:permit-hk-mo", "H12345678", "valid"),
    ("urn:yima:id:permit-hk-mo", "X12345678", "bad"), ("urn:yima:id:permit-tw", "12345678", "valid"),
    ("urn:yima:id:birth-certificate", "A123456789", "valid"), ("urn:yima:id:birth-certificate", "123", "bad"),
    (PASSPORT, "E12345678", "other"),
]  # fmt: skip


@pytest.mark.parametrize(("system", "number", "found"), DOCUMENTS)
def test_documents_are_checked_by_their_own_rules(system: str, number: str, found: str) -> None:
    assert number_class(system, number) == found


def test_a_number_of_the_first_generation_is_that_of_today() -> None:
    today = resident_number("1955-06-07")
    assert resident_number_key(today[:6] + today[8:17]) == today


WORDS = st.sampled_from(
    ["张伟", "張偉", "Zhang Wei", "Emily Rose Carter", "王芳之长女", "阿里·买买提", "无名氏", "", "欧阳娜", "Ω"]
)
PEOPLE = st.builds(
    person,
    name=WORDS,
    sex=st.sampled_from(["male", "female", "unknown"]),
    birth_date=st.sampled_from(["1990-01-02", "1990-02-01", "1990", "", "1991-01-02"]),
    documents=st.sampled_from([[], [(RESIDENT, GOOD)], [(RESIDENT, OTHER)], [(PASSPORT, "E1234567")]]),
    phones=st.sampled_from([[], ["13912345678"], ["13912345678", "13900000001"]]),
    area=st.sampled_from(["", "999901", "999902"]),
    address=st.sampled_from(["", "钟楼路12号3栋102室", "钟楼路12号"]),
    order=st.sampled_from([None, 0, 1, 2]),
    mother_name=st.sampled_from(["", "王芳"]),
    mother_phones=st.sampled_from([[], ["13912345678"]]),
)


@given(PEOPLE, PEOPLE)
def test_a_score_has_no_direction_and_is_the_sum_of_its_weights(one: mpi.Fields, other: mpi.Fields) -> None:
    score = mpi.scorer(MODEL)
    found = score(one, other)
    assert found == score(other, one)
    assert found.bits == pytest.approx(MODEL.prior_bits + sum(found.weights))
    assert 0 <= found.probability <= 1
    assert len(mpi.explained(found, MODEL, "zh")) == len(mpi.explained(found, MODEL, "en")) == 7


@given(one=PEOPLE, other=PEOPLE)
def test_what_is_stored_scores_as_what_was_said(vault: Vault, one: mpi.Fields, other: mpi.Fields) -> None:
    a, b, read = heard.heard(vault, one), heard.heard(vault, other), msgspec.msgpack.Decoder(mpi.Fields).decode
    assert mpi.compare(read(a.stored), read(b.stored)) == mpi.compare(one, other)
    assert (a.digest == b.digest) == (one == other)
    for clear in (*one.phones, one.number, "钟楼路", "E1234567"):
        assert not clear or clear.encode() not in a.stored


@given(PEOPLE, st.lists(PEOPLE, max_size=4))
def test_nothing_is_linked_against_a_veto_or_without_the_strict_rule(
    said: mpi.Fields, others: list[mpi.Fields]
) -> None:
    found = mpi.decide(said, [mpi.Known(n, (other,)) for n, other in enumerate(others)], MODEL)
    if found.person is None:
        assert found.kind == ("review" if found.review else "new")
        return
    theirs = others[found.person]
    levels = mpi.compare(said, theirs)
    assert levels.number != "other"
    assert levels.sex == "same"
    assert said.order == theirs.order != "0"
    if not (said.placeholder or theirs.placeholder):
        assert levels.number in ("same", "document") or levels.name in ("exact", "order")
        assert levels.name not in ("character", "close", "surname", "different")
        assert levels.birth not in ("different", "year") or levels.name in ("exact", "order")
        assert levels.number in ("same", "document") or levels.household in ("both", "phone", "address") or said.mother


def decided(said: mpi.Fields, *others: mpi.Fields, **facts: Any) -> str:
    return mpi.decide(said, [mpi.Known(n, (other,)) for n, other in enumerate(others)], MODEL, **facts).kind


def test_cases_by_name() -> None:
    assert decided(person(), person()) == "automatic"
    assert decided(person(), person(), person()) == "review", "two alike: neither is chosen"
    assert decided(person(), person(phones=[], address="")) == "review", "namesakes of one birthday: no second factor"
    sister, number = person(name="王雨晨"), [(RESIDENT, GOOD)]
    assert decided(person(), sister) == "new", "twins nobody marked: neither has a number"
    assert decided(person(), person(name="王雨琴")) == "review", "heard wrongly (xin, qin)"
    assert decided(person(documents=number), sister) == "review", "one has a number: it may be a slip of the pen"
    elsewhere = mpi.Known(1, (sister,), here=False)
    assert mpi.decide(person(), [elsewhere], MODEL).kind == "review", "not yet known here"
    unsure = person(birth_date="1990-01")
    assert decided(person(documents=number), unsure) == "automatic", "a day nobody said, in one home; a number says it"
    assert decided(person(), unsure) == "review", "two of a hostel, as far as anybody vouches for a date"
    assert decided(person(documents=number), person(birth_date="1998-01-02")) == "automatic", "a digit of the year"
    assert decided(person(documents=number), person(birth_date="1960-01-02")) == "review", "the father's name and day"
    assert decided(person(), person(birth_date="1990-01", phones=[])) == "review"
    assert decided(person(order=1), person(name="王雨晨", order=2)) == "new", "a twin"
    assert decided(person(), person(name="王建国", sex="male", birth_date="1960-05-06")) == "new", "a relative"
    assert decided(person(), capped=True) == "review", "too many to look at is never new"
    assert decided(person(documents=[(RESIDENT, GOOD)]), person(documents=[(RESIDENT, OTHER)])) == "new"
    mistyped, same = [(RESIDENT, SWAPPED)], [(RESIDENT, GOOD)]
    assert decided(person(documents=same), person(documents=mistyped)) == "automatic", "all but the number agrees"
    assert decided(person(documents=same), person(documents=mistyped, phones=[], address="")) == "review"
    assert decided(person(documents=same), person(documents=same, name="王雨晨")) == "review", "a twin with her number"
    passports = [(PASSPORT, "E1234567")], [(PASSPORT, "E7654321")]
    assert decided(person(documents=passports[0]), person(documents=passports[1])) == "automatic", "a new passport"
    born = {"birth_date": "1990-01-15"}
    assert decided(person(**born), person(birth_date="1990-02-10")) == "automatic", "her birthday in the lunar calendar"
    assert decided(person(**born), person(birth_date="1990-02-11", phones=[])) == "review", "some other day"


def test_newborns_join_by_mother_day_sex_and_order() -> None:
    mother: dict[str, Any] = {"mother_name": "王芳", "mother_phones": ["13912345678"], "birth_date": "2026-03-01"}
    ward, named = person(name="王芳之女", **mother), person(name="李雨欣", **mother)
    assert decided(named, ward) == "automatic"
    assert decided(named, ward, ward) == "review", "two cots: which of them is not for a machine"
    assert decided(named, person(name="王芳之次女", **mother)) == "review", "a twin on one side only"
    assert decided(person(name="王芳之长女", **mother), person(name="王芳之次女", **mother)) == "new"
    assert decided(ward, ward) == "review"
    assert (
        decided(
            person(name="王芳之女", birth_time="08:10", **mother), person(name="王芳之女", birth_time="08:10", **mother)
        )
        == "automatic"
    )
    assert (
        decided(
            person(name="王芳之女", birth_time="08:10", **mother), person(name="王芳之女", birth_time="08:14", **mother)
        )
        == "new"
    )


GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰欣怡涵梓宇轩"


def family(rng: random.Random, n: int) -> list[dict[str, Any]]:
    """Mother, father, son with the father's given name, siblings, same-sex twins: one home, one phone."""
    surname, day = rng.choice("王李张刘陈杨黄赵吴周"), rng.randint(1, 28)
    home = {"phones": [f"139{n:08d}"], "area": "999901", "address": f"钟楼路{n}号102室"}

    def one(given_name: str, sex: str, year: int, month: int = 5, **more: Any) -> dict[str, Any]:
        return home | {"name": surname + given_name, "sex": sex, "birth_date": f"{year}-{month:02d}-{day:02d}"} | more

    first, second, third, fourth = (rng.choice(GIVEN) for _ in range(4))
    fourth = fourth if fourth != third else "曦"
    return [
        one(first + second, "male", 1960), one(first + second, "male", 1988), one(second, "female", 1990, 6),
        one(third + second, "female", 2015, 7), one(fourth + second, "female", 2015, 7),
    ]  # fmt: skip


def test_twins_siblings_parents_and_namesakes_are_never_linked() -> None:
    rng, linked, pairs = random.Random(20261123), 0, 0
    for n in range(400):
        people = [mpi.fields(**one) for one in family(rng, n)]
        for one, other in itertools.permutations(people, 2):
            linked += decided(one, other) == "automatic"
            pairs += 1
    for n in range(2000):  # same name, date, sex and county, another home
        facts = family(rng, n)[0]
        linked += (
            decided(mpi.fields(**facts), mpi.fields(**facts | {"phones": [f"138{n:08d}"], "address": "滨江路9号"}))
            == "automatic"
        )
        pairs += 1
    assert pairs == 10_000
    assert linked == 0


def test_models_are_checked_and_compared() -> None:
    for broken in (b"{}", b"[", b'{"version": "x"}'):
        with pytest.raises(Refusal, match="model-invalid"):
            mpi.read_model(broken)
    for version in ("", "../x", "a\\b", "*", "x" * 65, "a\nb"):
        with pytest.raises(Refusal, match="model-invalid"):
            mpi.read_model(msgspec.json.encode(msgspec.structs.replace(MODEL, version=version)))
    for version in ("1999.1", "../2026.2", " "):
        with pytest.raises(Refusal, match="model-invalid"):
            mpi.model_named(version)
    assert mpi.differences(MODEL, MODEL) == {}


def test_a_common_name_says_less_than_a_rare_one() -> None:
    score = mpi.scorer(MODEL)
    common, rare = (score(person(name=name), person(name=name)).bits for name in ("张伟", "单雄信"))
    assert rare - common > 4

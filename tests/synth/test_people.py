"""Only synthetic people, and all the kinds a demonstration needs."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
import stdnum.cn
from stdnum import numdb
from stdnum.cn import ric, uscc

from yima.synth import AS_OF, Resident, city
from yima.synth.cast import CAST
from yima.synth.days import age_on
from yima.synth.names import han, pinyin
from yima.synth.people import Document
from yima.synth.stories import STORIES

from .conftest import Told


def _numbers(town: Told) -> list[tuple[Resident, str]]:
    return [(r, d.value) for r in town.city.residents for d in r.documents if d.kind == "resident_number"]


def test_every_check_digit_is_right(town: Told) -> None:
    for _, number in _numbers(town):
        assert ric.calc_check_digit(number) == number[-1]


def test_no_area_code_is_assigned(town: Told) -> None:
    areas = numdb.get("cn/loc")
    assert areas.info("110101")[0][1], "the table knows real provinces"
    for _, number in _numbers(town):
        assert number.startswith("60")
        assert not any(found for _, found in areas.info(number[:6]))
    assert "60" not in {line[:2] for line in Path(stdnum.cn.__file__).with_name("loc.dat").read_text().splitlines()}


def test_numbers_tell_birth_date_and_sex_and_are_unique(town: Told) -> None:
    for resident, number in _numbers(town):
        assert number[6:14] == f"{resident.born:%Y%m%d}"
        assert (int(number[16]) % 2 == 1) == (resident.sex == "male")
    values = [number for _, number in _numbers(town)]
    assert len(values) == len(set(values))


def test_phones_use_the_unassigned_prefix(town: Told) -> None:
    assert all(len(r.phone) == 11 and r.phone.startswith("129") for r in town.city.residents)


def test_credit_codes_are_valid(town: Told) -> None:
    assert all(uscc.is_valid(i.credit_code) for i in town.city.institutions)


@pytest.mark.parametrize("seed", [1, 7, 20])
def test_sixty_people_show_every_special_kind(seed: int) -> None:
    people = city(60, seed).residents
    special = Counter(label for r in people for label in r.special)
    wanted = {
        "newborn", "twin", "foreigner", "cross-strait", "same-name", "centenarian", "compound-surname", "minority-name",
        "deceased", "expecting", "hiv", "syphilis", "psychiatric", "penicillin-anaphylaxis", "breast-cancer", "copd",
    }  # fmt: skip
    assert wanted <= set(special)
    assert special["twin"] == 2
    assert any(r.name.text == "阿依古丽·买买提江" for r in people)
    assert {r.country for r in people} >= {"HKG", "MAC", "TWN"}
    assert {r.ethnicity for r in people} >= {"01", "02", "04", "05", "07", "08"}


def test_the_cast_fits_into_sixty() -> None:
    assert max(r.household for r in city(60, 1).residents) >= len(CAST)


def test_every_story_is_told_somewhere(sixty: Told) -> None:
    told = {name for r in sixty.city.residents for name in r.stories}
    assert told == set(STORIES)


def test_namesakes_differ_in_everything_but_name_and_birthday(sixty: Told) -> None:
    first, second = (r for r in sixty.city.residents if r.name.text == "张伟" and "same-name" in r.special)
    assert (first.name, first.sex, first.born) == (second.name, second.sex, second.born)
    assert first.documents != second.documents
    assert first.phone != second.phone


def test_newborns_have_no_number_and_their_mothers_name(sixty: Told) -> None:
    baby = next(r for r in sixty.city.residents if "newborn" in r.special)
    mother = sixty.city.by_key[baby.mother or ""]
    assert baby.documents == ()
    assert baby.name.text == f"{mother.name.text}之女"
    assert baby.phone == mother.phone
    assert baby.address == mother.address


def test_families_are_plausible(town: Told) -> None:
    by_key = town.city.by_key
    for resident in town.city.residents:
        if resident.mother in by_key:
            mother = by_key[resident.mother]
            assert mother.sex == "female"
            assert 15 <= age_on(mother.born, resident.born) <= 45
        if resident.spouse in by_key:
            assert by_key[resident.spouse].spouse == resident.key
            assert by_key[resident.spouse].sex != resident.sex


def test_the_age_pyramid_is_a_citys(town: Told) -> None:
    ages = [age_on(r.born, AS_OF) for r in city(3000, 9).residents]
    assert 0.09 < sum(age < 15 for age in ages) / 3000 < 0.22
    assert 0.10 < sum(age >= 65 for age in ages) / 3000 < 0.24
    assert max(age_on(r.born, AS_OF) for r in town.city.residents) >= 100


def test_pinyin_reads_surnames_rightly() -> None:
    assert han("单", "晓丽").latin == "Shan Xiaoli"
    assert pinyin("吕") == "Lyu"
    assert han("欧阳", "女").latin == "Ouyang Nyu"


def test_nobody_is_born_or_dead_in_the_future(town: Told) -> None:
    for resident in town.city.residents:
        assert date(1915, 1, 1) < resident.born < AS_OF
        assert resident.died is None or resident.born < resident.died < AS_OF - timedelta(days=1)


def test_documents_of_foreigners_are_not_resident_numbers(sixty: Told) -> None:
    kinds = {r.country: r.documents[0] for r in sixty.city.residents if r.country != "CHN"}
    assert kinds["HKG"].value[0] == "H"
    assert kinds["MAC"].value[0] == "M"
    assert kinds["TWN"] == Document("permit_tw", kinds["TWN"].value)


def test_institutions_of_every_class(sixty: Told) -> None:
    kinds = {i.kind for i in sixty.city.institutions}
    assert {"A100", "A520", "B100", "C210", "D600", "E100", "G100", "J100"} <= kinds
    for institution in sixty.city.institutions:
        assert institution.practitioners
        assert institution.terminals
        assert all(d.code in institution.staff for d in institution.departments)
    staff = [p.id for i in sixty.city.institutions for p in i.practitioners]
    assert len(staff) == len(set(staff))

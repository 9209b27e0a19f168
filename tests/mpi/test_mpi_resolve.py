"""Which registrations become one person, told at the registration window with the real database."""

from __future__ import annotations

import pytest
from windows import LOCAL, PASSPORT, RESIDENT, Window, everything_stored, phone, resident_number, said

from yima import mpi
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


@pytest.fixture
def window(db: Database, vault: Vault) -> Window:
    """The window of one hospital."""
    return Window(db, vault)


@pytest.fixture
def elsewhere(db: Database, vault: Vault) -> Window:
    """The window of another hospital."""
    return Window(db, vault)


async def reviews_of(db: Database, person: int) -> set[int]:
    return {r.candidate for r in await mpi.open_reviews(db, 1000) if r.person == person}


async def test_the_same_number_is_the_same_person_at_every_institution(window: Window, elsewhere: Window) -> None:
    number = resident_number()
    first = await window.register(said(numbers=[(RESIDENT, number), (LOCAL, "1")]))
    second = await elsewhere.register(said(numbers=[(RESIDENT, number), (LOCAL, "1")]))
    assert (first.created, second.created, second.rule) == (True, False, "national-number")
    assert second.person == first.person
    assert len(await mpi.patients_of(window.db, first.person)) == 2
    assert await mpi.person_of_document(window.db, window.vault, RESIDENT, number) == first.person


async def test_the_number_is_read_in_any_writing(window: Window, elsewhere: Window) -> None:
    number = next(n for n in (resident_number(order=k) for k in range(900, 999)) if n.endswith("X"))
    person = (await window.register(said("写法", numbers=[(RESIDENT, number)]))).person
    wide = "".join(chr(ord(c) + 0xFEE0) for c in number.lower())
    for written in (number.lower(), wide, f"{number[:6]} {number[6:14]}-{number[14:]}"):
        assert (await elsewhere.register(said("写法", numbers=[(RESIDENT, written)]))).person == person
        assert await mpi.person_of_document(window.db, window.vault, RESIDENT, written) == person
        found = await mpi.find_patients(window.db, window.vault, RESIDENT, written, window.source.institution)
        assert {owner for _, owner in found} == {person}


async def test_anothers_number_makes_a_new_person_and_a_review_and_is_not_taken_over(
    window: Window, elsewhere: Window
) -> None:
    number = resident_number()
    victim = await window.register(said("王芳", sex="female", numbers=[(RESIDENT, number)]))
    before = await mpi.identity(window.db, window.vault, victim.person)
    other = await elsewhere.register(said("李强", birth_date="1971-05-06", numbers=[(RESIDENT, number)]))
    assert other.created
    assert other.person != victim.person
    assert await reviews_of(window.db, other.person) == {victim.person}
    assert await mpi.person_of_document(window.db, window.vault, RESIDENT, number) == victim.person
    assert await mpi.identity(window.db, window.vault, victim.person) == before


async def test_birth_date_and_sex_do_not_confirm_a_number_that_tells_them(window: Window, elsewhere: Window) -> None:
    number = resident_number("1990-01-02")
    victim = await window.register(said("王芳", numbers=[(RESIDENT, number)]))
    taker = await elsewhere.register(said("赵四海", numbers=[(RESIDENT, number)]))
    nameless = await elsewhere.register(said("", numbers=[(RESIDENT, number)]))
    assert len({victim.person, taker.person, nameless.person}) == 3


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ("张薇", "张微"),
        ("王未", "王末"),
        ("张伟", "Zhang Wei"),
        ("张伟", "Wei Zhang"),
        ("阿依古丽·买买提", "阿依古丽"),
    ],
)
async def test_a_slip_in_the_name_is_forgiven_when_number_and_birth_date_agree(
    window: Window, elsewhere: Window, known: str, written: str
) -> None:
    number = resident_number()
    first = await window.register(said(known, numbers=[(RESIDENT, number)]))
    second = await elsewhere.register(said(written, numbers=[(RESIDENT, number)]))
    assert second.person == first.person


@pytest.mark.parametrize("mark", [1, 0, None])
async def test_a_twin_with_the_siblings_number_is_never_the_sibling(
    window: Window, elsewhere: Window, mark: int
) -> None:
    number = resident_number("2021-05-06")
    first = await window.register(
        said("王雨欣", birth_date="2021-05-06", numbers=[(RESIDENT, number)], multiple_birth=mark)
    )
    second = await elsewhere.register(said("王雨晨", birth_date="2021-05-06", numbers=[(RESIDENT, number)]))
    assert second.person != first.person
    assert second.review == (first.person,)


async def test_the_institutions_own_number_finds_its_patient_again(window: Window) -> None:
    first = await window.register(said(numbers=[(LOCAL, "100")]))
    again = await window.register(said(numbers=[(LOCAL, "100")]))
    assert (again.person, again.rule, again.patient_id) == (
        first.person, "local-number", await window.patient(first.person)
    )  # fmt: skip
    assert len(await mpi.patients_of(window.db, first.person)) == 1


async def test_the_same_local_number_elsewhere_is_somebody_else(window: Window, elsewhere: Window) -> None:
    first = await window.register(said("甲乙", numbers=[(LOCAL, "200")]))
    second = await elsewhere.register(said("甲乙", numbers=[(LOCAL, "200")]))
    assert second.person != first.person
    found = await mpi.find_patients(window.db, window.vault, LOCAL, "200", window.source.institution)
    assert [person for _, person in found] == [first.person]


REUSED = [
    ("another name and birth date", {"name": "李强", "birth_date": "1971-05-06"}),
    ("another name and sex", {"name": "李丽", "sex": "female"}),
    ("another birth date and sex", {"birth_date": "1971-05-06", "sex": "female"}),
    ("another name and no birth date to confirm it", {"name": "李强", "birth_date": ""}),
    ("nobody knows who", {"name": "无名氏", "birth_date": ""}),
    ("her newborn under the mother's number", {"name": "张伟之子", "birth_date": "2026-03-01"}),
]


@pytest.mark.parametrize(("why", "facts"), REUSED, ids=[why for why, _ in REUSED])
async def test_a_local_number_reused_for_somebody_else_is_refused_and_changes_nothing(
    window: Window, why: str, facts: dict[str, str]
) -> None:
    await window.register(said(numbers=[(LOCAL, "300")], phones=(phone(),)))
    before = await everything_stored(window.db)
    with pytest.raises(Refusal) as refused:
        await window.register(said(**facts, numbers=[(LOCAL, "300"), (RESIDENT, resident_number())], phones=(phone(),)))
    assert refused.value.code == "identity-conflict"
    assert await everything_stored(window.db) == before


CORRECTED = [
    ("a new name", {"name": "张大伟"}),
    ("a corrected birth date", {"birth_date": "1990-02-01"}),
    ("a birth date less exact", {"name": "张大为", "birth_date": "1990"}),
    ("the name in pinyin", {"name": "Zhang Wei", "latin_name": "Zhang Wei", "birth_date": ""}),
    ("no name", {"name": ""}),
]


@pytest.mark.parametrize(("why", "facts"), CORRECTED, ids=[why for why, _ in CORRECTED])
async def test_one_corrected_fact_is_still_the_same_patient(window: Window, why: str, facts: dict[str, str]) -> None:
    first = await window.register(said(numbers=[(LOCAL, "1")]))
    assert (await window.register(said(**facts, numbers=[(LOCAL, "1")]))).person == first.person


async def test_two_valid_numbers_are_a_veto(window: Window, elsewhere: Window) -> None:
    shared, travel = phone(), "E12345678"
    first = await window.register(
        said("孙明", numbers=[(RESIDENT, resident_number()), (PASSPORT, travel)], phones=(shared,))
    )
    by_phone = await elsewhere.register(said("孙明", numbers=[(RESIDENT, resident_number())], phones=(shared,)))
    by_passport = await elsewhere.register(said("孙明", numbers=[(RESIDENT, resident_number()), (PASSPORT, travel)]))
    assert len({first.person, by_phone.person, by_passport.person}) == 3
    await window.register(said("孙明", numbers=[(LOCAL, "9"), (RESIDENT, (number := resident_number()))]))
    with pytest.raises(Refusal, match="identity-conflict"):
        await window.register(said("孙明", numbers=[(LOCAL, "9"), (RESIDENT, resident_number())]))
    assert await mpi.person_of_document(window.db, window.vault, RESIDENT, number) is not None


async def test_a_new_passport_is_no_conflict_and_both_name_the_holder(window: Window, elsewhere: Window) -> None:
    first = await window.register(said("Ann Lee", numbers=[(LOCAL, "7"), (PASSPORT, "X1111222")]))
    renewed = await window.register(said("Ann Lee", numbers=[(LOCAL, "7"), (PASSPORT, "X3333444")]))
    assert renewed.person == first.person
    for number in ("X1111222", "X3333444"):
        assert (await elsewhere.register(said("Ann Lee", numbers=[(PASSPORT, number)]))).person == first.person


async def test_a_passport_with_the_name_in_another_script_needs_the_birth_date(
    window: Window, elsewhere: Window
) -> None:
    first = await window.register(said("金秀贤", numbers=[(PASSPORT, "M20304050")]))
    latin = await elsewhere.register(said("Kim Soo-hyun", latin_name="Kim Soo-hyun", numbers=[(PASSPORT, "M20304050")]))
    other = await elsewhere.register(said("Park Jin", birth_date="1988-08-08", numbers=[(PASSPORT, "M20304050")]))
    assert latin.person == first.person
    assert other.person != first.person
    known = await mpi.identity(window.db, window.vault, first.person)
    assert known is not None
    assert (known.name, known.latin_name) == ("金秀贤", "Kim Soo-hyun")


async def test_name_birth_date_sex_and_phone_together_link(window: Window, elsewhere: Window) -> None:
    mine = phone()
    first = await window.register(said("周静", phones=(phone(), mine), numbers=[(LOCAL, "1")]))
    second = await elsewhere.register(said("周 静", phones=(mine,), numbers=[(LOCAL, "2")]))
    assert (second.person, second.rule) == (first.person, "score")


async def test_every_phone_that_was_ever_said_links(window: Window, elsewhere: Window) -> None:
    one, two, three = phone(), phone(), phone()
    first = await window.register(said("多机", phones=(one,), numbers=[(LOCAL, "1")]))
    await window.register(said("多机", phones=(one, two), numbers=[(LOCAL, "1")]))
    await window.register(said("多机", phones=(three,), numbers=[(LOCAL, "1")]))
    for mine in (one, two, three):
        assert (await elsewhere.register(said("多机", phones=(mine,)))).person == first.person


async def test_a_person_first_known_by_number_alone_is_found_by_demographics_later(
    window: Window, vault: Vault
) -> None:
    number, mine = resident_number(), phone()
    careful = Window(window.db, vault, "identifier")
    first = await careful.register(said("后补", phones=(mine,), numbers=[(RESIDENT, number)]))
    await window.register(said("后补", phones=(mine,), numbers=[(RESIDENT, number)]))
    assert (await Window(window.db, vault).register(said("后补", phones=(mine,)))).person == first.person


NOT_ENOUGH = [
    ("another phone", {"phones": ("13900009999",)}),
    ("no phone", {"phones": ()}),
    ("another sex", {"sex": "female"}),
    ("another birth date", {"birth_date": "1990-01-03"}),
    ("only the birth year", {"birth_date": "1990"}),
    ("a twin", {"multiple_birth": 2}),
]


@pytest.mark.parametrize(("why", "facts"), NOT_ENOUGH, ids=[why for why, _ in NOT_ENOUGH])
async def test_less_than_all_four_never_links(
    window: Window, elsewhere: Window, why: str, facts: dict[str, object]
) -> None:
    full = {"phones": (phone(),)}
    first = await window.register(said("郑爽", **full))
    assert (await elsewhere.register(said("郑爽", **(full | facts)))).person != first.person


@pytest.mark.parametrize("name", ["王芳之子", "无名氏", "Baby Li", "unknown"])
async def test_placeholders_never_link_by_demographics(window: Window, elsewhere: Window, name: str) -> None:
    facts = {"birth_date": "2026-03-01", "phones": (phone(),)}
    first = await window.register(said(name, **facts))
    assert (await elsewhere.register(said(name, **facts))).person != first.person


async def test_unknown_sex_is_no_agreement(window: Window, elsewhere: Window) -> None:
    facts = {"sex": "unknown", "phones": (phone(),)}
    first = await window.register(said("吴迪", **facts))
    assert (await elsewhere.register(said("吴迪", **facts))).person != first.person


async def test_two_who_share_all_four_are_both_asked_about(window: Window, elsewhere: Window) -> None:
    facts = {"phones": (phone(),)}
    first = await window.register(said("冯雪", **facts, numbers=[(RESIDENT, resident_number())]))
    second = await elsewhere.register(said("冯雪", **facts, numbers=[(RESIDENT, resident_number())]))
    third = await Window(window.db, window.vault).register(said("冯雪", **facts))
    assert third.created
    assert await reviews_of(window.db, third.person) == {first.person, second.person}


async def test_one_who_waits_for_a_review_still_keeps_the_own_new_number(window: Window, elsewhere: Window) -> None:
    facts = {"phones": (phone(),), "multiple_birth": 0}
    await window.register(said("双双", **facts))
    number = resident_number()
    second = await elsewhere.register(said("双双", **facts, numbers=[(RESIDENT, number)]))
    assert second.review
    third = await Window(window.db, window.vault).register(said("双双", **facts, numbers=[(RESIDENT, number)]))
    assert third.person == second.person


async def test_whose_number_another_holds_is_still_one_person_everywhere(window: Window, elsewhere: Window) -> None:
    number, facts = resident_number(), {"phones": (phone(),)}
    wrong = await window.register(said("钱一", birth_date="1960-01-01", numbers=[(RESIDENT, number)]))
    right = await elsewhere.register(said("孙二", **facts, numbers=[(RESIDENT, number)]))
    again = await Window(window.db, window.vault).register(said("孙二", **facts, numbers=[(RESIDENT, number)]))
    assert again.person == right.person != wrong.person
    assert again.review == (wrong.person,)


async def test_a_newborn_gets_name_and_number_and_stays_the_same_person(window: Window, elsewhere: Window) -> None:
    born = {"birth_date": "2026-03-01"}
    first = await window.register(said("王芳之子", **born, numbers=[(LOCAL, "N1")]))
    patient = await window.patient(first.person)
    number = resident_number("2026-03-01")
    named = await window.register(
        said("王小明", **born, numbers=[(LOCAL, "77"), (RESIDENT, number)]), patient_id=patient
    )
    assert (named.person, named.patient_id) == (first.person, patient)
    known = await mpi.identity(window.db, window.vault, first.person)
    assert known is not None
    assert known.name == "王小明"
    assert (await elsewhere.register(said("王小明", **born, numbers=[(RESIDENT, number)]))).person == first.person
    late = await window.register(said("王芳之子", **born, numbers=[(LOCAL, "N1")]))
    assert late.person == first.person
    assert await mpi.identity(window.db, window.vault, first.person) == known, (
        "a late result under the old name takes no name away"
    )


@pytest.mark.parametrize("facts", [{"birth_date": "2026-02-27"}, {"sex": "female"}, {"multiple_birth": 2}])
async def test_a_newborns_number_given_to_another_newborn_is_a_conflict(
    window: Window, facts: dict[str, object]
) -> None:
    born = {"birth_date": "2026-03-01", "numbers": [(LOCAL, "BED-1")], "multiple_birth": 1}
    await window.register(said("李梅之子", **born))
    with pytest.raises(Refusal, match="identity-conflict"):
        await window.register(said("陈静之子", **(born | facts)))


async def test_an_unidentified_patient_is_named_later(window: Window) -> None:
    first = await window.register(said("无名氏", birth_date="", sex="unknown", numbers=[(LOCAL, "ER-1")]))
    named = await window.register(said("赵云龙", birth_date="1980-10-10", numbers=[(LOCAL, "ER-1")]))
    assert named.person == first.person


async def test_mothers_number_on_her_newborn_is_left_with_her(window: Window, elsewhere: Window) -> None:
    number = resident_number("1990-01-02")
    mother = await window.register(said("王芳", sex="female", numbers=[(RESIDENT, number)]))
    child = await elsewhere.register(
        said("王芳之女", sex="female", birth_date="2026-03-01", numbers=[(RESIDENT, number)])
    )
    assert child.person != mother.person
    assert child.review == (mother.person,)


async def test_matching_by_identifier_asks_no_demographics(window: Window, vault: Vault) -> None:
    number, facts = resident_number(), {"phones": (phone(),)}
    first = await window.register(said("蒋欣", **facts, numbers=[(RESIDENT, number)]))
    careful = Window(window.db, vault, "identifier")
    assert (await careful.register(said("蒋欣", **facts))).person != first.person
    assert (await careful.register(said("蒋欣", **facts, numbers=[(RESIDENT, number)]))).person == first.person


async def test_matching_off_knows_only_its_own_numbers(window: Window, elsewhere: Window, vault: Vault) -> None:
    number, facts = resident_number(), {"phones": (phone(),)}
    sandbox = Window(window.db, vault, "off")
    first = await sandbox.register(said("沈阳", **facts, numbers=[(RESIDENT, number), (LOCAL, "1")]))
    other = await sandbox.register(said("沈阳", **facts, numbers=[(RESIDENT, number), (LOCAL, "2")]))
    again = await sandbox.register(said("沈阳", **facts, numbers=[(RESIDENT, number), (LOCAL, "1")]))
    real = await elsewhere.register(said("沈阳", **facts, numbers=[(RESIDENT, number)]))
    assert again.person == first.person
    assert len({first.person, other.person, real.person}) == 3, "a sandbox claims no number for its people"


async def test_resolve_alone_is_idempotent(window: Window) -> None:
    registration = said("韩梅梅", numbers=[(LOCAL, "555")])
    async with window.db.transaction() as c:
        first = await mpi.resolve(c, window.vault, registration, window.source, now=window._now)
        again = await mpi.resolve(c, window.vault, registration, window.source, now=window._now)
    assert (again.person, again.created) == (first.person, False)
    assert await mpi.find_patients(window.db, window.vault, LOCAL, "555", window.source.institution) == []


async def test_a_patient_belongs_to_one_person_only(window: Window) -> None:
    one = await window.register(said("一一"))
    two = await window.register(said("二二"))
    patient = await window.patient(one.person)
    with pytest.raises(Exception, match="link_patient"):
        async with window.db.transaction() as c:
            await mpi.link(c, window.vault, two, said("二二"), window.source, patient, now=window._now)
    assert await mpi.person_of_patient(window.db, patient) == one.person


async def test_two_local_numbers_of_two_persons_ask_a_steward(window: Window) -> None:
    one = await window.register(said("同名", numbers=[(LOCAL, "A1")]))
    two = await window.register(said("同名", numbers=[(LOCAL, "A2")]))
    both = await window.register(said("同名", numbers=[(LOCAL, "A2"), (LOCAL, "A1")]))
    assert both.person == two.person, "the number given first decides"
    assert both.review == (one.person,)


async def test_no_clear_number_or_phone_is_stored(window: Window) -> None:
    number, travel, mobile, own = resident_number(), "G98765432", phone(), "MRN-SECRET-42"
    person = (
        await window.register(
            said("保密", numbers=[(RESIDENT, number), (PASSPORT, travel), (LOCAL, own)], phones=(mobile,))
        )
    ).person
    stored = await everything_stored(window.db)
    for clear in (number, travel, mobile, own):
        assert clear not in stored
        assert clear.encode().hex() not in stored
    assert str(person) in stored, "the dump does show what is stored in the clear"
    masked = await mpi.masked_number(window.db, window.vault, person)
    assert masked in (f"{number[:3]}{'*' * 13}{number[-2:]}", f"{'*' * 7}{travel[-2:]}")


async def test_of_an_erased_data_key_nothing_is_known_any_more(window: Window) -> None:
    number = resident_number()
    person = (await window.register(said("被遗忘", numbers=[(RESIDENT, number)]))).person
    await window.db.execute("update mpi.person set wrap = null where person_id = $1", person)
    assert await mpi.masked_number(window.db, window.vault, person) == ""
    again = await window.register(
        said("被遗忘", numbers=[(RESIDENT, number), (PASSPORT, "K7654321")], phones=(phone(),))
    )
    assert (again.created, again.person != person, again.review) == (True, True, ())
    assert await mpi.person_of_document(window.db, window.vault, RESIDENT, number) == person, "it is theirs for good"


async def test_look_ups_of_nobody_say_nothing(window: Window) -> None:
    assert await mpi.identity(window.db, window.vault, 1) is None
    assert await mpi.masked_number(window.db, window.vault, 1) == ""
    assert await mpi.patients_of(window.db, 1) == []
    assert (await mpi.whole_of(window.db, 1)).homes == (1,)
    for patient in ("", "x", ids.new_resource_id(1), "Patient/1"):
        assert await mpi.person_of_patient(window.db, patient) is None
    assert await mpi.person_of_document(window.db, window.vault, LOCAL, "1") is None, "local numbers are no documents"
    assert await mpi.find_patients(window.db, window.vault, None, "1", 1) == []


async def test_nobody_becomes_somebody_else_step_by_step(db: Database, vault: Vault) -> None:
    """Each update agrees with the one before in two of name, birth date and sex; the last with nothing of the first."""
    here, there, own = Window(db, vault), Window(db, vault), (LOCAL, phone())
    shared, travel = phone(), (PASSPORT, f"E{phone()}")
    victim = await there.register(said("欧阳受害", numbers=[(LOCAL, phone()), travel], phones=(shared,)))
    mine = await here.register(said("欧阳受害", numbers=[own, travel], phones=(shared,)))
    assert mine.person == victim.person
    renamed = await here.register(said("司徒别人", numbers=[own], phones=(shared,)))
    assert renamed.person == victim.person, "people change their names"
    with pytest.raises(Refusal, match="identity-conflict"):
        await here.register(said("司徒别人", birth_date="1955-12-30", numbers=[own], phones=(shared,)))
    assert (await here.register(said("司徒别人", numbers=[own], phones=(phone(),)))).person == victim.person
    other = await Window(db, vault).register(said("司徒别人", birth_date="1955-12-30", phones=(shared,)))
    assert other.created

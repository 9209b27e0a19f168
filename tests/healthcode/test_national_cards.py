"""National card ids in the tables: one holder each, found again, ended by a reissue, safe under concurrency."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from yima import healthcode
from yima.healthcode.national import MindexRecipe, NationalCard, NationalCards
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id
from yima.runtime.keys import FileKeyStore

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
SYSTEM = "urn:oid:2.16.156.10011.1.3"


def fresh_number() -> str:
    """Eighteen digits nobody else has here; whether they are a resident number is not asked by the tables."""
    return f"{secrets.randbelow(10**18):018d}"


def cards_of(keys: FileKeyStore, recipe: MindexRecipe = "keyed") -> NationalCards:
    return NationalCards(keys, recipe, 300)


async def give(
    db: Database,
    keys: FileKeyStore,
    number: str,
    name: str = "王小芳",
    *,
    person: int = 0,
    recipe: MindexRecipe = "keyed",
) -> NationalCard:  # fmt: skip
    """A person with a card of ours and a national card id."""
    who = person or new_person_id()
    async with db.transaction() as c:
        await healthcode.issue(c, keys, who, NOW)
        return await cards_of(keys, recipe).give(
            c, who, document_type="01", system=SYSTEM, number=number, name=name, now=NOW
        )


async def refused(db: Database, keys: FileKeyStore, text: str) -> str:
    with pytest.raises(Refusal) as caught:
        await cards_of(keys).open(db, text)
    return caught.value.code


async def test_a_document_gives_the_same_id_again_and_is_read_out_of_it(db: Database, keys: FileKeyStore) -> None:
    number = fresh_number()
    first = await give(db, keys, number)
    assert await give(db, keys, number, person=first.person) == first
    assert cards_of(keys).document(first) == ("01", number)
    assert await cards_of(keys).find(db, first.card_id) == first
    assert [card.card_id for card in await cards_of(keys).of_person(db, first.person)] == [first.card_id]
    for nobody in ("0" * 64, "nobody", "", "'; --"):
        with pytest.raises(Refusal) as caught:
            await cards_of(keys).find(db, nobody)
        assert caught.value.code == "card-not-found"


async def test_an_id_has_one_holder_whatever_the_recipe(db: Database, keys: FileKeyStore) -> None:
    number = fresh_number()
    holder = await give(db, keys, number, "安", recipe="sm3-type-number")
    stranger = await give(db, keys, number, "别人", recipe="sm3-type-number")
    assert stranger.temporary
    assert stranger.card_id != holder.card_id
    assert len(stranger.card_id) == len(holder.card_id)
    opened = await cards_of(keys).open(db, cards_of(keys).static_text(holder))
    assert opened.card.person == holder.person


async def test_what_fits_no_card_id_gets_a_temporary_one(db: Database, keys: FileKeyStore) -> None:
    for number in ("1" * 31, "号码"):
        made = await give(db, keys, number)
        assert made.temporary
        assert cards_of(keys).document(made) == ("", "")
        assert await give(db, keys, number, person=made.person) == made


async def test_a_reissue_ends_the_codes_made_before(db: Database, keys: FileKeyStore) -> None:
    held, national = await give(db, keys, fresh_number()), cards_of(keys)
    before = await healthcode.card_of(db, held.person)
    old = national.dynamic_text(held, "5100A0013", NOW, generation=before.generation, in_person=True)
    assert (await national.open(db, old)).in_person
    async with db.transaction() as c:
        act = healthcode.Act(actor="operator/op-1", at=NOW + timedelta(seconds=1), reason="lost")
        after = await healthcode.reissue(c, keys, held.person, act)
    assert await refused(db, keys, old) == "code-cancelled"
    new = national.dynamic_text(held, "5100A0013", NOW, generation=after.generation, in_person=False)
    assert not (await national.open(db, new)).in_person


async def test_another_platforms_keys_make_nothing_that_is_accepted(
    db: Database, keys: FileKeyStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = await give(db, keys, fresh_number())
    foreign = cards_of(FileKeyStore(tmp_path_factory.mktemp("foreign") / "keys.json"))
    text = foreign.dynamic_text(held, "", NOW, generation=0, in_person=True)
    assert await refused(db, keys, text) == "code-signature-invalid"


async def test_a_code_lives_as_long_as_the_setting_says(db: Database, keys: FileKeyStore) -> None:
    held = await give(db, keys, fresh_number())
    text = cards_of(keys).dynamic_text(held, "", NOW, generation=0, in_person=False)
    opened = await cards_of(keys).open(db, text)
    opened.check_time(NOW + timedelta(seconds=300))
    with pytest.raises(Refusal) as caught:
        opened.check_time(NOW + timedelta(seconds=301))
    assert caught.value.code == "code-expired"


async def test_one_document_registered_by_many_at_once_has_one_holder(db: Database, keys: FileKeyStore) -> None:
    number = fresh_number()
    made = await asyncio.gather(*(give(db, keys, number, recipe="sm3-type-number") for _ in range(12)))
    assert sum(not card.temporary for card in made) == 1
    assert len({card.card_id for card in made}) == 12

"""The gateway's calls about persons who were merged, or parted: a card means who its holder is now."""

from __future__ import annotations

from typing import Any

import pytest
from gateway_client import CardClient, card_client, form

from support import Platform
from yima.directory import Caller
from yima.runtime import clock

STEWARD = Caller(kind="system", agent_id="cli")
SAME = ("ehealth_card_id", "card_no", "card_status", "name", "birthday", "id_no")


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> CardClient:
    return await card_client(platform)


async def applied(hospital: CardClient) -> tuple[dict[str, Any], str, int, str]:
    """The application, the card's id, the person and the Patient."""
    said = form()
    card = (await hospital.call("ehealthcard.register", **said))["ehealth_card_id"]
    row = await hospital.platform.database.fetchrow(
        "select l.patient_id, l.person_id from mpi.link l join healthcode.national_lookup n on n.holder = l.person_id "
        "where n.card_id = $1",
        bytes.fromhex(card),
    )
    return said, card, row["person_id"], row["patient_id"]


async def shown(hospital: CardClient, card: str) -> list[dict[str, Any]]:
    """What the hospital is shown of a card by its id, and of a code made of it."""
    asked = await hospital.call("ehealthcode.query", ehealth_card_id=card)
    code = (await hospital.call("ehealthcode.generate", ehealth_card_id=card, ewmbs="0"))["ehealth_code"]
    read = await hospital.call("ehealthcode.verify", ehealth_code=code, medstepcode="010101", channelcode="0100")
    return [{name: one[name] for name in SAME} for one in (asked, read)]


async def test_either_card_of_a_merged_person_shows_the_survivor_until_that_is_undone(hospital: CardClient) -> None:
    (said, one, person, _), (_, other, survivor, _) = await applied(hospital), await applied(hospital)
    before = [await shown(hospital, card) for card in (one, other)]
    assert [answer[0]["ehealth_card_id"] for answer in before] == [one, other]
    stewards, cards = hospital.platform.access.stewards, "select * from healthcode.national_card order by made"
    held = await hospital.platform.database.fetch(cards)
    number = await stewards.merge(STEWARD, person, survivor, reason="同一人", now=clock.now())
    assert await shown(hospital, one) == await shown(hospital, other) == before[1]
    again = await hospital.call("ehealthcard.register", **said)
    assert (again["ehealth_card_id"], again["existing"], again["temporary"]) == (one, "1", "0"), "the document's own"
    await stewards.undo(STEWARD, number, reason="看错", now=clock.now())
    assert [await shown(hospital, card) for card in (one, other)] == before
    assert await hospital.platform.database.fetch(cards) == held


async def test_who_was_split_off_does_not_show_the_card_of_whom_they_were_taken_for(hospital: CardClient) -> None:
    _, card, _, patient = await applied(hospital)
    before = await hospital.call("ehealthcode.query", ehealth_card_id=card)  # no scan: that would open a visit
    stewards = hospital.platform.access.stewards
    number, _ = await stewards.split(STEWARD, patient, reason="另一人", now=clock.now())
    for call in ("query", "generate"):
        assert await hospital.refused(f"ehealthcode.{call}", ehealth_card_id=card) == "card-not-found"
    await stewards.undo(STEWARD, number, reason="看错", now=clock.now())
    after = await hospital.call("ehealthcode.query", ehealth_card_id=card)
    assert {name: after[name] for name in SAME} == {name: before[name] for name in SAME}

"""What a reader does after a decision about that very day: small change stays with it, more is asked about anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from support import Platform
from yima import audit, directory, oversight
from yima.access import Access
from yima.runtime import ids
from yima.runtime.civil import civil_day

NOW = datetime(2026, 3, 9, 2, 30, tzinfo=UTC)
OFFICER = directory.Caller(kind="operator", agent_id="officer", rights=frozenset({"privacy"}))
MINUTE = timedelta(minutes=1)


class Desk:
    """One doctor and one stranger; the officer's list of the two."""

    def __init__(self, access: Access, place: int, doctor: int) -> None:
        self.access, self.place, self.doctor, self.person = access, place, doctor, ids.new_person_id()

    async def looks(self, lines: int, at: datetime, person: int = 0, action: str = "resolve") -> None:
        events = [
            audit.Event(
                person=person or self.person, recorded=at, action=action, outcome="ok", basis="document",
                agent="practitioner", institution=self.place, agent_id=str(self.doctor), department="0300",
            )
            for _ in range(lines)
        ]  # fmt: skip
        async with self.access.database.transaction() as c:
            await audit.append(c, events)
        await self.access.privacy.watch(at + MINUTE)

    async def listed(self) -> list[tuple[int, str, int]]:
        """Part, state and lines of each entry."""
        board = await self.access.privacy.board(OFFICER, NOW)
        found = [one for one in board.findings if one.person == self.person]
        return sorted((one.part, one.state, one.lines) for one in found)

    async def decide(self, decision: str, reason: str, follows: str = "nothing") -> None:
        said = {"decision": decision, "reason": reason, "follows": follows}
        day = civil_day(NOW)
        await self.access.privacy.decide_finding(OFFICER, self.person, f"practitioner/{self.doctor}", day, said, NOW)


@pytest.fixture
async def desk(platform: Platform) -> Desk:
    place = await platform.institution("LATER")
    return Desk(platform.access, place.number, place.practitioner)


async def test_a_little_more_stays_and_as_much_again_is_asked_about(desk: Desk) -> None:
    await desk.looks(4, NOW)
    assert await desk.listed() == [(0, "open", 4)]
    await desk.decide("explained", "本人来电询问检查结果")
    for n in (1, 2, 3):
        await desk.looks(1, NOW + n * MINUTE)
        assert await desk.listed() == [(0, "explained", 4)], "three of four lines more, within the hour"
    await desk.looks(1, NOW + 4 * MINUTE)
    assert await desk.listed() == [(0, "explained", 4), (1, "open", 1)]
    await desk.looks(2, NOW + 5 * MINUTE)
    assert await desk.listed() == [(0, "explained", 4), (1, "open", 3)], "it grows as the first did"
    await desk.decide("misconduct", "无诊疗关系，再次查看", "warning")
    found = [f for f in (await desk.access.privacy.board(OFFICER, NOW)).findings if f.person == desk.person]
    assert {one.part: (one.state, one.reason) for one in found} == {
        0: ("explained", "本人来电询问检查结果"), 1: ("misconduct", "无诊疗关系，再次查看"),
    }, "both stay as they were decided, each with its words"  # fmt: skip
    await desk.looks(3, NOW + 10 * MINUTE)
    assert (2, "open", 3) in await desk.listed(), "after each decision"


async def test_an_hour_later_is_another_look(desk: Desk) -> None:
    await desk.looks(9, NOW)
    await desk.decide("explained", "本人来电询问检查结果")
    await desk.looks(1, NOW + timedelta(hours=2))
    assert await desk.listed() == [(0, "explained", 9), (1, "open", 1)]


async def test_what_is_odd_in_another_way_is_another_look(desk: Desk) -> None:
    await desk.looks(9, NOW)
    await desk.decide("explained", "本人来电询问检查结果")
    async with desk.access.database.transaction() as c:
        await oversight.mark(c, desk.person, "vip", "system/test", NOW)
    await desk.looks(1, NOW + MINUTE)
    assert await desk.listed() == [(0, "explained", 9), (1, "open", 1)]


async def test_care_that_comes_later_takes_only_what_waits_off_the_list(desk: Desk) -> None:
    await desk.looks(2, NOW)
    await desk.decide("explained", "本人来电询问检查结果")
    await desk.looks(2, NOW + MINUTE)
    assert await desk.listed() == [(0, "explained", 2), (1, "open", 2)]
    await desk.looks(1, NOW + 2 * MINUTE, action="submit")
    await desk.looks(1, NOW + 3 * MINUTE, person=ids.new_person_id())
    assert await desk.listed() == [(0, "explained", 2)]

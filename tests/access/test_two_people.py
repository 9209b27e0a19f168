"""What asks for two people gets two humans: every rule there is, tried with one account, one human, nobody known."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import yima
from support import Institution, Platform, as_owner, be_humans, patient, resident_number
from yima import directory, exchange, healthcode, mpi, oversight
from yima.access import Order
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal

SOURCE = Path(yima.__file__).parent
REASON = "身份信息正在重新核实"
COMMAND = Caller(kind="system", agent_id="command-line")
CODES = ("one", "twin", "old", "two")
"""`twin` is a second account of the human whose first is `one`; of `old` nobody said which human it is."""


def operator(code: str) -> Caller:
    rights = frozenset(directory.OPERATOR_RIGHTS)
    return Caller(kind="operator", agent_id=code, rights=rights, proved=clock.now())


@dataclass(slots=True)
class Desk:
    platform: Platform
    hospital: Institution

    async def someone(self) -> int:
        made = await self.hospital.create(patient(national=resident_number()))
        return Platform.person_of(f"Patient/{made['id']}")

    async def card(self) -> str:
        return (await healthcode.card_of(self.platform.database, await self.someone())).number


@pytest.fixture(scope="module")
async def desk(platform: Platform) -> Desk:
    db = platform.database
    async with db.transaction() as c:
        for code in CODES:
            said = directory.Operator(code, code, code, frozenset(directory.OPERATOR_RIGHTS), organisation=f"of {code}")
            await directory.register_operator(c, said)
    await be_humans(db, platform.access.vault, "one", "two")
    # What the door refuses, the owner of the database can write.
    await as_owner(db, "alter table directory.operator drop constraint operator_human_key")
    same = "update directory.operator set human = (select human from directory.operator where code = 'one') "
    await as_owner(db, same + "where code = 'twin'")
    return Desk(platform, await platform.institution("D"))


@dataclass(frozen=True, slots=True)
class Rule:
    """How something is proposed, and how it is approved."""

    first: Callable[[Desk, Caller], Awaitable[Any]]
    second: Callable[[Desk, Caller, Any], Awaitable[Any]]


async def suspension(desk: Desk, who: Caller) -> str:
    now = clock.now()
    return await desk.platform.access.cards.propose_suspension(
        who, await desk.card(), reason=REASON, legal_basis="identity-doubt", ends=now + timedelta(days=3), now=now
    )


async def suspend(desk: Desk, who: Caller, made: str) -> Any:
    return await desk.platform.access.cards.approve_suspension(who, made, clock.now())


async def merge(desk: Desk, who: Caller) -> int:
    pair = [await desk.someone() for _ in range(2)]
    done = await desk.platform.access.reviews.merge(who, *pair, reason=REASON, now=clock.now())
    assert done.proposal is not None
    return done.proposal


async def confirm(desk: Desk, who: Caller, made: int) -> Any:
    return await desk.platform.access.reviews.confirm(who, made, reason=REASON, now=clock.now())


async def erasure(desk: Desk, who: Caller) -> str:
    return await desk.platform.access.erasures.propose(
        who, await desk.card(), resource="", institution="", reason=REASON, legal_basis="purpose-ended", now=clock.now()
    )


async def erase(desk: Desk, who: Caller, made: str) -> Any:
    async with desk.platform.database.transaction() as c:
        return await desk.platform.access.erasures.approve(c, who, made, clock.now())


async def export(desk: Desk, who: Caller) -> str:
    app = Caller(
        kind="app", agent_id="D", institution=desk.hospital.number, scopes=frozenset({"system/*.rs"}),
        purposes=frozenset(directory.USUAL_PURPOSES),
    )  # fmt: skip
    basis = "research"
    wanted = exchange.Wanted(types=["Observation"], since=None, deidentified=True, reason=REASON, legal_basis=basis)
    made = await exchange.ask_export(desk.platform.access, app, wanted, clock.now())
    await approve(desk, who, made)
    return made


async def approve(desk: Desk, who: Caller, made: str) -> Any:
    return await exchange.approve_export(desk.platform.access, who, made, clock.now())


async def lifting(desk: Desk, who: Caller) -> int:
    db, now, place = desk.platform.database, clock.now(), desk.hospital
    async with db.transaction() as c:
        said = directory.Practitioner(0, place.number, f"D{now:%H%M%S%f}", "王", "Wang", "医师", "Doctor", "0300")
        number = await directory.register_practitioner(c, said)
        await oversight.put_stop(c, number, place.number, "decision", 1, "operator/z", now)
    (stop,) = [one.stop for one in await oversight.stops(db, now) if one.practitioner == number]
    await desk.platform.access.glass_desk.propose_lifting(who, stop, REASON, now)
    return stop


async def lift(desk: Desk, who: Caller, made: int) -> Any:
    return await desk.platform.access.glass_desk.lift(who, made, clock.now())


async def removal(desk: Desk, who: Caller) -> str:
    one, other, bar = await desk.card(), await desk.card(), clock.now() + timedelta(days=9)
    order = Order(one, other, "guardianship-revoked", "某某区人民法院（2026）民特1号", REASON, bar)
    return await desk.platform.access.removals.propose(who, order, clock.now())


async def remove(desk: Desk, who: Caller, made: str) -> Any:
    return await desk.platform.access.removals.approve(who, made, clock.now())


async def removal_undone(desk: Desk, who: Caller) -> str:
    made = await removal(desk, operator("one"))
    await remove(desk, operator("two"), made)
    await desk.platform.access.removals.propose_undo(who, made, REASON, clock.now())
    return made


async def undo(desk: Desk, who: Caller, made: str) -> Any:
    return await desk.platform.access.removals.undo(who, made, clock.now())


RULES = {
    "consent.removal": Rule(removal, remove),
    "consent.removal, undone": Rule(removal_undone, undo),
    "healthcode.suspension": Rule(suspension, suspend),
    "mpi.proposal": Rule(merge, confirm),
    "records.erasure": Rule(erasure, erase),
    "exchange.export": Rule(export, approve),
    "oversight.stop": Rule(lifting, lift),
}
"""By the table that keeps who was first."""


async def code_of(work: Awaitable[Any]) -> str:
    try:
        await work
    except Refusal as refusal:
        return refusal.code
    return ""


async def test_there_are_no_other_rules(platform: Platform) -> None:
    """Whoever adds one names its first person in a column like these, and must add it above."""
    rows = await platform.database.fetch(
        "select distinct table_schema || '.' || table_name as name from information_schema.columns "
        "where column_name in ('proposer', 'proposed_by', 'first_approver', 'proposed')"
    )
    assert {row["name"] for row in rows} == {name.partition(",")[0] for name in RULES}


def test_one_function_decides_for_all() -> None:
    raised = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(r'Refusal\(\s*"second-person-needed"', path.read_text(encoding="utf-8"))
    }
    assert raised == {"directory/humans.py", "access/stewarding.py"}, "the second says that one alone is too few"


@pytest.mark.parametrize("table", RULES)
async def test_every_rule_wants_two_humans(desk: Desk, table: str) -> None:
    rule = RULES[table]
    made = await rule.first(desk, operator("one"))
    itself = "second-organisation-needed" if table == "exchange.export" else "second-person-needed"
    for code, refused in (("one", itself), ("twin", "second-person-needed"), ("old", "human-unknown")):
        assert await code_of(rule.second(desk, operator(code), made)) == refused, code
    assert await code_of(rule.second(desk, operator("two"), made)) == ""
    made = await rule.first(desk, operator("old"))
    assert await code_of(rule.second(desk, operator("two"), made)) == "human-unknown"


async def test_a_human_has_one_account(desk: Desk) -> None:
    accounts, now = desk.platform.access.accounts, clock.now()
    async with desk.platform.database.transaction() as c:
        for code in ("three", "four"):
            await directory.register_operator(c, directory.Operator(code, code, code, frozenset()))
    number, other = resident_number("1970-05-06"), resident_number("1971-05-06")
    assert await code_of(accounts.invite(COMMAND, "operator", "three", now)) == "human-unknown"

    async def name(code: str, said: str, system: str = mpi.RESIDENT_NUMBER, who: Caller = COMMAND) -> str:
        return await code_of(accounts.name_human(who, code, system, said, now))

    assert await name("three", number) == ""
    assert await code_of(accounts.invite(COMMAND, "operator", "three", now)) == ""
    assert await name("three", number) == "", "said again"
    for typed in (number, f" {number[:6]} {number[6:]}".lower()):
        assert await name("four", typed) == "human-taken"
    assert await name("three", other) == "", "it had been typed wrong"
    assert await name("four", number) == ""
    wrong = number[:-1] + ("0" if number[-1] != "0" else "1")
    for said, system in ((wrong, mpi.RESIDENT_NUMBER), ("", mpi.RESIDENT_NUMBER), (number, "urn:hospital:mrn")):
        assert await name("four", said, system) == "field-invalid"
    both = await asyncio.gather(*(name(code, resident_number("1974-05-06")) for code in ("three", "four")))
    assert sorted(both) == ["", ""], "two humans"
    number = resident_number("1975-05-06")
    both = await asyncio.gather(*(name(code, number) for code in ("three", "four")))
    assert sorted(both) == ["", "human-taken"], "one human, said of two at once"
    assert await name("nobody", resident_number("1972-05-06")) == "not-found"
    assert await name("four", number, who=operator("one")) == "right-needed", "by whoever runs the deployment only"
    lines = await desk.platform.database.fetch("select detail::text as said from audit.event where action = 'sign-in'")
    assert [row for row in lines if "human-named" in row["said"]]
    assert not [row for row in lines if number in row["said"]]


async def test_a_human_of_before_a_new_hash_key_is_the_same_one(desk: Desk) -> None:
    """An account named under the old key and one asked for under the new: still one human, before and after turning."""
    access, turning = desk.platform.access, desk.platform.access.turning
    number, now = resident_number("1973-05-06"), clock.now()
    async with desk.platform.database.transaction() as c:
        for code in ("five", "six"):
            await directory.register_operator(c, directory.Operator(code, code, code, frozenset()))
    await access.accounts.name_human(COMMAND, "five", mpi.RESIDENT_NUMBER, number, now)
    await as_owner(desk.platform.database, "update directory.operator set human = null where code = 'twin'")
    (turn,) = await turning.begin(spread=0.1)
    again = access.accounts.name_human(COMMAND, "six", mpi.RESIDENT_NUMBER, number, now)
    assert await code_of(again) == "human-taken"
    assert (await turning.unturned(turn))["operator"] > 0
    async for _ in turning.turn(turn, 100):
        pass
    assert (await turning.unturned(turn))["operator"] == 0
    again = access.accounts.name_human(COMMAND, "six", mpi.RESIDENT_NUMBER, number, now)
    assert await code_of(again) == "human-taken"

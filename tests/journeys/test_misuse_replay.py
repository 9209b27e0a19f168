"""The misuse of 2022 in Zhengzhou tried again: a group of people is to be blocked for a reason that is not health.

There, officials gave red codes to depositors who came to ask for their money. Here each attempt, by an operator, by two
who work together, by whoever would change the rules, and by administrators of the database, is refused, or is seen
within a minute by every person whom it concerns and, as a number, by everybody.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from support import BASE, Institution, Platform, as_owner, be_humans, patient
from yima import directory, healthcode
from yima.access import Access
from yima.access.upkeep import EVERY_SECONDS, VERIFY_CARDS, due
from yima.audit import proof
from yima.directory import Caller
from yima.runtime import clock, ids, settings
from yima.runtime.errors import Refusal

GROUP = 12
REASON = "维护秩序，存款人员聚集"
WEEK = timedelta(days=7)


@dataclass
class Depositor:
    """One of the group."""

    person: int
    card: healthcode.Card
    caller: Caller


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = tmp_path_factory.mktemp("replay")
    running = await Platform.start(database_url, data, development=True, notice_sender="file")
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("Z")


@pytest.fixture(scope="module")
async def group(platform: Platform, hospital: Institution) -> list[Depositor]:
    found = []
    for _ in range(GROUP):
        made = await hospital.create(patient())
        person = Platform.person_of(f"Patient/{made['id']}")
        caller = Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())
        found.append(Depositor(person, await healthcode.card_of(platform.database, person), caller))
    return found


def operator(code: str) -> Caller:
    return Caller(kind="operator", agent_id=code, name_zh=code, rights=frozenset({"suspend"}), proved=clock.now())


async def propose(platform: Platform, card: str, basis: str = "identity-doubt", by: str = "op-1") -> str:
    now = clock.now()
    return await platform.access.cards.propose_suspension(
        operator(by), card, reason=REASON, legal_basis=basis, ends=now + WEEK, now=now
    )


async def finished(platform: Platform) -> None:
    """Wait for the end of every transaction that had begun by now: the tree, and the watch, take lines only up to the
    oldest that is under way, were it in another database of the cluster, as those of other tests are."""
    last = (await platform.database.fetchrow("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint"))[0]
    ended = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint >= $1"
    while not (await platform.database.fetchrow(ended, last))[0]:  # noqa: ASYNC110  PostgreSQL tells nobody
        await asyncio.sleep(0.05)


def notices(platform: Platform) -> list[dict[str, str]]:
    path = platform.data / "notices.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def test_what_is_seen_within_a_minute() -> None:
    """Lines and the public count are there with the commit; notices with the next watch, which is at most so late."""
    assert EVERY_SECONDS * 1.5 < 60
    assert VERIFY_CARDS in {kind for kind, _, _ in due(clock.now())}


# --- one operator ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("basis", ["epidemic-control", "public-order", "red", "holder-requested", ""])
async def test_there_is_no_basis_for_it(platform: Platform, group: list[Depositor], basis: str) -> None:
    with pytest.raises(Refusal) as refused:
        await propose(platform, group[0].card.number, basis)
    assert refused.value.code == "field-invalid"


async def test_one_operator_alone_blocks_nobody(
    platform: Platform, hospital: Institution, group: list[Depositor]
) -> None:
    made = await propose(platform, group[0].card.number)
    with pytest.raises(Refusal) as refused:
        await platform.access.cards.approve_suspension(operator("op-1"), made, clock.now())
    assert refused.value.code == "second-person-needed"
    assert (await hospital.scan(platform.dynamic(group[0].person))).status_code == 200
    log = await platform.access.access_log(group[0].caller, now=clock.now() + timedelta(seconds=1))
    assert "propose-suspension" in {line.detail.get("event") for line in log}, "even the attempt is seen"
    await platform.access.cards.end_suspension(operator("op-1"), made, clock.now())


async def test_a_group_cannot_be_named(platform: Platform, group: list[Depositor]) -> None:
    for many in (",".join(one.card.number for one in group), "*", "%", "410100"):
        with pytest.raises(Refusal) as refused:
            await propose(platform, many)
        assert refused.value.code in ("card-not-found", "field-invalid")


async def test_a_scan_has_no_colour_and_nowhere_to_put_one(
    platform: Platform, hospital: Institution, group: list[Depositor]
) -> None:
    said = (await hospital.scan(platform.dynamic(group[1].person))).json()
    assert not {"color", "colour", "status", "risk", "level"} & {key.lower() for key in said}


async def test_another_institution_cannot_put_a_flag_on_them(platform: Platform, group: list[Depositor]) -> None:
    command = await platform.institution("COMMAND")
    flag = {
        "resourceType": "Flag", "status": "active", "code": {"text": "red"},
        "subject": {"reference": f"Patient/{ids.new_resource_id(group[2].person)}"},
    }  # fmt: skip
    answer = await command.call("POST", "/fhir/Flag", flag)
    assert answer.status_code in (400, 404, 422), answer.text


async def test_the_rules_are_not_somewhere_to_be_changed() -> None:
    for name in ("legal_bases", "code_status", "code_colours"):
        with pytest.raises(Refusal) as refused:
            settings.load({name: "epidemic-control"}, environment={})
        assert refused.value.code == "setting-invalid"


# --- two who work together ---------------------------------------------------------------------------------------


async def test_two_who_collude_are_seen_by_every_person_and_by_everybody(
    platform: Platform, hospital: Institution, group: list[Depositor]
) -> None:
    access = platform.access
    await be_humans(platform.database, access.vault, "op-1", "op-2")
    for one in group:
        made = await propose(platform, one.card.number)
        await access.cards.approve_suspension(operator("op-2"), made, clock.now())
    assert (await hospital.scan(platform.dynamic(group[0].person))).status_code == 403
    await finished(platform)
    await access.privacy.watch(clock.now())
    await access.privacy.deliver(clock.now())
    assert len(notices(platform)) >= GROUP
    assert all(REASON not in one["text"] for one in notices(platform)), "a notice has no content"
    now = clock.now() + timedelta(seconds=1)
    for one in group:
        (line,) = [e for e in await access.access_log(one.caller, now=now) if e.detail.get("event") == "suspend"]
        assert (line.agent_id, line.detail["proposed_by"]) == ("op-2", "operator/op-1"), "both names"
        assert line.detail["reason"] == REASON
        assert line.detail["legal_basis"] == "identity-doubt"
        assert "suspend" in {e.detail.get("event") for e in await access.notices(one.caller, now)}
    public = (await platform.client.get("/public/standing.json")).json()["suspended"]
    assert public["identity-doubt"] == GROUP
    case = await access.privacy.object_to(
        group[0].caller, line_of(group[0], await access.access_log(group[0].caller, now=now)), "为什么？", now
    )
    assert case in {one.objection for one in await access.privacy.my_objections(group[0].caller)}
    assert not await access.privacy.verify_cards(clock.now()), "visible, and as the history says"


def line_of(one: Depositor, log: Any) -> str:
    return next(str(e.event_id) for e in log if e.person == one.person and e.detail.get("event") == "suspend")


# --- administrators of the database ------------------------------------------------------------------------------

REFUSED = [
    "update healthcode.card set status = 'suspended'",
    "update healthcode.card set suspended_until = '2099-01-01'",
    "delete from healthcode.card",
    "insert into healthcode.card_event (person_id, card_id, at, event, was, became, actor, reason, legal_basis) "
    "select person_id, card_id, issued, 'suspend', 'active', 'suspended', 'operator/x', 'x', 'x' from healthcode.card",
    "update healthcode.card_event set actor = 'resident'",
    "delete from healthcode.card_event",
    "insert into healthcode.card_move values ('red', 'active', 'suspended')",
    "update audit.event set outcome = 'failed'",
    "delete from audit.event",
    "delete from audit.leaf",
    "delete from oversight.objection",
    "delete from oversight.alarm",
    "update oversight.objection set said = ''",
    "update consent.emergency set expires = '2099-01-01'",
    "delete from consent.emergency",
    "update consent.emergency_widened set reason = ''",
    "delete from oversight.glass",
    "update oversight.glass set due = '2099-01-01'",
    "delete from oversight.stop",
    "update oversight.stop set cause = 'decision'",
]


@pytest.mark.parametrize("statement", REFUSED)
async def test_the_applications_account_is_refused(platform: Platform, group: list[Depositor], statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await platform.database.execute(statement)


# --- by breaking the glass ---------------------------------------------------------------------------------------


async def code(work: Any) -> str:
    """The code of the refusal, or empty."""
    try:
        await work
    except Refusal as refusal:
        return refusal.code
    return ""


def officer(number: str = "officer-1") -> Caller:
    return Caller(kind="operator", agent_id=number, name_zh=number, rights=frozenset({"privacy"}), proved=clock.now())


@pytest.fixture(scope="module")
async def police(platform: Platform) -> Institution:
    """An institution with a doctor who was asked for a list."""
    return await platform.institution("CLINIC")


async def events(platform: Platform, one: Depositor) -> list[tuple[str, str, str]]:
    log = await platform.access.access_log(one.caller, now=clock.now() + timedelta(seconds=1))
    return [(e.action, e.outcome, str(e.detail.get("event", ""))) for e in log]


async def test_the_glass_of_a_whole_group_is_broken_five_times_at_most(
    platform: Platform, police: Institution, group: list[Depositor]
) -> None:
    access, told = platform.access, len(notices(platform))
    allowed = access.settings.glass_unexplained
    for one in group[:allowed]:
        await police.break_glass(one.person, REASON, whole=False)
    for one in group[allowed:]:
        assert await code(police.break_glass(one.person, REASON, whole=False)) == "break-glass-stopped"
    await finished(platform)
    await access.privacy.watch(clock.now())
    await access.privacy.deliver(clock.now())
    assert len(notices(platform)) >= told + GROUP, "each of them is told, also those of whom nothing was opened"
    for place, one in enumerate(group):
        outcome = "ok" if place < allowed else "denied"
        assert ("break-glass", outcome) in {(a, o) for a, o, _ in await events(platform, one)}
    doctor = await directory.practitioner(platform.database, police.practitioner)
    assert doctor is not None
    assert doctor.status == "stopped"
    board = await access.glass_desk.board(officer(), clock.now())
    assert len([c for c in board.cases if c.review.practitioner == police.practitioner]) == allowed, "each is reviewed"


async def test_nobody_of_the_house_clears_it_and_nobody_alone_lets_them_in(
    platform: Platform, police: Institution, group: list[Depositor]
) -> None:
    desk, now = platform.access.glass_desk, clock.now()
    async with platform.database.transaction() as c:
        said = directory.Operator("inside", "自己人", "Insider", frozenset({"privacy"}), "active", police.code)
        await directory.register_operator(c, said)
    board = await desk.board(officer("inside"), now)
    handle = next(c.review.handle for c in board.cases if c.review.practitioner == police.practitioner)
    assert await code(desk.judge(officer("inside"), handle, "justified", REASON, now)) == "review-own-institution"
    (stop,) = [one for one in board.stops if one.practitioner == police.practitioner]
    await desk.propose_lifting(officer("inside"), stop.stop, REASON, now)
    assert await code(desk.lift(officer("inside"), stop.stop, now)) == "second-person-needed"
    command = Caller(kind="system", agent_id="command-line")
    resumed = platform.access.accounts.resume(command, "practitioner", str(police.practitioner), now)
    assert await code(resumed) == "access-stopped"
    assert (
        await code(platform.access.glass_desk.judge(operator("op-1"), handle, "justified", REASON, now))
        == "right-needed"
    )


async def test_roles_and_desks_left_open(platform: Platform, hospital: Institution, group: list[Depositor]) -> None:
    glass, doctor, now = platform.access.glass, hospital.doctor(), clock.now()
    said = {"ground": "disaster", "reason": REASON, "terminal": "", "now": now}
    tried = {
        "registrar": replace(doctor, role="registrar"),
        "left open": replace(doctor, proved=now - timedelta(hours=2)),
        "operator": operator("op-1"),
    }
    codes = {name: await code(glass.open(who, group[0].person, **said)) for name, who in tried.items()}
    assert codes == {
        "registrar": "role-not-permitted", "left open": "step-up-needed", "operator": "scope-insufficient",
    }  # fmt: skip
    await freed(platform, group[8])
    made = await propose(platform, group[8].card.number)
    stale = replace(operator("op-2"), proved=now - timedelta(hours=2))
    assert await code(platform.access.cards.approve_suspension(stale, made, now)) == "step-up-needed"
    await platform.access.cards.end_suspension(operator("op-1"), made, clock.now())


async def test_a_development_link_is_worth_nothing_on_a_real_server(platform: Platform, hospital: Institution) -> None:
    real = Access(platform.database, platform.keys, replace(platform.access.settings, development=False), BASE)
    with pytest.raises(Refusal) as refused:
        real.callers.open_ticket(platform.access.callers.ticket("operator", "op-1"))
    assert refused.value.code == "sign-in-needed"
    cookie = platform.access.callers.session("clinician", str(hospital.practitioner), clock.now())
    assert await code(real.callers.caller("clinician", cookie, clock.now())) == "sign-in-needed"


# --- the application's account, and the glass ---------------------------------------------------------------------


async def wrong(platform: Platform) -> set[tuple[int, str]]:
    return {(one.person, one.kind) for one in await platform.access.privacy.verify_glass(clock.now())}


async def test_an_invented_emergency_is_told_with_its_first_look_and_found_out(
    platform: Platform, hospital: Institution, group: list[Depositor]
) -> None:
    assert not await wrong(platform)
    one, now, other = group[9], clock.now(), await platform.institution("GHOST")
    handle = ids.new_handle(one.person)
    await platform.database.execute(
        "insert into consent.emergency (person_id, handle, institution_id, practitioner_id, terminal, reason, started, "
        "expires, ground) values ($1, $2, $3, 1, '', 'x', $4, $5, 'disaster')", one.person, handle, other.number, now,
        now + timedelta(hours=1),
    )  # fmt: skip
    await platform.database.execute(
        "insert into consent.emergency_widened values ($1, $2, 'transfer', 'x', $3)", one.person, handle, now
    )
    told = len(notices(platform))
    name = f"/fhir/Patient?_id={await patient_of(platform, one)}"
    assert (await other.call("GET", name, visit=handle, yima_purpose="emergency-treatment")).status_code == 200
    await finished(platform)
    await platform.access.privacy.watch(clock.now())
    await platform.access.privacy.deliver(clock.now())
    assert ("search", "ok", "") in await events(platform, one), "no look without a line"
    assert {(one.person, "unreviewed"), (one.person, "unlogged")} <= await wrong(platform)
    assert ("review", "ok", "glass-changed-outside") in await events(platform, one)
    assert len(notices(platform)) >= told


async def patient_of(platform: Platform, one: Depositor) -> str:
    row = await platform.database.fetchrow("select patient_id from mpi.link where person_id = $1", one.person)
    return str(row[0])


async def test_a_verdict_and_a_return_past_the_platform_are_found_out(
    platform: Platform, police: Institution, group: list[Depositor]
) -> None:
    verdict = (
        "update oversight.glass set state = 'justified', decided = $2, officer = 'operator/x', reason = 'x' "
        "where person_id = $1"
    )
    await platform.database.execute(verdict, group[0].person, clock.now())
    await platform.database.execute(
        "update directory.practitioner set status = 'active' where practitioner_id = $1", police.practitioner
    )
    found = await wrong(platform)
    assert {(group[0].person, "unlogged"), (0, "let-in")} <= found
    assert ("review", "ok", "glass-changed-outside") in await events(platform, group[0])
    both = "proposed_by = 'a', proposed = $2, lifted_by = 'b', lifted = $2"
    lifted = f"update oversight.stop set {both} where practitioner = $1"
    await platform.database.execute(lifted, police.practitioner, clock.now())
    assert (0, "let-in") in await wrong(platform), "two invented officers have no line on the log"


# --- and cards ----------------------------------------------------------------------------------------------------


async def freed(platform: Platform, one: Depositor) -> None:
    for found in await healthcode.suspensions_of(platform.database, one.person):
        if found.stands(clock.now()):
            await platform.access.cards.end_suspension(operator("op-3"), found.suspension, clock.now())


async def kinds(platform: Platform) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for one in await platform.access.privacy.verify_cards(clock.now()):
        found.setdefault(one.person, set()).add(one.kind)
    return found


async def test_the_applications_account_cannot_move_a_card_without_two(
    platform: Platform, group: list[Depositor]
) -> None:
    await freed(platform, group[3])
    moved = "select healthcode.move_card($1, $2, 'suspend', 'active', 'suspended', $3, 'op/x', 'r', 'court-order', '')"
    row = await platform.database.fetchrow(moved, group[3].person, group[3].card.card_id, clock.now())
    assert row[0] is False


async def test_two_invented_operators_are_found_out(platform: Platform, group: list[Depositor]) -> None:
    """The application's account may invent two humans, who propose and approve. The holder sees it; the log has no line
    of it."""
    one, now = group[3], clock.now()
    await be_humans(platform.database, platform.access.vault, "ghost-1", "ghost-2")
    async with platform.database.transaction() as c:
        act = healthcode.Act(actor="operator/ghost-1", at=now, reason=REASON, legal_basis="court-order")
        made = await healthcode.propose(c, one.person, act, ends=now + WEEK, longest=WEEK * 2)
        await healthcode.approve(c, made, healthcode.Act(actor="operator/ghost-2", at=clock.now()))
    shown = await platform.access.cards.standing(one.caller, one.person, clock.now())
    assert shown.suspension is not None
    assert shown.suspension.approver == "operator/ghost-2"
    assert (await kinds(platform))[one.person] == {"unlogged"}
    log = await platform.access.access_log(one.caller, now=clock.now() + timedelta(seconds=1))
    assert "changed-outside" in {e.detail.get("event") for e in log}


OWNER = {
    "moved": "update healthcode.card set status = 'suspended', suspended_until = '2099-01-01' "
    "where person_id = $1 and ended is null",
    "generation": "update healthcode.card set generation = generation + 1 where person_id = $1 and ended is null",
    "look-up": "delete from healthcode.card_lookup where holder = $1",
}


@pytest.mark.parametrize(("kind", "place"), [("moved", 4), ("generation", 5), ("look-up", 6)])
async def test_the_owner_of_the_database_is_found_out(
    platform: Platform, group: list[Depositor], kind: str, place: int
) -> None:
    one = group[place]
    await freed(platform, one)
    assert one.person not in await kinds(platform)
    await as_owner(platform.database, OWNER[kind], one.person)
    assert kind in (await kinds(platform))[one.person]
    now = clock.now() + timedelta(seconds=1)
    told = [e for e in await platform.access.notices(one.caller, now) if e.detail.get("event") == "changed-outside"]
    assert len(told) == 1
    board = await platform.access.privacy.board(
        Caller(kind="operator", agent_id="officer", rights=frozenset({"privacy"})), clock.now()
    )
    assert "unlogged" in {alarm.kind for alarm in board.alarms}


async def test_taking_the_line_away_as_well_is_found_by_the_log(platform: Platform, group: list[Depositor]) -> None:
    log = platform.access.log
    await finished(platform)
    await log.seal(clock.now())
    assert (await proof.check(platform.database, log.verifier)).whole
    wiped = "delete from audit.event where person_id = $1 and detail like '%suspend%'"
    await as_owner(platform.database, wiped, group[7].person)
    found = await proof.check(platform.database, log.verifier)
    assert {problem.kind for problem in found.problems} == {"line-missing"}
    assert "unlogged" in (await kinds(platform))[group[7].person]
    known = {one.code for one in await directory.operators(platform.database)}
    invented = {"op-1", "op-2", "ghost-1", "ghost-2"}
    assert known == {"inside", *invented}, "nobody else was put on the register for any of this"

"""The code is scanned: who is this, and the visit it opens. Also the emergency ways, when there is no code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yima import audit, consent, directory, mpi
from yima.access.context import Context
from yima.access.decision import Asking, check_table, event_of, open_visit, open_visit_within
from yima.access.telling import check_telling
from yima.directory import CODE_SCOPE, Caller
from yima.healthcode import Accepted, RefusedScan
from yima.runtime import logs
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault


@dataclass(frozen=True, slots=True)
class Scan:
    """An accepted code. `assurance` `static` identifies only, `dynamic` opens the record for the visit."""

    visit: str
    person: PersonId
    identity: mpi.Identity
    assurance: str
    expires: datetime


async def scan(  # noqa: PLR0913  the words of a scan, each said by its name
    cx: Context, caller: Caller, text: str, *, terminal: str, step: str, purpose: str, now: datetime,
    channel: str | None = None, scene: str | None = None,
) -> Scan:  # fmt: skip
    """Verify a scanned text at a terminal of the caller's institution; the scan is on the resident's log.

    Refusals: those of `healthcode.Verifier.verify`, `scope-insufficient` for callers without an institution,
    `terminal-unknown` for a terminal's token that names another terminal than itself, `purpose-not-allowed` for one
    that this role may not scan for, or an app is not registered for.
    """
    check_telling()
    if not (caller.kind in ("app", "practitioner") or caller.holds(CODE_SCOPE)) or not caller.institution:
        raise Refusal("scope-insufficient", expected="an institution's app or staff, or a terminal with its own token")
    if caller.kind == "terminal" and terminal != caller.terminal:
        raise Refusal("terminal-unknown", field="terminal")
    if purpose in consent.PURPOSES:  # other words are refused after the code was read, so that its holder hears of it
        check_table(caller, "Patient", "scan", purpose)
    practitioner = int(caller.agent_id) if caller.kind == "practitioner" else None
    accepted = await cx.verifier.verify(
        text,
        institution=caller.institution,
        terminal=terminal,
        step=step,
        purpose=purpose,
        practitioner=practitioner,
        now=now,
        channel=channel,
        scene=scene,
        about=(caller, logs.request_id.get()),
    )
    identity: mpi.Identity | None = accepted.also
    if identity is None:
        raise Refusal("code-cancelled")
    return Scan(accepted.visit, accepted.person, identity, accepted.assurance, accepted.expires)


async def accepted_scans(vault: Vault, c: Connection, accepted: Sequence[Accepted]) -> list[mpi.Identity | None]:
    """In the transaction that uses up the codes of a batch: a line on each holder's log, and who the holders are."""
    await audit.append(c, [_accepted(one) for one in accepted])
    found = await mpi.identities(c, vault, {one.redeemed.person for one in accepted})
    return [found.get(one.redeemed.person) for one in accepted]


def _accepted(one: Accepted) -> audit.Event:
    scan, (caller, request_id) = one.scan, one.about
    return audit.Event(
        person=one.redeemed.person,
        recorded=scan.started,
        action="scan",
        outcome="ok",
        purpose=scan.purpose,
        basis=scan.assurance,
        agent=caller.kind,
        institution=caller.institution,
        institution_name=caller.institution_zh,
        agent_id=caller.agent_id,
        agent_name=caller.name_zh,
        department=caller.department,
        visit=one.redeemed.visit,
        detail={"terminal": scan.terminal, "step": scan.step, "assurance": scan.assurance},
        request_id=request_id,
    )


async def refused_scan(cx: Context, refused: RefusedScan) -> None:
    """A refused code goes on the holder's log where the code was authentic: the holder sees that somebody tried, and
    where.

    Purpose, terminal and step are words of the sender: only those of the closed lists, or short printable ones, are
    kept.
    """
    if refused.person is None:
        return
    place = await directory.institution(cx.database, refused.institution)
    caller = Caller(
        kind="system", agent_id="scan", institution=refused.institution, institution_zh=place.name_zh if place else "",
        institution_en=place.name_en if place else "",
    )  # fmt: skip
    purpose = refused.purpose if refused.purpose in consent.PURPOSES else ""
    asking = Asking(caller=caller, now=refused.at, purpose=purpose)
    detail = {"terminal": _word(refused.terminal), "step": _word(refused.step)}
    await cx.appender.append(event_of(asking, refused.person, "scan", "denied", refused.code, detail))


def _word(text: str) -> str:
    return text if text.isprintable() and len(text) <= 64 else ""


async def find_person(cx: Context, caller: Caller, *, system: str, value: str, now: datetime) -> mpi.Identity:
    """Who holds this document: for emergencies, by staff only. The look-up is on that person's log.

    Refusals: `scope-insufficient`, `role-not-permitted`, `not-found`.
    """
    check_telling()
    if caller.kind != "practitioner":
        raise Refusal("scope-insufficient", expected="staff of an institution")
    check_table(caller, "Patient", "identify", "emergency-treatment")
    person = await mpi.person_of_document(cx.database, cx.vault, system, value)
    if person is None:
        raise Refusal("not-found", field="value")
    asking = Asking(caller=caller, now=now, purpose="emergency-treatment")
    await cx.appender.append(event_of(asking, person, "resolve", "ok", "document", {}))
    identity = await cx.identities.submit(person)
    if identity is None:
        raise Refusal("not-found", field="value")
    return identity


async def scanned_person(cx: Context, caller: Caller, handle: str, now: datetime) -> PersonId:
    """The person whose phone code opened this visit at the caller's institution. A printed code may be anybody's copy.

    Refusals: `visit-needed`, `visit-expired`, `code-assurance-too-low`.
    """
    return _scanned(await open_visit(cx, handle, now), caller)


async def scanned_person_within(cx: Context, c: Connection, caller: Caller, handle: str, now: datetime) -> PersonId:
    """The same in a transaction. Refusals as `scanned_person`."""
    return _scanned(await open_visit_within(cx, c, handle, now), caller)


def _scanned(visit: consent.Visit, caller: Caller) -> PersonId:
    if visit.institution != caller.institution:
        raise Refusal("visit-needed", field="Yima-Visit")
    if visit.assurance != "dynamic":
        raise Refusal("code-assurance-too-low", field="Yima-Visit")
    return visit.person


async def person_of_visit(cx: Context, caller: Caller, handle: str, now: datetime) -> PersonId:
    """The person of a visit or emergency access at the caller's own institution; Refusal `visit-needed` otherwise."""
    visit = await open_visit(cx, handle, now)
    if visit.institution != caller.institution:
        raise Refusal("visit-needed")
    return visit.person

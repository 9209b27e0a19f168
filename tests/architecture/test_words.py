"""Every column of text in a room that knows persons says what stands in it: no new one holds words by oversight."""

from __future__ import annotations

from yima.runtime.database import Database

ROOMS = ("audit", "authentication", "consent", "exchange", "healthcode", "mpi", "oversight", "records", "runtime")
"""Those with rows about persons. `directory`, `packages`, `terminology` are registers of institutions and of words."""
CODES = """
audit.event: action agent basis outcome purpose
audit.tally: action outcome
authentication.account: kind
authentication.happening: kind what
authentication.invitation: kind
authentication.provider: kind levels status
authentication.session: kind method
consent.emergency: ground
consent.emergency_widened: ground
consent.mandate: evidence kind scopes
consent.removal: legal_basis
consent.standing: agent class purpose wording
exchange.export: legal_basis types
exchange.refused: code field
healthcode.authority: algorithm level
healthcode.card: kind profile status
healthcode.card_event: became event legal_basis was
healthcode.card_move: became event was
healthcode.card_use: channel cost_types scene step visit_type
healthcode.counter: status
healthcode.issuance: assurance kind proofing
healthcode.kiosk_session: purpose scene state step
healthcode.national_card: document_type system
healthcode.revocation: reason
healthcode.share: state
healthcode.signer: algorithm use
healthcode.signer_event: act
healthcode.suspension: legal_basis
healthcode.trust_list: algorithm
healthcode.use_day: channel step
healthcode.visit: assurance channel purpose scene step
mpi.coverage: area sex
mpi.decision: evidence kind model rule
mpi.event: kind
mpi.former: sex
mpi.identifier: kind system
mpi.link: rule
mpi.person: sex
mpi.population_entry: status
mpi.proposal: why
mpi.review: found reason state
oversight.alarm: decision follows kind
oversight.finding: bases follows state why
oversight.glass: state
oversight.mark: name
oversight.marked: kind
oversight.objection: decision follows
oversight.stop: cause
records.chosen: type
records.erasure: legal_basis type
records.history: class type
records.resource: class type
runtime.job: kind state
"""
"""Of a closed list, or made by the platform from one."""
NUMBERS = """
audit.answered: ids
audit.event: event_id request_id submission visit
audit.leaf: event_id
authentication.account: password subject
authentication.happening: subject
authentication.invitation: subject
authentication.phone_code: challenge subjects
authentication.proofed_phone: subject
authentication.provider: client_id provider_id
authentication.provider_subject: provider_id
authentication.session: provider session_id subject
authentication.trip: provider_id
consent.acting: mandate_id
consent.emergency: handle
consent.emergency_closed: handle
consent.emergency_widened: handle
consent.mandate: mandate_id
consent.removal: removal_id
consent.standing: resource standing_id visit
exchange.export: client_id export_id
exchange.refused: client_id request_id
exchange.submission: client_id request_id submission_id
healthcode.card: number
healthcode.card_lookup: number
healthcode.card_use: key serial visit
healthcode.counter: counter_id
healthcode.kiosk_session: session visit
healthcode.queue: counter_id
healthcode.redemption: visit
healthcode.share: counter_id share_id visit
healthcode.suspension: suspension_id
healthcode.use_key: key
healthcode.visit: visit
mpi.event: patient_id
mpi.identifier: patient_id
mpi.link: patient_id
oversight.alarm: line
oversight.finding: line visits
oversight.glass: handle
oversight.objection: line objection
oversight.told: about
records.chosen: id
records.erasure: erasure id
records.history: id submission
records.resource: id patient submission
runtime.job: key
"""
"""Made by the platform, or by an institution's program for its own things: they name nobody to who has only them."""
REGISTER = """
audit.cosignature: line witness
audit.event: agent_id agent_name department institution_name terminal
audit.head: note
audit.witness: key name
authentication.account: name
authentication.invitation: inviter name
authentication.proofed_phone: staff
authentication.provider: hosts issuer name_en name_zh
consent.emergency: terminal
consent.mandate: ended_by recorded_by
consent.removal: approver proposer undo_proposer undone_by withdrawn_by
exchange.export: first_approver first_organisation rejected_by second_approver second_organisation
healthcode.card_event: actor
healthcode.card_use: department
healthcode.counter: department location name_en name_zh prefix
healthcode.issuance: asked_by proofed_by
healthcode.kiosk_session: terminal
healthcode.redemption: terminal
healthcode.signer: reason
healthcode.signer_event: by_whom reason
healthcode.suspension: approver ended_by proposer
healthcode.trust_list: token
healthcode.visit: terminal
mpi.event: actor
mpi.proposal: decider proposer
mpi.review: decider
oversight.alarm: officer reader
oversight.finding: department officer reader
oversight.glass: asked_by officer
oversight.habit: reader
oversight.marked: actor
oversight.objection: officer
oversight.seen: reader
oversight.usual: reader
oversight.stop: decided_by lifted_by proposed_by
records.erasure: approver proposer
runtime.migration: name room
"""
"""Institutions, their staff and terminals, operators, witnesses, and what is said of keys: no resident."""
WORDS = """
audit.event: detail
consent.emergency: reason
consent.emergency_widened: reason
consent.removal: reason reference undo_reason
exchange.export: reason
healthcode.card_event: reason
healthcode.suspension: reason
mpi.event: reason
mpi.proposal: reason
oversight.alarm: reason
oversight.finding: reason
oversight.glass: answer question reason
oversight.objection: answer said
oversight.stop: proposal
records.erasure: certificate reason
"""
"""Typed by somebody: sealed (`yima.runtime.words`); of a log line's detail, its `reason`."""
BEFORE = """
mpi.household: relation
mpi.person: birth_date latin_name name
mpi.population_change: kind
mpi.population_entry: area
"""
"""Empty but for rows of before; `yima keys seal` empties them."""
OTHERS = {
    "authentication.happening.detail": "a device, a passkey's label, or who invited: kept for ninety days",
    "authentication.passkey.label": "what its holder calls a passkey: stands readable, as docs/security.md says",
    "authentication.session.device": "browser and system, in the platform's words",
    "exchange.export.failure": "the code of a refusal",
    "exchange.export.sizes": "counts by type",
    "runtime.job.error": "the name of an error, without what it was about",
    "runtime.job.payload": "what a job is for: ids and codes; content of notices is made when they leave",
}
"""Each with what it is."""
KINDS = (CODES, NUMBERS, REGISTER, WORDS, BEFORE)
_TEXT = """
select n.nspname || '.' || c.relname || '.' || a.attname as name
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped and n.nspname = any($1)
  and a.atttypid = any(array['text', 'text[]', 'character varying', 'bpchar', 'json', 'jsonb', 'xml']::regtype[])
"""


def declared(kind: str) -> list[str]:
    """The columns of one kind."""
    lines = [line.partition(": ") for line in kind.strip().splitlines()]
    return [f"{table}.{column}" for table, _, columns in lines for column in columns.split()]


async def test_every_column_of_text_says_what_stands_in_it(db: Database) -> None:
    there = {row["name"] for row in await db.fetch(_TEXT, list(ROOMS))}
    said = [column for kind in KINDS for column in declared(kind)] + list(OTHERS)
    assert sorted(there - set(said)) == [], "say what stands there; words that somebody types are sealed (WORDS)"
    assert sorted(set(said) - there) == []
    assert len(said) == len(set(said)), "each once"


async def test_words_can_be_sealed_where_they_were_stored_before(db: Database) -> None:
    views = {row["name"] for row in await db.fetch(
        "select schemaname as name from pg_views where viewname = 'readable_words'"
    )}  # fmt: skip
    never_readable = ("audit.event", "consent.removal")
    kept = [column.split(".", 1) for column in declared(WORDS) if not column.startswith(never_readable)]
    assert views == {room for room, _ in kept}
    for room in views:
        text = await db.fetchrow("select pg_get_viewdef($1::regclass) as text", f"{room}.readable_words")
        for field in (field for where, field in kept if where == room):
            assert f"'{field}'" in text["text"], f"{room}.{field}"

"""The life cycle of a card as one table: (state, event) -> the state it leads to, or the refusal. Pure.

Events that change nothing (a second report of loss, a bulk list that names somebody with a card) lead to the state they
came from. `docs/healthcode/life-cycle.md` draws this table and is made from it; the database holds a copy of the moves
(`healthcode.card_move`) and carries out no other. National equivalents of the states: design note healthcode, 6.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from yima.runtime.errors import Refusal

State = Literal[
    "none", "applied", "pre-issued", "active", "suspended", "lost", "merged", "cancelled", "deceased"
]  # fmt: skip
Event = Literal[
    "apply", "pre-issue", "issue", "activate", "suspend", "end-suspension", "report-lost", "report-found", "reissue",
    "cancel", "restore", "formalise", "report-death", "undo-death", "merge", "unmerge",
]  # fmt: skip
Kind = Literal["formal", "temporary"]
"""Temporary: of a newborn without a document, or of somebody nobody can identify yet."""

STATES: Final[tuple[State, ...]] = get_args(State)
EVENTS: Final[tuple[Event, ...]] = get_args(Event)


@dataclass(frozen=True, slots=True)
class Refused:
    """The event is not possible in this state; `code` is a key of the error catalogue."""

    code: str


@dataclass(frozen=True, slots=True)
class Before:
    """Back to the state the card was in before the event that is undone."""


Step = State | Refused | Before

_NO_CARD: Final = Refused("card-not-found")
_STATE: Final = Refused("card-state")
_SUSPENDED: Final = Refused("card-suspended")
_DECEASED: Final = Refused("card-deceased")
_NOTHING: Final[tuple[Event, ...]] = ("apply", "pre-issue", "issue", "merge", "unmerge")
"""What is harmless to repeat: it gives back the card as it is."""


def _row(state: State, otherwise: Refused, **moves: Step) -> dict[Event, Step]:
    """A line of the table: what is not named is refused `otherwise`; names of events with _ for -."""
    named = {event: moves.pop(event.replace("-", "_")) for event in EVENTS if event.replace("-", "_") in moves}
    if moves:
        raise ValueError(f"no such event: {sorted(moves)}")
    return {event: named.get(event, state if event in _NOTHING else otherwise) for event in EVENTS}


TABLE: Final[dict[State, dict[Event, Step]]] = {
    "none": _row("none", _NO_CARD, apply="applied", pre_issue="pre-issued", issue="active"),
    "applied": _row(
        "applied", _STATE, activate="active", cancel="cancelled", formalise="applied", report_death="deceased"
    ),
    "pre-issued": _row(
        "pre-issued", _STATE, activate="active", cancel="cancelled", formalise="pre-issued", report_death="deceased"
    ),
    "active": _row(
        "active", _STATE, activate="active", suspend="suspended", report_lost="lost", report_found="active",
        reissue="active", cancel="cancelled", formalise="active", report_death="deceased", merge="merged",
    ),
    # Nobody escapes a suspension by losing, cancelling or replacing the card: only its end, or two people, end it.
    "suspended": _row(
        "suspended", _SUSPENDED, end_suspension="active", formalise="suspended", report_death="deceased"
    ),
    "lost": _row(
        "lost", _STATE, report_lost="lost", report_found="active", reissue="active", cancel="cancelled",
        formalise="lost", report_death="deceased",
    ),
    # Its codes lead to the survivor, whose own card says whether they stand.
    "merged": _row("merged", _STATE, formalise="merged", unmerge="active"),
    # A bulk list or a late submission never revives a card: only who asks for it again, by `restore`.
    "cancelled": _row(
        "cancelled", _STATE, apply=_STATE, cancel="cancelled", restore="active", report_death="deceased"
    ),
    "deceased": _row("deceased", _DECEASED, apply=_DECEASED, report_death="deceased", undo_death=Before()),
}  # fmt: skip
"""The whole life cycle; a test walks its full product, another the database."""

STANDS: Final[frozenset[State]] = frozenset({"active"})
"""States in which a card's codes are accepted (`merged`: where the survivor's are)."""
REVOKES: Final[frozenset[Event]] = frozenset({"report-lost", "reissue", "cancel", "report-death"})
"""Events that end the person's offline credentials for good. Suspension does not: a revocation cannot be taken back,
and an emergency card must stay readable (docs/decisions/0016-standing-and-generation.md)."""
ENDS_VISITS: Final[frozenset[Event]] = frozenset({"suspend", "report-lost", "reissue", "cancel"})
"""Events that end what was opened with the card, at once: whoever opened it may not have been the holder. A death does
not: who cared for the person writes down what happened."""
NEW_GENERATION: Final[frozenset[Event]] = frozenset({"report-found", "reissue", "restore"})
"""Events after which codes kept on any phone before are dead, though the card stands again."""


def next_state(state: State, event: Event, before: State | None = None) -> State:
    """The state after an event; the same state when the event changes nothing.

    `before`: the state in which the event that is undone found the card, for `undo-death`.
    Refusals: `card-not-found`, `card-state`, `card-suspended`, `card-deceased`.
    """
    step = TABLE[state][event]
    if isinstance(step, Before):
        if before is None:
            raise ValueError("undoing needs the state before")
        return before
    if isinstance(step, Refused):
        raise Refusal(step.code, state=state, event=event)
    return step


def moves() -> Iterator[tuple[Event, State, State]]:
    """Every (event, from, to) that changes a card or is written down, as the database holds them."""
    living: tuple[State, ...] = tuple(state for state in STATES if TABLE[state]["report-death"] == "deceased")
    for state in STATES:
        for event in EVENTS:
            step = TABLE[state][event]
            if isinstance(step, Before):
                yield from ((event, state, back) for back in living if back != state)
            elif not isinstance(step, Refused) and (step != state or event in ("formalise", "reissue")):
                yield event, state, step

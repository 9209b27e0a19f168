"""The decision: an exhaustive table of who asks, with which visit, for what purpose, after what the resident said."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.consent import CLASSES, PURPOSES, Ask, Decision, Standing, Visit, decide
from yima.directory import Caller
from yima.runtime.errors import KINDS

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(seconds=1)
PERSON, HERE, ELSEWHERE = 42, 7, 8
ALL = frozenset(CLASSES)

CALLERS = {
    "app": Caller(kind="app", agent_id="his", institution=HERE, institution_code="H7"),
    "practitioner": Caller(kind="practitioner", agent_id="1", institution=HERE, role="attending-physician"),
    "resident": Caller(kind="resident", agent_id="r", person=PERSON),
    "another resident": Caller(kind="resident", agent_id="o", person=PERSON + 1),
    "nobody's resident": Caller(kind="resident", agent_id="n"),
    "operator": Caller(kind="operator", agent_id="operator"),
    "operator with an institution": Caller(kind="operator", agent_id="operator", institution=HERE),
    "system": Caller(kind="system", agent_id="scan", institution=HERE),
    "app of nobody": Caller(kind="app", agent_id="x"),
    "practitioner of nobody": Caller(kind="practitioner", agent_id="x"),
}
VISITS = {
    "none": None,
    "dynamic": Visit(PERSON, HERE, "dynamic", LATER),
    "static": Visit(PERSON, HERE, "static", LATER),
    "break-glass": Visit(PERSON, HERE, "break-glass", LATER, "emergency-treatment"),
    "of another assurance": Visit(PERSON, HERE, "guessed", LATER),
    "ended": Visit(PERSON, HERE, "dynamic", NOW),
    "ended break-glass": Visit(PERSON, HERE, "break-glass", EARLIER, "emergency-treatment"),
    "of another person": Visit(PERSON + 1, HERE, "dynamic", LATER),
    "elsewhere": Visit(PERSON, ELSEWHERE, "dynamic", LATER),
    "break-glass elsewhere": Visit(PERSON, ELSEWHERE, "break-glass", LATER, "emergency-treatment"),
    "for payment": Visit(PERSON, HERE, "dynamic", LATER, "payment"),
}
STANDINGS: dict[str, tuple[Standing, ...]] = {
    "nothing said": (),
    "no to all": (Standing("all", 0, False),),
    "no to all, yes here": (Standing("all", 0, False), Standing("all", HERE, True)),
    "yes to all, no here": (Standing("all", HERE, False), Standing("all", 0, True)),
    "no to another institution": (Standing("all", ELSEWHERE, False),),
    "a no that has ended": (Standing("all", 0, False, NOW),),
    "a no that ends later": (Standing("all", 0, False, LATER),),
    "yes to one class": (Standing("psychiatric", 0, True),),
    "yes to one class, no here": (Standing("psychiatric", 0, True), Standing("psychiatric", HERE, False)),
    "yes to all classes": tuple(Standing(cls, 0, True) for cls in CLASSES),
    "a yes that has ended": (Standing("hiv", HERE, True, EARLIER),),
    "two minds": (Standing("hiv", HERE, True), Standing("hiv", HERE, False)),
}
OPENED = {
    "yes to one class": {"psychiatric"},
    "yes to all classes": ALL,
}
CARE = ("treatment", "emergency-treatment")
REFUSES_ALL = {"no to all", "yes to all, no here", "a no that ends later"}


def expected(caller: str, visit: str, purpose: str, standing: str) -> tuple[str, str]:
    """(basis, refusal) as a clerk would read them off the policy; everything not named is denied."""
    opened = VISITS[visit]
    purpose = purpose or (opened.purpose if opened else "")
    if purpose not in PURPOSES:
        return "none", "purpose-not-allowed"
    if caller == "resident":
        return ("own-record", "") if purpose == "own-request" else ("none", "purpose-not-allowed")
    if caller in ("another resident", "nobody's resident"):
        return "none", "not-found" if purpose == "own-request" else "purpose-not-allowed"
    if caller not in ("app", "practitioner"):
        return "none", "not-found"
    if visit != "none":
        return expected_in_visit(visit, purpose, standing)
    if caller == "practitioner":
        return "none", "visit-needed"
    return ("own-submission", "") if purpose in CARE else ("none", "purpose-not-allowed")


def expected_in_visit(visit: str, purpose: str, standing: str) -> tuple[str, str]:
    """The same for an institution's people and programs that came with a visit."""
    opened = VISITS[visit]
    if visit in ("of another person", "elsewhere", "break-glass elsewhere"):
        return "none", "visit-needed"
    if visit in ("ended", "ended break-glass"):
        return "none", "visit-expired"
    if opened and purpose != opened.purpose:
        return "none", "purpose-not-of-visit"
    if purpose not in CARE:
        return "none", "purpose-not-allowed"
    if visit == "break-glass":
        return "break-glass", ""
    if visit in ("static", "of another assurance"):
        return "none", "code-assurance-too-low"
    return ("none", "consent-denied") if standing in REFUSES_ALL else ("visit", "")


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("purpose", [*PURPOSES, "gate", ""])
def test_the_whole_table(caller: str, purpose: str) -> None:
    for visit, standing in itertools.product(VISITS, STANDINGS):
        found = decide(Ask(CALLERS[caller], PERSON, purpose, VISITS[visit]), STANDINGS[standing], NOW)
        assert (found.basis, found.refusal) == expected(caller, visit, purpose, standing), (visit, standing)
        assert found.permit == (found.refusal == "")
        assert found.reasons, "every answer says why"
        _check_what_is_open(found, standing)


def _check_what_is_open(found: Decision, standing: str) -> None:
    if not found.permit:
        assert (found.closed, found.only_institution, found.author) == (frozenset(), None, 0)
        return
    closed = {
        "own-record": frozenset(),
        "own-submission": frozenset(),
        "break-glass": ALL,
        "visit": ALL - OPENED.get(standing, frozenset()),
    }[found.basis]
    assert found.closed == closed
    assert found.only_institution == (HERE if found.basis == "own-submission" else None)
    assert found.author == (HERE if found.basis in ("visit", "break-glass") else 0), "its own rows stay open to a place"
    named = {step.about for step in found.reasons if step.code == "class-closed"}
    assert named == closed, "what is withheld is named"


CHAINS = [
    (
        "practitioner",
        "dynamic",
        "yes to one class",
        ["code-scanned-here", "purpose", "role", "types-of-role", "resident-opened", "class-closed", "class-closed"],
    ),
    (
        "practitioner",
        "break-glass",
        "no to all",
        ["break-glass", "role", "types-of-role", "class-closed", "class-closed", "class-closed"],
    ),
    ("practitioner", "dynamic", "no to all", ["resident-said-no"]),
    ("practitioner", "static", "nothing said", ["printed-code-identifies-only"]),
    ("practitioner", "none", "nothing said", ["no-visit"]),
    ("practitioner", "elsewhere", "nothing said", ["visit-is-for-another"]),
    ("app", "none", "no to all", ["own-submission", "role"]),
    ("app", "for payment", "nothing said", ["purpose-not-registered"]),
    ("practitioner", "for payment", "nothing said", ["role", "purpose-is-not-care"]),
    ("another resident", "none", "nothing said", ["role", "purpose-not-of-role"]),
    ("operator", "dynamic", "nothing said", ["no-care-role"]),
]


@pytest.mark.parametrize(("caller", "visit", "standing", "chain"), CHAINS)
def test_the_chain_of_reasons(caller: str, visit: str, standing: str, chain: list[str]) -> None:
    asked = "" if VISITS[visit] else "treatment"
    found = decide(Ask(CALLERS[caller], PERSON, asked, VISITS[visit]), STANDINGS[standing], NOW)
    assert [step.code for step in found.reasons] == chain


def test_every_refusal_is_in_the_catalogue() -> None:
    asks = itertools.product(CALLERS.values(), [*PURPOSES, "gate"], VISITS.values(), STANDINGS.values())
    refusals = {decide(Ask(c, PERSON, p, v), s, NOW).refusal for c, p, v, s in asks}
    assert refusals - {""} <= KINDS.keys()
    assert "consent-denied" in refusals


STANDING = st.builds(
    Standing,
    st.sampled_from(["all", *CLASSES]),
    st.sampled_from([0, HERE, ELSEWHERE]),
    st.booleans(),
    st.sampled_from([None, EARLIER, NOW, LATER]),
)


@given(st.lists(STANDING, max_size=8), st.randoms())
def test_the_order_of_decisions_and_ended_ones_make_no_difference(said: list[Standing], rng: object) -> None:
    ask = Ask(CALLERS["practitioner"], PERSON, "treatment", VISITS["dynamic"])
    answer = decide(ask, said, NOW)
    mixed = list(said)
    rng.shuffle(mixed)  # type: ignore[attr-defined]  # Hypothesis' random.Random
    assert decide(ask, mixed, NOW) == answer
    assert decide(ask, [s for s in said if s.ends is None or s.ends > NOW], NOW) == answer
    assert decide(ask, [s for s in said if s.institution != ELSEWHERE], NOW) == answer


@given(st.lists(STANDING, max_size=6), st.sampled_from(["all", *CLASSES]))
def test_one_more_no_never_opens_anything(said: list[Standing], cls: str) -> None:
    ask = Ask(CALLERS["practitioner"], PERSON, "treatment", VISITS["dynamic"])
    before, after = decide(ask, said, NOW), decide(ask, [*said, Standing(cls, HERE, False)], NOW)
    assert after.permit <= before.permit
    if after.permit:
        assert after.closed >= before.closed

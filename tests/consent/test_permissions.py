"""The table of permissions, every cell of it, against the sentences of the law (`support.law`)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from support import law, report
from yima import fhir
from yima.consent import (
    CLASS_OF,
    CLASSES,
    OPERATIONS,
    PERMITS,
    PURPOSES,
    RESOURCE_CLASSES,
    ROLES,
    WORK,
    Ask,
    Standing,
    Step,
    Visit,
    decide,
    may_work,
    permitted,
    reach,
    rights_for,
    role_of,
    roles_of,
)
from yima.directory import APP_RIGHTS, CODE_SCOPE, KIOSK_SCOPE, OPERATOR_RIGHTS, STAFF_ROLES, Caller

ASKED = (*PURPOSES, "", "marketing")
LOOKS = ("read", "history", "search", "record", "everything", "summary")


def test_every_cell_is_as_the_law_has_it() -> None:
    wrong, allowed = [], 0
    cells = list(itertools.product(ROLES, OPERATIONS, RESOURCE_CLASSES, ASKED))
    for cell in cells:
        allowed += permitted(*cell)
        if permitted(*cell) is not law.allows(*cell):
            wrong.append(cell)
    assert wrong == []
    report("permission_matrix", {"cells": len(cells), "permitted": allowed, "rows": len(PERMITS)})
    assert len(cells) > 60_000


def test_the_classes_and_levels_are_those_of_the_law() -> None:
    assert {cls: row.level for cls, row in RESOURCE_CLASSES.items()} == {
        cls: level for level, classes in law.LEVELS.items() for cls in classes
    }
    assert {cls for cls, row in RESOURCE_CLASSES.items() if row.level == 5} == set(CLASSES)


def test_every_type_of_r4_is_in_exactly_one_class() -> None:
    held = [name for row in RESOURCE_CLASSES.values() for name in row.types]
    assert sorted(held) == sorted(fhir.TYPES)
    assert set(CLASS_OF) == set(fhir.TYPES)


def test_what_lies_in_a_persons_record_is_of_level_four_at_least() -> None:
    low = {name for name in {"Patient", *fhir.COMPARTMENT_TYPES} if RESOURCE_CLASSES[CLASS_OF[name]].level < 4}
    assert low == set()


@pytest.mark.parametrize("word", ["", "nobody", "attending physician", "ATTENDING-PHYSICIAN", "*"])
def test_an_unknown_word_is_in_no_row(word: str) -> None:
    assert not any(permitted(word, o, c, p) for o, c, p in itertools.product(OPERATIONS, RESOURCE_CLASSES, PURPOSES))
    assert not any(permitted(r, word, c, p) for r, c, p in itertools.product(ROLES, RESOURCE_CLASSES, PURPOSES))
    assert not any(permitted(r, o, word, p) for r, o, p in itertools.product(ROLES, OPERATIONS, PURPOSES))
    assert reach(word, "read", "treatment") is None


def test_rows_name_only_what_there_is() -> None:
    for row in PERMITS:
        assert set(row.roles) <= set(ROLES)
        assert set(row.operations) <= set(OPERATIONS)
        assert set(row.classes) <= set(RESOURCE_CLASSES)
        assert set(row.purposes) <= {*PURPOSES, ""}
    used = {role for row in PERMITS for role in row.roles}
    assert set(ROLES) == used
    assert not any(permitted("platform", *cell) for cell in itertools.product(LOOKS, RESOURCE_CLASSES, ASKED))
    assert {operation for row in PERMITS for operation in row.operations} == set(OPERATIONS)


def test_what_is_worked_out_beforehand_is_what_the_rows_say() -> None:
    for role, operation, purpose in itertools.product(ROLES, LOOKS, PURPOSES):
        held = reach(role, operation, purpose)
        for name in fhir.TYPES:
            assert bool(held and held.holds(name)) is law.allows(role, operation, CLASS_OF[name], purpose), (role, name)
        five = all(law.allows(role, operation, cls, purpose) for cls in CLASSES)
        assert bool(held and held.level_five) is five


CALLERS = [
    (Caller(kind="app", agent_id="x", institution=1), ("institution-system",)),
    (Caller(kind="app", agent_id="x", institution=1, matching="off"), ("sandbox",)),
    (
        Caller(kind="app", agent_id="x", institution=1, rights=frozenset(APP_RIGHTS)),
        ("institution-system", "auditor", "demographics"),
    ),
    *[(Caller(kind="practitioner", agent_id="1", institution=1, role=role), (role,)) for role in STAFF_ROLES],
    (Caller(kind="practitioner", agent_id="1", institution=1), ("physician",)),
    (Caller(kind="resident", agent_id="r", person=1), ("resident",)),
    (Caller(kind="resident", agent_id="r", person=1, app="a"), ("residents-app",)),
    (Caller(kind="terminal", agent_id="t", scopes=frozenset({CODE_SCOPE})), ("terminal",)),
    (Caller(kind="terminal", agent_id="t", scopes=frozenset({KIOSK_SCOPE})), ("kiosk",)),
    (Caller(kind="operator", agent_id="o"), ("operator",)),
    (Caller(kind="system", agent_id="s"), ("platform",)),
]


@pytest.mark.parametrize(("caller", "roles"), CALLERS)
def test_whose_role_is_which(caller: Caller, roles: tuple[str, ...]) -> None:
    assert (role_of(caller), roles_of(caller)) == (roles[0], roles)


def test_work_that_opens_no_record_is_asked_of_the_rows() -> None:
    """Each caller, alone and with each right: what the law has for one of their roles, and nothing else."""
    rights = [Caller(kind="operator", agent_id="o", rights=frozenset({right})) for right in OPERATOR_RIGHTS]
    for caller, operation in itertools.product([caller for caller, _ in CALLERS] + rights, WORK):
        lawful = any(law.allows(role, operation, WORK[operation], "") for role in roles_of(caller))
        assert may_work(caller, operation) is lawful, (caller, operation)
    assert {operation: rights_for(operation) for operation in WORK if operation != "figures"} == {
        "suspend": ("suspend",), "merge": ("steward",), "bulk": (), "erase": ("erase",), "review": ("privacy",),
        "mark": ("privacy",), "export": ("export",), "accounts": ("accounts",), "operators": (), "own-stops": (),
    }  # fmt: skip


def test_every_right_of_the_operators_people_is_a_role() -> None:
    for right in OPERATOR_RIGHTS:
        roles = roles_of(Caller(kind="operator", agent_id="o", rights=frozenset({right})))
        assert len(roles) == 2
        assert set(roles) <= set(ROLES)


# --- on top of the table: the decision about one person --------------------------------------------------------------

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PERSON, HERE, OTHER = 42, 7, 8
LABELS = ("", "psychiatric")
REGISTERED = frozenset({"treatment", "emergency-treatment", "payment"})
READERS = {
    "institution-system": Caller(kind="app", agent_id="x", institution=HERE, purposes=REGISTERED),
    **{r: Caller(kind="practitioner", agent_id="1", institution=HERE, role=r) for r in STAFF_ROLES},
    "resident": Caller(kind="resident", agent_id="r", person=PERSON),
    "operator": Caller(kind="operator", agent_id="o", institution=HERE, rights=frozenset(OPERATOR_RIGHTS)),
    "platform": Caller(kind="system", agent_id="s", institution=HERE),
}
VISITS = {
    "no visit": None,
    "treatment": Visit(PERSON, HERE, "dynamic", NOW + timedelta(hours=1), "treatment"),
    "emergency-treatment": Visit(PERSON, HERE, "dynamic", NOW + timedelta(hours=1), "emergency-treatment"),
    "payment": Visit(PERSON, HERE, "dynamic", NOW + timedelta(hours=1), "payment"),
    "public-health": Visit(PERSON, HERE, "dynamic", NOW + timedelta(hours=1), "public-health"),
    "break-glass": Visit(PERSON, HERE, "break-glass", NOW + timedelta(hours=1), "emergency-treatment"),
}
OPENED = {"closed": [], "opened": [Standing("psychiatric", 0, permit=True)]}


def _may_see(  # noqa: PLR0917  a cell, dimension by dimension
    role: str, looks: str, purpose: str, visit: str, opened: str, cls: str, label: str, own: bool
) -> bool:
    """Whether a row of this class, with this label, written here or elsewhere, may be seen; said without the code."""
    if role in ("operator", "platform"):
        return False
    if role == "resident":
        return purpose == "own-request" and law.allows(role, looks, cls, purpose)
    if visit == "no visit":
        real = purpose
        if role != "institution-system" or not own:
            return False
    else:
        real = "emergency-treatment" if visit == "break-glass" else visit
        if purpose not in ("", real):
            return False
    if not law.allows(role, looks, cls, real):
        return False
    if not label:
        return True
    return law.allows(role, looks, label, real) and (own or (opened == "opened" and visit != "break-glass"))


def test_every_reader_in_every_situation() -> None:
    """Role x operation x purpose x visit x what the resident opened x class x label x author."""
    cells, seen = 0, 0
    rows = [(cls, next(iter(row.types))) for cls, row in RESOURCE_CLASSES.items() if row.types]
    for role, looks, purpose, visit, opened in itertools.product(READERS, LOOKS, (*PURPOSES, ""), VISITS, OPENED):
        if role == "resident" and visit != "no visit":
            continue
        ask = Ask(READERS[role], PERSON, purpose, VISITS[visit], operation=looks)
        found = decide(ask, OPENED[opened], NOW)
        for (cls, name), label, author in itertools.product(rows, LABELS, (HERE, OTHER)):
            visible = (
                found.permit
                and (found.only_types is None or name in found.only_types)
                and (found.only_institution in (None, author))
                and (label not in found.closed or found.author == author)
            )
            cell = (role, looks, purpose, visit, opened, cls, label, author == HERE)
            assert visible is _may_see(*cell), (cell, found)
            cells, seen = cells + 1, seen + visible
    report("decision_matrix", {"cells": cells, "visible": seen})
    assert cells > 100_000


def test_the_chain_names_the_row() -> None:
    for role in ("attending-physician", "nurse", "institution-system"):
        found = decide(Ask(READERS[role], PERSON, "", VISITS["treatment"]), [], NOW)
        assert Step("role", role) in found.reasons
        assert found.purpose == "treatment"
        assert (Step("level-five-not-of-role", role) in found.reasons) is (role == "nurse")
    refused = decide(Ask(READERS["nurse"], PERSON, "payment", VISITS["payment"]), [], NOW)
    assert refused.reasons == (Step("role", "nurse"), Step("purpose-is-not-care", "payment"))

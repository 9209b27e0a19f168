"""Who may do what, as sentences of the law and of the design note, written apart from the table they are held against.

Each sentence is a predicate over (role, operation, class, purpose); what none of them allows is forbidden. The sources:
GB/T 39725-2020, 6.3 (levels and who may see each), Personal Information Protection Law, articles 6 (no more than
needed), 28 to 31 (sensitive data, children), 44 to 47 (the person's own rights), Law on Prevention of Infectious
Diseases, article 12 (reporting), and "Promises" and "Privacy law and levels" of the design note on trust.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

Sentence = Callable[[str, str, str, str], bool]

LEVELS: Final = {
    1: {"directory", "definitions"},
    2: {"figures"},
    3: {"without-names"},
    4: {
        "identity", "visits", "billing", "alerts", "medicines", "problems", "orders", "results", "care", "documents",
        "decisions", "log",
    },
    5: {"hiv", "std", "psychiatric"},
}  # fmt: skip
_LEVEL: Final = {cls: level for level, classes in LEVELS.items() for cls in classes}
_LOOKS: Final = {"read", "history", "search", "record", "everything", "summary"}
_OWN_HANDS: Final = {"record", "summary"}
_PEOPLE_OF_THE_OPERATOR: Final = {
    "operator", "steward", "suspension-officer", "erasure-officer", "export-approver", "privacy-officer",
    "accounts-officer",
}  # fmt: skip


def level(cls: str) -> int:
    """The level of GB/T 39725 of a class."""
    return _LEVEL[cls]


def attends(role: str) -> bool:
    """主治医护人员: the staff who attend the person."""
    return role in ("attending-physician", "primary-nurse")


def treats(role: str) -> bool:
    """参与诊疗活动的医护人员: doctors and nurses who take part in care."""
    return attends(role) or role in ("physician", "nurse")


def helps(role: str) -> bool:
    """Staff who do one thing in care and see what that thing needs."""
    return role in ("pharmacist", "laboratory-technician", "imaging-technician", "registrar")


def is_staff(role: str) -> bool:
    """Whether somebody works at an institution."""
    return treats(role) or helps(role)


def is_care(purpose: str) -> bool:
    """Whether the purpose is to treat."""
    return purpose.removeprefix("emergency-") == "treatment"


def _needs(role: str, cls: str) -> bool:
    """What a helper's work needs (PIPL article 6)."""
    who = {"identity", "visits"}
    work = {
        "pharmacist": {"alerts", "medicines", "problems", "orders", "results"},
        "laboratory-technician": {"alerts", "orders", "results"},
        "imaging-technician": {"alerts", "orders", "results"},
        "registrar": set[str](),
    }
    return cls in who | work[role]


SENTENCES: Final[dict[str, Sentence]] = {
    "what is public may be seen by who works with records": lambda r, o, c, p: (
        level(c) == 1 and o in _LOOKS and ((is_staff(r) and is_care(p)) or (r == "registrar" and p == "payment"))
    ),
    "level 4: staff who take part in treatment, to treat; a bill is not treatment": lambda r, o, c, p: (
        level(c) == 4 and treats(r) and o in _LOOKS and is_care(p) and c != "billing"
    ),
    "level 5: attending staff only, to treat": lambda r, o, c, p: (
        level(c) == 5 and attends(r) and o in _LOOKS and is_care(p)
    ),
    "who does one thing sees what it needs": lambda r, o, c, p: (
        helps(r) and level(c) == 4 and o in _LOOKS and is_care(p) and _needs(r, c)
    ),
    "settling a bill needs the bill, who it is for and when they came": lambda r, o, c, p: (
        r in ("registrar", "institution-system") and p == "payment" and o in _LOOKS
        and (level(c) == 1 or c in ("identity", "visits", "billing"))
    ),
    "an emergency may be opened, and its patient looked for, by who treats": lambda r, o, c, p: (
        treats(r) and o in ("break-glass", "identify") and c == "identity" and p == "emergency-treatment"
    ),
    "a code says who somebody is, where care is given or paid for": lambda r, o, c, p: (
        o == "scan" and c == "identity"
        and ((is_staff(r) and is_care(p)) or (r == "registrar" and p == "payment")
             or (r == "institution-system" and (is_care(p) or p in ("payment", "public-health")))
             or (r in ("terminal", "kiosk") and p in (
                 "treatment", "emergency-treatment", "payment", "own-request", "public-health")))
    ),
    "an institution keeps its own records, all of them, for care": lambda r, o, c, p: (
        r in ("institution-system", "sandbox") and is_care(p) and level(c) in (1, 4, 5) and o in _LOOKS | {"write"}
    ),
    "an institution and an auditor see the log": lambda r, o, c, p: (
        r in ("institution-system", "auditor") and o == c == "log" and is_care(p)
    ),
    "a person at a counter may decide there": lambda r, o, c, p: (
        r == "institution-system" and o == "decide" and c == "decisions" and is_care(p)
    ),
    "who is this, asked by a program": lambda r, o, c, p: (
        r in ("institution-system", "sandbox", "demographics") and o == "identify" and c == "identity" and is_care(p)
    ),
    "an institution may ask for data without names, by order; two others approve": lambda r, o, c, p: (
        r == "institution-system" and o == "export" and c == "without-names" and p == "public-health"
    ),
    "an institution may ask for its own records at once": lambda r, o, c, p: (
        r == "institution-system" and o == "export" and is_care(p) and level(c) in (1, 4, 5)
    ),
    "PIPL 45: the person reads everything kept about them, with who looked": lambda r, o, c, p: (
        r in ("resident", "residents-app") and p == "own-request" and level(c) in (1, 4, 5) and o in _LOOKS | {"log"}
    ),
    "PIPL 31: a guardian acts for a child": lambda r, o, c, p: (
        r == "guardian" and p == "own-request" and level(c) in (1, 4, 5) and o in _OWN_HANDS
    ),
    "who holds a mandate sees no level 5": lambda r, o, c, p: (
        r == "agent" and p == "own-request" and level(c) in (1, 4) and o in _OWN_HANDS
    ),
    "PIPL 44: the person decides, or who acts for them": lambda r, o, c, p: (
        r in ("resident", "guardian", "agent") and o == "decide" and c == "decisions" and p == "own-request"
    ),
    "the operator's people count": lambda r, o, c, p: (
        r in _PEOPLE_OF_THE_OPERATOR | {"platform"} and o == c == "figures" and not p
    ),
    "each right of the operator's people does its one work, and opens no record": lambda r, o, c, p: (
        not p and ((r, o, c) in {
            ("steward", "merge", "identity"), ("suspension-officer", "suspend", "identity"),
            ("privacy-officer", "review", "log"), ("privacy-officer", "mark", "identity"),
            ("export-approver", "export", "without-names"),
            ("accounts-officer", "accounts", "directory"),
        } or (r == "erasure-officer" and o == "erase" and level(c) in (1, 4, 5)))
    ),
    "PIPL 52: an institution's officer hears what was stopped there, and its system does": lambda r, o, c, p: (
        r in ("protection-officer", "institution-system") and o == "own-stops" and c == "log" and not p
    ),
    "the command line keeps the register of persons and of who may sign in, and opens no record": lambda r, o, c, p: (
        r == "platform" and not p
        and (o, c) in {
            ("merge", "identity"), ("bulk", "identity"), ("mark", "identity"), ("accounts", "directory"),
            ("operators", "directory"),
        }
    ),
    "public health by order: without names, after two organisations approved": lambda r, o, c, p: (
        r == "public-health-order" and o == "export" and c == "without-names" and p == "public-health"
    ),
}  # fmt: skip


def allows(role: str, operation: str, cls: str, purpose: str) -> bool:
    """Whether some sentence allows it."""
    return any(sentence(role, operation, cls, purpose) for sentence in SENTENCES.values())

"""Who may do what: one table of role, operation, class of resource and purpose. What no row permits is denied. Pure.

The table is the outer bound: a row says that somebody in this role may ever do this. Whether it may be done to *this*
person *now* is decided on top of it (`consent.decide`): a visit, a mandate, the resident's own decisions, who wrote it.
Level 5 (`SENSITIVE`) needs both a row here and the resident's yes, or that one's own institution wrote it.

To change who may do what, change `PERMITS`, run `tools/permissions_table.py` and have the oracle of
`tests/consent/test_permissions.py` say why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yima.consent.resource_classes import CLASS_OF, NAMING, PUBLIC, RESOURCE_CLASSES, SENSITIVE, types_of
from yima.directory import KIOSK_SCOPE, PURPOSES, STAFF_ROLES, Caller

CARE: Final = ("treatment", "emergency-treatment")
EMERGENCY: Final = ("emergency-treatment",)
PAYMENT: Final = ("payment",)
OWN: Final = ("own-request",)
BY_ORDER: Final = ("public-health",)
NO_PURPOSE: Final = ""
"""Of work that opens no record: it is not among the purposes, and nothing else can be done for it."""
NO_RECORD: Final = (NO_PURPOSE,)

READING: Final = ("read", "history", "search", "record", "everything", "summary")
"""One resource or version of it, its versions, a search, the record as a page, $everything, $summary."""
OPERATIONS: Final = {
    "read": "a resource, a version of it",
    "history": "the versions of a resource",
    "search": "search, with chains, _has and includes; $lastn, $docref",
    "record": "the record as a page: home page, timeline, /record",
    "everything": "$everything",
    "summary": "$summary, the patient summary as a page",
    "log": "lines of the access log (AuditEvent)",
    "write": "create, update, patch, delete, transaction, batch, messages",
    "decide": "the resident's decisions (Consent)",
    "scan": "verify a code: who is this",
    "identify": "$match, PIXm, PDQm, finding somebody by a document",
    "break-glass": "open a record without consent, with a reason",
    "export": "ask for an $export, approve one with a second organisation, have it written",
    "figures": "counts: coverage, submissions, card use",
    "suspend": "suspend a card or take a mandate away by order, with a second person",
    "merge": "decide who is the same person",
    "bulk": "by command: the population register, bulk linkage, cards in bulk",
    "erase": "erase, with a second person",
    "review": "odd looks, alarms, break-glasses, objections",
    "mark": "mark a person as a canary or as somebody whom many know",
    "accounts": "invite staff to set up their sign-in",
    "operators": "invite the operator's people; suspend, resume and close anybody's sign-in",
    "own-stops": "see what was stopped at one's own institution, and why",
}
"""Operation -> what it is."""
WORK: Final = {
    "figures": "figures", "suspend": "identity", "merge": "identity", "bulk": "identity", "erase": "identity",
    "review": "log", "mark": "identity", "export": "without-names", "accounts": "directory", "operators": "directory",
    "own-stops": "log",
}  # fmt: skip
"""Work that opens no record -> the class it is about."""

ROLES: Final = {
    **{role.code: (role.en, role.zh) for role in STAFF_ROLES.values()},
    "institution-system": ("Institution's system", "机构信息系统"),
    "sandbox": ("Sandbox app", "沙箱应用"),
    "auditor": ("Auditor's program (right `audit`)", "审计程序"),
    "demographics": ("Program that asks who a stranger is (right `demographics`)", "身份查询程序"),
    "terminal": ("Terminal", "识读终端"),
    "kiosk": ("Kiosk", "自助机"),
    "resident": ("Resident", "居民本人"),
    "guardian": ("Guardian of a child", "监护人"),
    "agent": ("Somebody with a mandate", "受托人"),
    "residents-app": ("App that a resident uses", "居民使用的应用"),
    "operator": ("Operator, without a right", "运营人员"),
    "steward": ("Data steward (right `steward`)", "数据管理员"),
    "suspension-officer": ("Operator with the right `suspend`", "暂停经办人"),
    "erasure-officer": ("Operator with the right `erase`", "删除经办人"),
    "export-approver": ("Operator with the right `export`", "导出审批人"),
    "accounts-officer": ("Operator with the right `accounts`", "账号管理员"),
    "privacy-officer": ("Privacy officer (right `privacy`)", "隐私保护专员"),
    "public-health-order": ("Public health by order: an approved export", "依法公共卫生（经批准的导出）"),
    "platform": ("The platform's own jobs and command line", "平台自身与命令行"),
}  # fmt: skip
"""Role -> its words in English and Chinese."""


@dataclass(frozen=True, slots=True)
class Permit:
    """One row: these roles may do these operations to these classes for these purposes."""

    roles: tuple[str, ...]
    operations: tuple[str, ...]
    classes: tuple[str, ...]
    purposes: tuple[str, ...]


_ATTENDING: Final = ("attending-physician", "primary-nurse")
_WARD: Final = (*_ATTENDING, "physician", "nurse")
_TECHNICIANS: Final = ("laboratory-technician", "imaging-technician")
_CLINICAL: Final = tuple(code for code in NAMING if code != "billing")
_EVERYTHING: Final = (*PUBLIC, *NAMING, *SENSITIVE)

PERMITS: Final = (
    # Staff. Reading needs a visit, or a break-glass; nobody on a ward reads a bill.
    Permit(_WARD, READING, (*PUBLIC, *_CLINICAL), CARE),
    Permit(_ATTENDING, READING, SENSITIVE, CARE),
    Permit(_WARD, ("break-glass", "identify"), ("identity",), EMERGENCY),
    Permit(("pharmacist",), READING,
           (*PUBLIC, "identity", "visits", "alerts", "medicines", "problems", "orders", "results"), CARE),
    Permit(_TECHNICIANS, READING, (*PUBLIC, "identity", "visits", "alerts", "orders", "results"), CARE),
    Permit(("registrar",), READING, (*PUBLIC, "identity", "visits"), CARE),
    Permit(("registrar",), READING, (*PUBLIC, "identity", "visits", "billing"), PAYMENT),
    Permit((*_WARD, "pharmacist", *_TECHNICIANS, "registrar"), ("scan",), ("identity",), CARE),
    Permit(("registrar",), ("scan",), ("identity",), PAYMENT),
    Permit(("protection-officer", "institution-system"), ("own-stops",), ("log",), NO_RECORD),
    # Programs of institutions; besides, only for what each was registered (`--purpose`) and scoped.
    Permit(("institution-system", "sandbox"), (*READING, "write"), _EVERYTHING, CARE),
    Permit(("institution-system",), READING, (*PUBLIC, "identity", "visits", "billing"), PAYMENT),
    Permit(("institution-system", "auditor"), ("log",), ("log",), CARE),
    Permit(("institution-system",), ("decide",), ("decisions",), CARE),
    Permit(("institution-system", "sandbox", "demographics"), ("identify",), ("identity",), CARE),
    Permit(("institution-system",), ("scan",), ("identity",), (*CARE, *PAYMENT, *BY_ORDER)),
    Permit(("institution-system",), ("export",), _EVERYTHING, CARE),
    Permit(("institution-system",), ("export",), ("without-names",), BY_ORDER),
    Permit(("terminal", "kiosk"), ("scan",), ("identity",), PURPOSES),
    # Residents.
    Permit(("resident", "residents-app"), (*READING, "log"), _EVERYTHING, OWN),
    Permit(("guardian",), ("record", "summary"), _EVERYTHING, OWN),
    Permit(("agent",), ("record", "summary"), (*PUBLIC, *NAMING), OWN),
    Permit(("resident", "guardian", "agent"), ("decide",), ("decisions",), OWN),
    # The operator's people: no right opens a record.
    Permit(("operator", "steward", "suspension-officer", "erasure-officer", "export-approver", "privacy-officer",
            "accounts-officer", "platform"), ("figures",), ("figures",), NO_RECORD),
    Permit(("accounts-officer",), ("accounts",), ("directory",), NO_RECORD),
    Permit(("steward",), ("merge",), ("identity",), NO_RECORD),
    Permit(("suspension-officer",), ("suspend",), ("identity",), NO_RECORD),
    Permit(("erasure-officer",), ("erase",), _EVERYTHING, NO_RECORD),
    Permit(("privacy-officer",), ("review",), ("log",), NO_RECORD),
    Permit(("privacy-officer",), ("mark",), ("identity",), NO_RECORD),
    Permit(("export-approver",), ("export",), ("without-names",), NO_RECORD),
    Permit(("platform",), ("merge", "bulk", "mark"), ("identity",), NO_RECORD),
    Permit(("platform",), ("accounts", "operators"), ("directory",), NO_RECORD),
    Permit(("public-health-order",), ("export",), ("without-names",), BY_ORDER),
)  # fmt: skip

_PERMITTED: Final = frozenset(
    (role, operation, cls, purpose)
    for row in PERMITS
    for role in row.roles
    for operation in row.operations
    for cls in row.classes
    for purpose in row.purposes
)


def permitted(role: str, operation: str, cls: str, purpose: str) -> bool:
    """Whether some row of the table permits this; an unknown word is in no row."""
    return (role, operation, cls, purpose) in _PERMITTED


@dataclass(frozen=True, slots=True)
class Reach:
    """What a role may read by one operation for one purpose, worked out beforehand."""

    types: frozenset[str] | None
    """The resource types; None when it is all of them."""
    level_five: bool

    def holds(self, resource_type: str) -> bool:
        """Whether this type is among them; of what is no type of R4 (`*`), whether all are."""
        return self.types is None or resource_type in self.types


_ALL_TYPES: Final = frozenset(CLASS_OF)


def _reach_of(role: str, operation: str, purpose: str) -> Reach | None:
    held = frozenset(cls for cls in RESOURCE_CLASSES if permitted(role, operation, cls, purpose))
    types = types_of(held)
    return Reach(None if types == _ALL_TYPES else types, set(SENSITIVE) <= held) if held else None


_REACHES: Final = {
    (role, operation, purpose): made
    for role in ROLES
    for operation in (*READING, "log", "write", "decide", "identify", "scan", "break-glass")
    for purpose in PURPOSES
    if (made := _reach_of(role, operation, purpose))
}


def reach(role: str, operation: str, purpose: str) -> Reach | None:
    """What of a record may be reached at all; None for nothing."""
    return _REACHES.get((role, operation, purpose))


_MAY: Final = frozenset((role, operation) for role, operation, _, _ in _PERMITTED)


def may_for(role: str, operation: str) -> bool:
    """Whether there is any purpose for which a role may do this."""
    return (role, operation) in _MAY


_BY_KIND: Final = {"operator": "operator", "system": "platform"}
_OF_RIGHT: Final = {
    "steward": "steward", "suspend": "suspension-officer", "erase": "erasure-officer", "export": "export-approver",
    "privacy": "privacy-officer", "accounts": "accounts-officer",
}  # fmt: skip


def role_of(caller: Caller) -> str:
    """The role in which somebody asks about a record. A resident is one as far as they ask about themselves: who acts
    for another is judged by their mandate (`guardian`, `agent`)."""
    if caller.kind == "app":
        return "sandbox" if caller.sandbox else "institution-system"
    if caller.kind == "practitioner":
        return caller.role
    if caller.kind == "resident":
        return "residents-app" if caller.app else "resident"
    if caller.kind == "terminal":
        return "kiosk" if caller.holds(KIOSK_SCOPE) else "terminal"
    return _BY_KIND[caller.kind]


def roles_of(caller: Caller) -> tuple[str, ...]:
    """All roles of somebody: besides `role_of`, those that rights give."""
    if caller.kind == "operator":
        return (role_of(caller), *(_OF_RIGHT[right] for right in sorted(caller.rights & _OF_RIGHT.keys())))
    if caller.kind == "app":
        rights = {"audit": "auditor", "demographics": "demographics"}
        return (role_of(caller), *(rights[right] for right in sorted(caller.rights & rights.keys())))
    return (role_of(caller),)


def may_work(caller: Caller, operation: str) -> bool:
    """Whether a role of this caller has a row for work that opens no record (`WORK`)."""
    return any(permitted(role, operation, WORK[operation], NO_PURPOSE) for role in roles_of(caller))


def rights_for(operation: str) -> tuple[str, ...]:
    """The rights of the operator's people any of which suffices for this work; none for that of the command line."""
    return tuple(right for right, role in _OF_RIGHT.items() if permitted(role, operation, WORK[operation], NO_PURPOSE))

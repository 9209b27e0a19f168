"""docs/permissions.md, made from the table of permissions and who may call what:
`python tools/permissions_table.py`."""

from __future__ import annotations

from pathlib import Path

from yima.api import policy as machines
from yima.consent import OPERATIONS, PERMITS, PURPOSES, RESOURCE_CLASSES, ROLES
from yima.consent.resource_classes import NAMING, PUBLIC, SENSITIVE
from yima.directory import STAFF_ROLES
from yima.portals import policy as pages

PAGE = Path(__file__).resolve().parents[1] / "docs" / "permissions.md"
_LONGEST_TYPES = 14
_SHORT = {
    frozenset((*PUBLIC, *NAMING, *SENSITIVE)): "everything of a record, level 5 too",
    frozenset((*PUBLIC, *NAMING)): "everything of a record but level 5",
    frozenset((*PUBLIC, *(cls for cls in NAMING if cls != "billing"))): "everything of a record but bills and level 5",
    frozenset(SENSITIVE): "level 5",
}
_HEAD = """\
# Permissions: who may do what, for which purpose

Written by `tools/permissions_table.py` from `src/yima/consent/permissions.py` and the policies of routes and pages; a
test keeps it true.

A request is allowed when **all** of these say yes, and refused otherwise:

1. a row of the table below: role, operation, class, purpose (`role-not-permitted`, `purpose-not-allowed`);
2. for programs: the token's scopes (`scope-insufficient`) and the registered purposes (`purpose-not-allowed`);
3. the decision about this person now: a visit, a mandate, who wrote it, what the resident decided
   ([consent](consent.md)).

## Purposes

`treatment` · `emergency-treatment` · `payment` · `own-request` · `public-health`: a closed list.

- **The purpose is named at the scan and binds the visit.** A request in a visit needs no `Yima-Purpose`; one that
  names another is refused, 403 `purpose-not-of-visit`. For another purpose the code is scanned again. A break-glass is
  `emergency-treatment`.
- **Without a visit** a program acts for what it was registered for: `yima register app .. --purpose payment` (default
  `treatment` and `emergency-treatment`). A purpose it was not registered for is refused, 403 `purpose-not-allowed`,
  before anybody is looked up.
- A program of a resident, and the resident, act for `own-request` only.

## Staff roles

Every member of staff has one role; of whom nobody gave one it is *physician*. It counts from the next request on.

```sh
yima register role 17 primary-nurse
```

The role stands in the line of the access log and in the chain of reasons that the resident can read. Level 5 needs a
role that attends (attending physician, primary nurse) *and* the resident's yes, or that the own institution wrote it.

What a program of an institution is shown it must show to the right people of its own staff: the platform knows the
roles of whom it signs in itself.
"""
_CODED = """\
An AuditEvent says in which role its agent acted: `agent.role`, system `urn:yima:role`, one of these codes; and for
which purpose: `agent.purposeOfUse`, as `purposeOfEvent` (v3 ActReason)."""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_staff(), "", "## Classes and levels (GB/T 39725)", "", *_classes()]
    parts += ["", "## The table", "", *_rows()]
    parts += ["", "## Operations", "", "| operation | what |", "|---|---|"]
    parts += [f"| {name} | {said} |" for name, said in OPERATIONS.items()]
    parts += ["", "## Roles as a code system", "", _CODED, "", "| code | |", "|---|---|"]
    parts += [f"| `{code}` | {en} · {zh} |" for code, (en, zh) in ROLES.items()]
    parts += ["", "## Addresses for programs", "", *_machines(), "", "## Pages", "", *_pages()]
    return "\n".join(parts) + "\n"


def _staff() -> list[str]:
    lines = ["| role | | HL7 practitioner-role | ISCO-08 |", "|---|---|---|---|"]
    return lines + [f"| `{r.code}` | {r.en} · {r.zh} | {r.hl7 or '-'} | {r.isco} |" for r in STAFF_ROLES.values()]


def _classes() -> list[str]:
    lines = ["| level | class | | types |", "|---|---|---|---|"]
    for row in RESOURCE_CLASSES.values():
        names = sorted(row.types)
        more = f" and {len(names) - _LONGEST_TYPES} more" if len(names) > _LONGEST_TYPES else ""
        types = ", ".join(names[:_LONGEST_TYPES]) + more
        types = types or {2: "counts", 3: "`$export` with `_deidentify`"}.get(row.level, "by label, across all types")
        lines.append(f"| {row.level} | `{row.code}` | {row.en} · {row.zh} | {types} |")
    return lines


def _rows() -> list[str]:
    lines = ["What no row permits is denied.", "", "| who | may | of what | for |", "|---|---|---|---|"]
    for row in PERMITS:
        who = ", ".join(ROLES[role][0] for role in row.roles)
        of = _SHORT.get(frozenset(row.classes)) or ", ".join(row.classes)
        named = ", ".join(purpose or "no record is opened" for purpose in row.purposes)
        purposes = "any purpose" if row.purposes == PURPOSES else named
        lines.append(f"| {who} | {', '.join(row.operations)} | {of} | {purposes} |")
    return lines


def _machines() -> list[str]:
    lines = []
    for who, said in machines.WHO.items():
        rows = [f"`{row}`" for row, one in machines.POLICY.items() if one == who]
        lines += [f"**{said}** ({len(rows)})", "", " · ".join(rows), ""]
    return lines[:-1]


def _pages() -> list[str]:
    lines = ["The first row that fits counts.", "", "| page | who |", "|---|---|"]
    return lines + [f"| `{named}` | {who} |" for named, who in pages.POLICY]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.name)  # noqa: T201  a tool says what it wrote

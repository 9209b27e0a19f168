"""Work that opens no record, asked of the table: suspending, merging, erasing, exporting, reviewing, accounts."""

from __future__ import annotations

from collections.abc import Sequence

from yima import consent, fhir
from yima.directory import Caller
from yima.runtime.errors import Refusal


def check_right(caller: Caller, operation: str) -> None:
    """Whether a role of this caller has a row for this work (`consent.WORK`). Refusal `right-needed`."""
    if not consent.may_work(caller, operation):
        raise Refusal("right-needed", expected=" or ".join(consent.rights_for(operation)) or "the command line")


def check_export(role: str, types: Sequence[str], *, deidentified: bool) -> None:
    """Whether a role may have these types exported: without names by order, else what it wrote itself, for care.

    Refusal `role-not-permitted`.
    """
    purpose = "public-health" if deidentified else "treatment"
    for name in types:
        cls = "without-names" if deidentified else consent.CLASS_OF[name]
        if name not in fhir.TYPES or not consent.permitted(role, "export", cls, purpose):
            raise Refusal("role-not-permitted", field=name, role=role, operation="export", purpose=purpose)

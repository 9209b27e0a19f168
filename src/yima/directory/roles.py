"""Roles of an institution's staff, and the purposes for which anything is done: two closed lists.

What each role may do for which purpose is the table of `consent.permissions`; here is only what a role is called, so
that a member of staff can be registered in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PURPOSES: Final = ("treatment", "emergency-treatment", "payment", "own-request", "public-health")
"""The closed list of purposes (GB/T 39725; FHIR v3-PurposeOfUse TREAT, ETREAT, HPAYMT, PATRQT, PUBHLTH)."""
USUAL_PURPOSES: Final = frozenset({"treatment", "emergency-treatment"})
"""For what an app may act unless its registration says more."""


@dataclass(frozen=True, slots=True)
class StaffRole:
    """One role of staff, with its words and what other systems call it."""

    code: str
    zh: str
    en: str
    hl7: str
    """Code of HL7's practitioner-role (terminology.hl7.org/CodeSystem/practitioner-role); empty where it has none."""
    isco: str
    """Unit group of ISCO-08 (International Labour Organization), as GB/T 6565 groups occupations."""


STAFF_ROLES: Final = {
    role.code: role
    for role in (
        StaffRole("attending-physician", "经治医师", "Attending physician", "doctor", "2212"),
        StaffRole("physician", "医师", "Physician", "doctor", "2211"),
        StaffRole("primary-nurse", "责任护士", "Primary nurse", "nurse", "2221"),
        StaffRole("nurse", "护士", "Nurse", "nurse", "2221"),
        StaffRole("pharmacist", "药师", "Pharmacist", "pharmacist", "2262"),
        StaffRole("laboratory-technician", "检验技师", "Laboratory technician", "", "3212"),
        StaffRole("imaging-technician", "影像技师", "Imaging technician", "", "3211"),
        StaffRole("registrar", "挂号收费员", "Registrar", "", "4226"),
        StaffRole("protection-officer", "个人信息保护负责人", "Data protection officer", "", "2422"),
    )
}
"""Attending (主治医护人员, GB/T 39725 level 5) are the attending physician and the primary nurse. The officer of
article 52 of the Personal Information Protection Law opens no record: they see what was stopped where they work."""
DEFAULT_ROLE: Final = "physician"
"""Of whom nobody gave a role: takes part in care, and does not reach level 5."""

"""The health code: cards, printed and dynamic codes, their verification, and the visits that scans open.

Face: `issue`, `issue_many`, `card_of`, `card_by_number` (cards); `static_text`, `dynamic_text`, `batch`,
`phone_scripts` (showing); `Verifier` (scanning); `open_visit`, `visits_of` (visits); `qr_png`, `qr_svg`, `qr_terminal`
(drawing); `PURPOSES`, `STEPS` and the other closed lists.
"""

from yima.healthcode import national
from yima.healthcode.card import Card, Status, card_by_id, card_by_number, card_of, issue, issue_many
from yima.healthcode.codec import PREFIX, Assurance
from yima.healthcode.number import grouped, parse_number
from yima.healthcode.profiles import PROFILE_NAMES, ProfileName
from yima.healthcode.qr import qr_png, qr_svg, qr_terminal
from yima.healthcode.show import Batch, BatchSlot, batch, dynamic_text, phone_scripts, static_text
from yima.healthcode.tables import (
    APPLY_MODES,
    CARD_STATUSES,
    CHANNELS,
    COST_TYPES,
    DEPARTMENTS,
    DOCUMENT_TYPES,
    PURPOSES,
    SCENES,
    STEPS,
    VISIT_TYPES,
    Scene,
    Term,
    department_of,
    scene_fits,
    step_of,
)
from yima.healthcode.verify import RefusedScan, Verification, Verifier, check
from yima.healthcode.visit import Visit, open_visit, visits_of

__all__ = [
    "APPLY_MODES",
    "CARD_STATUSES",
    "CHANNELS",
    "COST_TYPES",
    "DEPARTMENTS",
    "DOCUMENT_TYPES",
    "PREFIX",
    "PROFILE_NAMES",
    "PURPOSES",
    "SCENES",
    "STEPS",
    "VISIT_TYPES",
    "Assurance",
    "Batch",
    "BatchSlot",
    "Card",
    "ProfileName",
    "RefusedScan",
    "Scene",
    "Status",
    "Term",
    "Verification",
    "Verifier",
    "Visit",
    "batch",
    "card_by_id",
    "card_by_number",
    "card_of",
    "check",
    "department_of",
    "dynamic_text",
    "grouped",
    "issue",
    "issue_many",
    "national",
    "open_visit",
    "parse_number",
    "phone_scripts",
    "qr_png",
    "qr_svg",
    "qr_terminal",
    "scene_fits",
    "static_text",
    "step_of",
    "visits_of",
]

"""The health code: cards, printed and dynamic codes, their verification, and the visits that scans open.

Face: `issue`, `issue_many`, `card_of`, `card_by_number` (cards); `static_text`, `dynamic_text`, `batch`,
`phone_scripts` (showing); `Verifier` (scanning); `open_visit`, `visits_of` (visits); `qr_png`, `qr_svg`, `qr_terminal`
(drawing); `advance`, `reissue`, `history`, `merge` (life cycle); `propose`, `approve` (suspension); `PURPOSES`,
`STEPS` and the other closed lists.
"""

from yima.healthcode import national, trust
from yima.healthcode.card import Card, Status, card_by_id, card_by_number, card_of, issue, issue_many
from yima.healthcode.codec import PREFIX, Assurance
from yima.healthcode.life import (
    Act,
    CardEvent,
    advance,
    current,
    history,
    merge,
    open_cards,
    reissue,
    survivor_of,
    unmerge,
)
from yima.healthcode.lifecycle import Event, Kind, State
from yima.healthcode.number import grouped, parse_number
from yima.healthcode.profiles import PROFILE_NAMES, ProfileName
from yima.healthcode.qr import qr_png, qr_svg, qr_terminal
from yima.healthcode.show import Batch, BatchSlot, batch, dynamic_text, phone_scripts, static_text
from yima.healthcode.suspension import (
    LEGAL_BASES,
    Suspension,
    approve,
    end_due,
    end_suspension,
    propose,
    suspended_counts,
    suspensions,
    suspensions_of,
)
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
    "LEGAL_BASES",
    "PREFIX",
    "PROFILE_NAMES",
    "PURPOSES",
    "SCENES",
    "STEPS",
    "VISIT_TYPES",
    "Act",
    "Assurance",
    "Batch",
    "BatchSlot",
    "Card",
    "CardEvent",
    "Event",
    "Kind",
    "ProfileName",
    "RefusedScan",
    "Scene",
    "State",
    "Status",
    "Suspension",
    "Term",
    "Verification",
    "Verifier",
    "Visit",
    "advance",
    "approve",
    "batch",
    "card_by_id",
    "card_by_number",
    "card_of",
    "check",
    "current",
    "department_of",
    "dynamic_text",
    "end_due",
    "end_suspension",
    "grouped",
    "history",
    "issue",
    "issue_many",
    "merge",
    "national",
    "open_cards",
    "open_visit",
    "parse_number",
    "phone_scripts",
    "propose",
    "qr_png",
    "qr_svg",
    "qr_terminal",
    "reissue",
    "scene_fits",
    "static_text",
    "step_of",
    "survivor_of",
    "suspended_counts",
    "suspensions",
    "suspensions_of",
    "unmerge",
    "visits_of",
]

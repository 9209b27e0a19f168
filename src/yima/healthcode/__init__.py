"""The health code: cards, printed and dynamic codes, their verification, and the visits that scans open.

Face: `issue`, `issue_many`, `card_of`, `card_by_number` (cards); `static_text`, `dynamic_text`, `batch`,
`phone_scripts` (showing); `Verifier` (scanning); `open_visit`, `visits_of` (visits); `qr_png`, `qr_svg`, `qr_terminal`
(drawing); `PURPOSES`, `STEPS` and the other closed lists.
"""

from yima.healthcode.card import Card, Status, card_by_id, card_by_number, card_of, issue, issue_many
from yima.healthcode.codec import PREFIX, Assurance
from yima.healthcode.number import grouped, parse_number
from yima.healthcode.profiles import PROFILE_NAMES, ProfileName
from yima.healthcode.qr import qr_png, qr_svg, qr_terminal
from yima.healthcode.show import Batch, BatchSlot, batch, dynamic_text, phone_scripts, static_text
from yima.healthcode.tables import APPLY_MODES, CARD_STATUSES, CHANNELS, DOCUMENT_TYPES, PURPOSES, STEPS, Term
from yima.healthcode.verify import RefusedScan, Verification, Verifier, check
from yima.healthcode.visit import Visit, open_visit, visits_of

__all__ = [
    "APPLY_MODES", "CARD_STATUSES", "CHANNELS", "DOCUMENT_TYPES", "PREFIX", "PROFILE_NAMES", "PURPOSES",
    "STEPS", "Assurance", "Batch", "BatchSlot", "Card", "ProfileName", "RefusedScan", "Status", "Term",
    "Verification", "Verifier", "Visit", "batch", "card_by_id", "card_by_number", "card_of", "check",
    "dynamic_text", "grouped", "issue", "issue_many", "open_visit", "parse_number", "phone_scripts", "qr_png",
    "qr_svg", "qr_terminal", "static_text", "visits_of",
]  # fmt: skip

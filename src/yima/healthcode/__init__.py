"""The health code: cards, printed and dynamic codes, their verification, and the visits that scans open.

Face: `issue`, `issue_many`, `card_of`, `card_by_number` (cards); `static_text`, `dynamic_text`, `batch`,
`phone_scripts` (showing); `Verifier` (scanning); `open_visit`, `visits_of` (visits); `qr_png`, `qr_svg`, `qr_terminal`
(drawing); `advance`, `reissue`, `history`, `merge` (life cycle); `propose`, `approve` (suspension); `PURPOSES`,
`STEPS` and the other closed lists.

`visits_behind` and `still_open` are `open_visit` for many handles at once.
"""

from yima.healthcode import counter, kiosk, national, offline, trust
from yima.healthcode.card import Card, Status, card_by_id, card_by_number, card_of, issue, issue_many
from yima.healthcode.card_print import CARD_SIZES, CardSize, PrintedCard, card_pdf
from yima.healthcode.codec import PREFIX, Assurance
from yima.healthcode.counter import Counter, Share
from yima.healthcode.kiosk import Authorisation
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
from yima.healthcode.poster import poster_svg
from yima.healthcode.profiles import PROFILE_NAMES, ProfileName
from yima.healthcode.qr import qr_png, qr_svg, qr_terminal
from yima.healthcode.redeem import Accepted
from yima.healthcode.show import Batch, BatchSlot, batch, dynamic_text, phone_scripts, static_text
from yima.healthcode.signs import COUNTER_PREFIX, KIOSK_PREFIX
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
from yima.healthcode.use import (
    REPORT_HOURS,
    Missing,
    Report,
    Reported,
    Use,
    count_day,
    day_of,
    forget_redemptions,
    missing,
    report,
    uses_of,
)
from yima.healthcode.use_statistics import SMALL, Cell, Statistics, by_institution, protected, statistics
from yima.healthcode.verify import RefusedScan, Verification, Verifier, check
from yima.healthcode.visit import Visit, open_visit, still_open, visits_behind, visits_of

__all__ = [
    "APPLY_MODES",
    "CARD_SIZES",
    "CARD_STATUSES",
    "CHANNELS",
    "COST_TYPES",
    "COUNTER_PREFIX",
    "DEPARTMENTS",
    "DOCUMENT_TYPES",
    "KIOSK_PREFIX",
    "LEGAL_BASES",
    "PREFIX",
    "PROFILE_NAMES",
    "PURPOSES",
    "REPORT_HOURS",
    "SCENES",
    "SMALL",
    "STEPS",
    "VISIT_TYPES",
    "Accepted",
    "Act",
    "Assurance",
    "Authorisation",
    "Batch",
    "BatchSlot",
    "Card",
    "CardEvent",
    "CardSize",
    "Cell",
    "Counter",
    "Event",
    "Kind",
    "Missing",
    "PrintedCard",
    "ProfileName",
    "RefusedScan",
    "Report",
    "Reported",
    "Scene",
    "Share",
    "State",
    "Statistics",
    "Status",
    "Suspension",
    "Term",
    "Use",
    "Verification",
    "Verifier",
    "Visit",
    "advance",
    "approve",
    "batch",
    "by_institution",
    "card_by_id",
    "card_by_number",
    "card_of",
    "card_pdf",
    "check",
    "count_day",
    "counter",
    "current",
    "day_of",
    "department_of",
    "dynamic_text",
    "end_due",
    "end_suspension",
    "forget_redemptions",
    "grouped",
    "history",
    "issue",
    "issue_many",
    "kiosk",
    "merge",
    "missing",
    "national",
    "offline",
    "open_cards",
    "open_visit",
    "parse_number",
    "phone_scripts",
    "poster_svg",
    "propose",
    "protected",
    "qr_png",
    "qr_svg",
    "qr_terminal",
    "reissue",
    "report",
    "scene_fits",
    "static_text",
    "statistics",
    "step_of",
    "still_open",
    "survivor_of",
    "suspended_counts",
    "suspensions",
    "suspensions_of",
    "trust",
    "unmerge",
    "uses_of",
    "visits_behind",
    "visits_of",
]

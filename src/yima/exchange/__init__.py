"""Messages from institutions: Bundles now, HL7 v2 and CDA later; the inbox, receipts, and the operator's view of them.

Face: `Message`, `receive_bundle`, `receive_one`, `receive_entries` (bulk), `refuse`, `plan` and `checked`
(reading what was sent), `dashboard`.
"""

from yima.exchange.bundle import Patching, Plan, Reading, plan
from yima.exchange.bundle.plan import checked, version_of
from yima.exchange.dashboard import ByInstitution, Dashboard, Mistake, Submission, dashboard, mistakes
from yima.exchange.erasure import approve_erasure
from yima.exchange.export_files import SealedFile, Size
from yima.exchange.exporting import Exporter
from yima.exchange.exports import (
    FORGET_EXPORTS,
    Export,
    Wanted,
    approve_export,
    ask_export,
    delete_export,
    export_of,
    exports,
    file_of,
    folder_of,
    reject_export,
    rewrap_exports,
)
from yima.exchange.exports import KEPT as EXPORT_KEPT
from yima.exchange.inbox import forget, receive_bundle, receive_entries, receive_one, refuse
from yima.exchange.receipts import NOTHING, Message
from yima.exchange.resealing import reseal_answers
from yima.exchange.turning import turn_receipts, unturned_receipts

__all__ = [
    "EXPORT_KEPT",
    "FORGET_EXPORTS",
    "NOTHING",
    "ByInstitution",
    "Dashboard",
    "Export",
    "Exporter",
    "Message",
    "Mistake",
    "Patching",
    "Plan",
    "Reading",
    "SealedFile",
    "Size",
    "Submission",
    "Wanted",
    "approve_erasure",
    "approve_export",
    "ask_export",
    "checked",
    "dashboard",
    "delete_export",
    "export_of",
    "exports",
    "file_of",
    "folder_of",
    "forget",
    "mistakes",
    "plan",
    "receive_bundle",
    "receive_entries",
    "receive_one",
    "refuse",
    "reject_export",
    "reseal_answers",
    "rewrap_exports",
    "turn_receipts",
    "unturned_receipts",
    "version_of",
]  # fmt: skip

"""Messages from institutions: Bundles now, HL7 v2 and CDA later; the inbox, receipts, and the operator's view of them.

Face: `Message`, `receive_bundle`, `receive_one`, `receive_entries` (bulk), `refuse`, `plan` and `checked`
(reading what was sent), `dashboard`.
"""

from yima.exchange.bundle import Patching, Plan, Reading, plan
from yima.exchange.bundle.plan import checked, version_of
from yima.exchange.dashboard import ByInstitution, Dashboard, Mistake, Submission, dashboard, mistakes
from yima.exchange.erasure import approve_erasure
from yima.exchange.inbox import receive_bundle, receive_entries, receive_one, refuse
from yima.exchange.receipts import NOTHING, Message

__all__ = [
    "NOTHING",
    "ByInstitution",
    "Dashboard",
    "Message",
    "Mistake",
    "Patching",
    "Plan",
    "Reading",
    "Submission",
    "approve_erasure",
    "checked",
    "dashboard",
    "mistakes",
    "plan",
    "receive_bundle",
    "receive_entries",
    "receive_one",
    "refuse",
    "version_of",
]  # fmt: skip

"""The one door to person data: `submit`, `scan`, `disclose`, `break_glass`. The only importer of `records`.

Face: `Access`, one per worker, whose methods are the door; the values they take and give.
"""

from yima.access.accounts import Accounts, Invited, Mine, StaffRow
from yima.access.apps import RECORD_TYPES, AppRequest, Apps, Sealed, SentBack
from yima.access.cards import Cards, Paper, Standing
from yima.access.context import Context
from yima.access.counter import Offer, Profile, Ticket
from yima.access.credentials import DeviceCertificate, Given
from yima.access.decision import SHARED_TYPES, Asking, check_write
from yima.access.door import Access
from yima.access.emergency_set import EMERGENCY_SET
from yima.access.erasing import ERASURE_BASES
from yima.access.exporting import EXPORT_BASES, NEVER_DEIDENTIFIED, ExportOrder
from yima.access.external import Away, Back, External, Going
from yima.access.families import AtCounter, Families, FamilyView, Relative
from yima.access.gateway import Gateway, Scanning, Shown, UseReport
from yima.access.glass import EmergencySet, Glass, Own
from yima.access.glass_desk import GlassBoard, GlassCase, GlassDesk, OwnStops
from yima.access.kiosk import Answer, Question
from yima.access.launching import Launching
from yima.access.matching import MOST_MATCHES, PERSON_SYSTEM, Identified
from yima.access.overviews import RecordView, Withheld
from yima.access.phones import LAST_DIGITS, CameIn, Choose, PasskeyOffer, Phones
from yima.access.place import Entry
from yima.access.population import Admitted, Arrival, Figures, Lacking, Population
from yima.access.privacy import Board, Privacy
from yima.access.providers import ProviderRegister
from yima.access.public_log import Figures as PublicFigures
from yima.access.register import Application, Mother, Registered
from yima.access.removals import Named, Order, RemovalRow
from yima.access.residents import CardView, SharingChoice
from yima.access.reviewing import Done, Pair, Queue, Reviews, Side
from yima.access.rights import check_export, check_right
from yima.access.scan import Scan
from yima.access.search import Found
from yima.access.signing_in import Entered, Said, SigningIn, Visitor
from yima.access.staffed import is_staff_id
from yima.access.submit import Outcome
from yima.access.summaries import Summaries, Summary
from yima.access.telling import UntoldError, tells_nobody
from yima.access.together import BUSY, Single, Together, is_plain
from yima.access.turning import SPREAD
from yima.access.upkeep import Upkeep
from yima.access.watching import Watched
from yima.access.words import Column, opened, pen_of
from yima.oversight import FOLLOWS, Alarm, Finding, Objection
from yima.records import START, Content, Erased, Erasure, Overview, Page, Part, Spot, Stored, Times, Wanted
from yima.records import Position as ReindexPosition

__all__ = [
    "BUSY",
    "EMERGENCY_SET",
    "ERASURE_BASES",
    "EXPORT_BASES",
    "FOLLOWS",
    "LAST_DIGITS",
    "MOST_MATCHES",
    "NEVER_DEIDENTIFIED",
    "PERSON_SYSTEM",
    "RECORD_TYPES",
    "SHARED_TYPES",
    "SPREAD",
    "START",
    "Access",
    "Accounts",
    "Admitted",
    "Alarm",
    "Answer",
    "AppRequest",
    "Application",
    "Apps",
    "Arrival",
    "Asking",
    "AtCounter",
    "Away",
    "Back",
    "Board",
    "CameIn",
    "CardView",
    "Cards",
    "Choose",
    "Column",
    "Content",
    "Context",
    "DeviceCertificate",
    "Done",
    "EmergencySet",
    "Entered",
    "Entry",
    "Erased",
    "Erasure",
    "ExportOrder",
    "External",
    "Families",
    "FamilyView",
    "Figures",
    "Finding",
    "Found",
    "Gateway",
    "Given",
    "Glass",
    "GlassBoard",
    "GlassCase",
    "GlassDesk",
    "Going",
    "Identified",
    "Invited",
    "Lacking",
    "Launching",
    "Mine",
    "Mother",
    "Named",
    "Objection",
    "Offer",
    "Order",
    "Outcome",
    "Overview",
    "Own",
    "OwnStops",
    "Page",
    "Pair",
    "Paper",
    "Part",
    "PasskeyOffer",
    "Phones",
    "Population",
    "Privacy",
    "Profile",
    "ProviderRegister",
    "PublicFigures",
    "Question",
    "Queue",
    "RecordView",
    "Registered",
    "ReindexPosition",
    "Relative",
    "RemovalRow",
    "Reviews",
    "Said",
    "Scan",
    "Scanning",
    "Sealed",
    "SentBack",
    "SharingChoice",
    "Shown",
    "Side",
    "SigningIn",
    "Single",
    "Spot",
    "StaffRow",
    "Standing",
    "Stored",
    "Summaries",
    "Summary",
    "Ticket",
    "Times",
    "Together",
    "UntoldError",
    "Upkeep",
    "UseReport",
    "Visitor",
    "Wanted",
    "Watched",
    "Withheld",
    "check_export",
    "check_right",
    "check_write",
    "is_plain",
    "is_staff_id",
    "opened",
    "pen_of",
    "tells_nobody",
]  # fmt: skip

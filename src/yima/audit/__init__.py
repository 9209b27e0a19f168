"""The audit log: an event for every submission, scan, disclosure and denial, in IHE BALP words, insert-only.

Face: `Event`, `append` (in the caller's transaction), `Appender` (group commit for reads), `of_person` and `search`
(the lines of `Whose`), `to_fhir`; for those who watch over the log `Span`, `looks`, `told`, `of_marked`, `care_of`,
`finished`; `Answered` and `reconcile` (what left against what was logged); `tallied` (how many lines of what).
"""

from yima.audit.answered import Answered, Hole, Reconciled, reconcile
from yima.audit.event import ACTIONS, Event, new_event_id
from yima.audit.fhir_form import to_fhir
from yima.audit.log import Appender, Whose, append, notable, of_person, one_line
from yima.audit.searching import EARLIEST, LATEST, LinesAsked, search
from yima.audit.tally import Tally, Verification, last_verification, put_verification, tallied
from yima.audit.watching import Care, Looks, Span, care_of, finished, logged_at, looks, of_marked, of_visits, told

__all__ = [
    "ACTIONS", "EARLIEST", "LATEST", "Answered", "Appender", "Care", "Event", "Hole", "LinesAsked", "Looks",
    "Reconciled", "Span", "Tally", "Verification", "Whose", "append", "care_of", "finished", "last_verification",
    "logged_at", "looks", "new_event_id", "notable", "of_marked", "of_person", "of_visits", "one_line",
    "put_verification", "reconcile", "search", "tallied", "to_fhir", "told",
]  # fmt: skip

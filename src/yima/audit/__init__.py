"""The audit log: an event for every submission, scan, disclosure and denial, in IHE BALP words, insert-only.

Face: `Event`, `append` (in the caller's transaction), `Appender` (group commit for reads), `of_person`, `to_fhir`.
"""

from yima.audit.event import ACTIONS, Event, new_event_id
from yima.audit.fhir_form import to_fhir
from yima.audit.log import Appender, append, of_person

__all__ = ["ACTIONS", "Appender", "Event", "append", "new_event_id", "of_person", "to_fhir"]

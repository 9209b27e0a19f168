"""What the privacy officer works with: odd looks with their score, alarms, residents' objections, marks, notices.

Face: `judge` (pure) and what it takes and gives; the lists and their decisions. Knows no record and asks for none.
"""

from yima.oversight.findings import (
    FOLLOWS,
    Finding,
    Verdict,
    checked,
    decide_finding,
    findings,
    open_findings,
    put_findings,
    rescore,
)
from yima.oversight.objections import (
    Objection,
    answer,
    choose_notices,
    object_to,
    objections,
    objections_of,
    to_tell,
    wants_notices,
)
from yima.oversight.scoring import (
    CARE_AFTER,
    CARE_BEFORE,
    POINTS,
    REVIEWED,
    Care,
    CareKind,
    Circumstances,
    Judged,
    Look,
    is_unusual,
    judge,
)
from yima.oversight.volume import (
    MARKS,
    Alarm,
    Hour,
    alarms,
    decide_alarm,
    forget,
    habits,
    horizon,
    mark,
    marks,
    raise_alarm,
    saw,
    say_who,
    set_horizon,
    staff_selves,
    unmark,
)

__all__ = [
    "CARE_AFTER", "CARE_BEFORE", "FOLLOWS", "MARKS", "POINTS", "REVIEWED", "Alarm", "Care", "CareKind",
    "Circumstances", "Finding", "Hour", "Judged", "Look", "Objection", "Verdict", "alarms",
    "answer", "checked", "choose_notices", "decide_alarm", "decide_finding", "findings", "forget", "habits",
    "horizon", "is_unusual", "judge", "mark", "marks", "object_to", "objections", "objections_of", "open_findings",
    "put_findings", "raise_alarm", "rescore", "saw", "say_who", "set_horizon", "staff_selves",
    "to_tell", "unmark", "wants_notices",
]  # fmt: skip

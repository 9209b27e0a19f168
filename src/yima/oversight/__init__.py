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
from yima.oversight.glass import (
    VERDICTS,
    Cause,
    GlassReview,
    Stop,
    answer_about,
    ask_about,
    glass_review,
    glass_reviews,
    glasses_of,
    hold,
    judge_glass,
    lift,
    propose_lifting,
    put_stop,
    questions_to,
    review_glass,
    stops,
    unjustified,
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
    STRONG,
    Care,
    CareKind,
    Circumstances,
    Explanation,
    Judged,
    Look,
    explanations,
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
    "CARE_AFTER", "CARE_BEFORE", "FOLLOWS", "MARKS", "POINTS", "REVIEWED", "STRONG", "VERDICTS", "Alarm", "Care",
    "CareKind", "Cause", "Circumstances", "Explanation", "Finding", "GlassReview", "Hour", "Judged", "Look",
    "Objection", "Stop", "Verdict", "alarms", "answer", "answer_about", "ask_about", "checked", "choose_notices",
    "decide_alarm", "decide_finding", "explanations", "findings", "forget", "glass_review", "glass_reviews",
    "glasses_of", "habits", "hold", "horizon", "is_unusual", "judge", "judge_glass", "lift", "mark", "marks",
    "object_to", "objections", "objections_of", "open_findings", "propose_lifting", "put_findings", "put_stop",
    "questions_to", "raise_alarm", "rescore", "review_glass", "saw", "say_who", "set_horizon", "staff_selves",
    "stops", "to_tell", "unjustified", "unmark", "wants_notices",
]  # fmt: skip

"""The emergency set: what somebody who saves a life reads first, and all that the first step of a break-glass opens.

One table says what is in it, in the sections and codes of the International Patient Summary (HL7 IPS 2.0.0). Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from yima.records import Overview

EMERGENCY_SET: Final = {
    "allergies": ("48765-2", "过敏", "Allergies", "全部", "All"),
    "medicines": ("10160-0", "当前用药", "Current medicines", "正在使用的", "Those in use"),
    "problems": ("11450-4", "现患问题", "Problems", "现存的", "Those that are active"),
    "blood": ("882-1", "血型", "Blood group", "最近一次", "The latest"),
    "devices": ("46264-8", "植入物与器械", "Implants and devices", "全部", "All"),
    "results": ("30954-2", "近期结果", "Recent results", "90 天内，每项最近一次", "Of 90 days, the latest of each"),
    "contacts": ("56864-4", "紧急联系人", "Emergency contacts", "登记的联系人", "Those who are registered"),
}
"""Section -> LOINC code, title and what of it is in the set, Chinese and English. Nothing else is."""
_RECENT: Final = timedelta(days=90)
_LEFT_OUT: Final[Mapping[str, Any]] = {
    "tags": (), "immunisations": (), "procedures": (), "trends": (), "activities": (), "episodes": (),
    "suggestions": (), "stages": (), "parts": (), "contradictions": (),
}  # fmt: skip


def reduced(o: Overview, today: date) -> Overview:
    """An overview with the emergency set left in it: pure."""
    since = today - _RECENT
    return msgspec.structs.replace(
        o,
        **_LEFT_OUT,
        problems=tuple(one for one in o.problems if one.active),
        medicines=tuple(one for one in o.medicines if one.active),
        results=tuple(
            msgspec.structs.replace(one, earlier=(), count=1)
            for one in o.results
            if one.when is not None and one.when >= since
        ),
    )


def counted(o: Overview) -> dict[str, int]:
    """Of an overview that was reduced: how many resources of each type stand behind it, as the log says it."""
    entries = {one.source for kind in (o.allergies, o.medicines, o.problems, o.devices) for one in kind}
    return dict(Counter(source.partition("/")[0] for source in entries | {one.source for one in o.results}))

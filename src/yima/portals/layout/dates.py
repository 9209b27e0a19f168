"""Days and times in the reader's habit: `2026年11月1日 10:42`, `1 Nov 2026, 10:42`; shown in China Standard Time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from yima.portals.layout.language import Language
from yima.runtime.civil import CIVIL, civil_day

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS: Final = {"zh": "一二三四五六日", "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}


def local(at: datetime) -> datetime:
    """The same moment on the reader's clock."""
    return at.astimezone(CIVIL)


def day(value: date | datetime | str | None, lang: Language) -> str:
    """A calendar day; FHIR dates of less precision (`2019-05`) keep it. Empty for None and for what is no date."""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        value = civil_day(value)
    parts = [int(p) for p in (value.isoformat() if isinstance(value, date) else value).split("-") if p.isdigit()]
    if not 1 <= len(parts) <= 3 or (len(parts) > 1 and not 1 <= parts[1] <= 12):
        return ""
    if lang == "zh":
        return "".join(f"{number}{unit}" for number, unit in zip(parts, "年月日", strict=False))
    month = [_MONTHS[parts[1] - 1]] if len(parts) > 1 else []
    return " ".join([*(str(p) for p in parts[2:]), *month, str(parts[0])])


def time_of_day(at: datetime) -> str:
    """`10:42`."""
    return local(at).strftime("%H:%M")


def moment(at: datetime | None, lang: Language) -> str:
    """Day and time."""
    if at is None:
        return ""
    return f"{day(at, lang)} {time_of_day(at)}" if lang == "zh" else f"{day(at, lang)}, {time_of_day(at)}"


def heading_day(at: date, today: date, lang: Language) -> str:
    """A day as a heading: today and yesterday by name, other days with their weekday."""
    names = {0: ("今天", "Today"), 1: ("昨天", "Yesterday")}.get((today - at).days)
    week = f"星期{_WEEKDAYS['zh'][at.weekday()]}" if lang == "zh" else _WEEKDAYS["en"][at.weekday()]
    first = names[0 if lang == "zh" else 1] if names else week
    return f"{first} · {day(at, lang)}"

"""Institutions with their departments, practitioners and terminals."""

from dataclasses import dataclass
from functools import cached_property
from random import Random

from . import names, numbers, places, roster
from .chance import dice
from .names import Name, Sex
from .terms.departments import DEPARTMENTS


@dataclass(frozen=True, slots=True)
class Department:
    """A department by its national code."""

    code: str
    chinese: str
    english: str


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A member of staff; ``id`` is the staff number, unique in the city."""

    id: str
    name: Name
    sex: Sex
    title: str
    title_english: str
    department: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """A device at which codes are scanned: window, kiosk, desk or handheld."""

    id: str
    kind: str
    department: str | None


@dataclass(frozen=True)
class Institution:
    """One institution. ``kind`` and ``grade`` are the class and grade codes of WS 218."""

    code: str
    credit_code: str
    kind: str
    grade: str
    chinese: str
    english: str
    district: str
    town: str
    departments: tuple[Department, ...]
    practitioners: tuple[Practitioner, ...]
    terminals: tuple[Terminal, ...]

    @cached_property
    def staff(self) -> dict[str, tuple[Practitioner, ...]]:
        """Doctors (not clerks or technicians' aides) by department code."""
        return {d.code: tuple(p for p in self.practitioners if p.department == d.code) for d in self.departments}

    def has(self, department: str) -> bool:
        """Whether the institution runs that department."""
        return department in self.staff


_TITLES = (
    ("主任医师", "Chief Physician"),
    ("副主任医师", "Associate Chief Physician"),
    ("主治医师", "Attending Physician"),
    ("住院医师", "Resident Physician"),
    ("主管护师", "Supervising Nurse"),
    ("护师", "Nurse"),
)
_LAB_TITLES = (
    ("主任技师", "Chief Technologist"),
    ("主管技师", "Supervising Technologist"),
    ("技师", "Technologist"),
)
_SMALL = ("B", "C")


def build(seed: int) -> tuple[Institution, ...]:
    """All institutions of the city for a seed; only names and numbers depend on it."""
    return tuple(_institution(seed, row) for row in roster.ROSTER)


def _institution(seed: int, row: roster.Row) -> Institution:
    rng = dice(seed, "institution", row.code)
    codes = row.departments.split()
    district = next(d for d in places.DISTRICTS if d.code == row.district)
    return Institution(
        row.code,
        numbers.credit_code(row.district, rng),
        row.kind,
        row.grade,
        row.chinese,
        row.english,
        district.code,
        row.town,
        tuple(Department(code, *DEPARTMENTS[code]) for code in codes),
        tuple(_practitioner(rng, row, code, n) for code in codes for n in range(row.staff)),
        _terminals(row, codes),
    )


def _practitioner(rng: Random, row: roster.Row, department: str, n: int) -> Practitioner:
    sex: Sex = "female" if rng.random() < (0.85 if department == "0500" else 0.5) else "male"
    year = rng.randint(1964, 1997)
    name = names.han(names.surname(rng), names.han_given(rng, sex, year))
    title, english = _title(row, department, n)
    return Practitioner(f"{row.code}-{department}{n + 1:02d}", name, sex, title, english, department)


def _title(row: roster.Row, department: str, n: int) -> tuple[str, str]:
    if row.kind == "D600":
        return "乡村医生", "Village Doctor"
    if department in {"3000", "3200"}:
        return _LAB_TITLES[min(n, 2)]
    if row.kind[0] in _SMALL:
        return _TITLES[2 + n % 2]
    return _TITLES[min(n, 5)]


def _terminals(row: roster.Row, departments: list[str]) -> tuple[Terminal, ...]:
    if row.kind == "D600":
        return (Terminal(f"{row.code}-H01", "handheld", "0200"), Terminal(f"{row.code}-D0200", "desk", "0200"))
    if row.kind == "E100":
        return tuple(Terminal(f"{row.code}-H{n:02d}", "handheld", "2000") for n in range(1, 5))
    front = 4 if row.kind[0] == "A" else 2
    windows = [Terminal(f"{row.code}-W{n:02d}", "window", None) for n in range(1, front + 1)]
    kiosks = [Terminal(f"{row.code}-K{n:02d}", "kiosk", None) for n in range(1, front)]
    desks = [Terminal(f"{row.code}-D{code}", "desk", code) for code in departments]
    wards = [Terminal(f"{row.code}-H01", "handheld", departments[0])]
    return tuple(windows + kiosks + desks + wards)

"""The city on disk: four files, byte-identical for one seed and size."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from .city import City
from .days import AS_OF, RECORDS_FROM
from .institutions import Institution
from .people import Resident
from .places import CITY_CODE, CITY_NAME
from .visits import visits

VERSION = 1
"""Of the file layout and of the stories: raised when a seed gives other bytes."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was written: people, visits, FHIR resources, bytes of submissions."""

    institutions: int
    residents: int
    visits: int
    resources: int
    bytes: int


def write(city: City, out: Path, progress: Progress | None = None) -> Counts:
    """Write the city into a directory (made if absent; files are replaced).

    ``institutions.json``, ``residents.ndjson`` (ground truth), ``submissions.ndjson`` (one
    line per visit, in the order of `visits`) and ``manifest.json``. ``progress`` hears
    (visits written, residents in the city) every 100 visits and at the end.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "institutions.json").write_bytes(orjson.dumps(_directory(city), option=orjson.OPT_INDENT_2))
    counts, known = _submissions(city, out / "submissions.ndjson", progress)
    with (out / "residents.ndjson").open("wb") as file:
        for resident in city.residents:
            file.write(orjson.dumps(_truth(resident, sorted(known[resident.key])), option=orjson.OPT_APPEND_NEWLINE))
    (out / "manifest.json").write_bytes(orjson.dumps(_manifest(city, counts), option=orjson.OPT_INDENT_2))
    return counts


def _submissions(
    city: City, path: Path, progress: Progress | None
) -> tuple[Counts, defaultdict[str, set[tuple[str, str]]]]:
    """Stream the visits; also gather under which numbers each resident is known where."""
    known: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    done = resources = size = 0
    with path.open("wb") as file:
        for visit in visits(city):
            line = {
                "institution": visit.institution,
                "key": visit.key,
                "at": visit.at.isoformat(),
                "bundle": visit.bundle,
            }
            size += file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            known[visit.resident].add((visit.institution, visit.patient))
            resources += len(visit.bundle["entry"])
            done += 1
            if progress is not None and done % 100 == 0:
                progress(done, len(city.residents))
    if progress is not None:
        progress(done, len(city.residents))
    return Counts(len(city.institutions), len(city.residents), done, resources, size), known


def _directory(city: City) -> dict[str, Any]:
    return {
        "city": {"code": CITY_CODE, "name": CITY_NAME, "english": "Yima City"},
        "districts": [
            {"code": d.code, "name": d.name, "english": d.english, "towns": [_town(t.name, t.english) for t in d.towns]}
            for d in city.districts
        ],
        "institutions": [_institution(i) for i in city.institutions],
    }


def _town(name: str, english: str) -> dict[str, str]:
    return {"name": name, "english": english}


def _institution(institution: Institution) -> dict[str, Any]:
    return {
        "code": institution.code,
        "credit_code": institution.credit_code,
        "class": institution.kind,
        "grade": institution.grade,
        "name": institution.chinese,
        "english": institution.english,
        "district": institution.district,
        "town": institution.town,
        "departments": [{"code": d.code, "name": d.chinese, "english": d.english} for d in institution.departments],
        "practitioners": [
            {"id": p.id, "name": p.name.text, "english": p.name.latin, "sex": p.sex, "title": p.title,
             "title_english": p.title_english, "department": p.department}
            for p in institution.practitioners
        ],
        "terminals": [asdict(t) for t in institution.terminals],
    }  # fmt: skip


def _truth(resident: Resident, known: list[tuple[str, str]]) -> dict[str, Any]:
    address = resident.address
    return {
        "key": resident.key,
        "household": resident.household,
        "name": asdict(resident.name),
        "sex": resident.sex,
        "born": resident.born.isoformat(),
        "died": resident.died.isoformat() if resident.died else None,
        "ethnicity": resident.ethnicity,
        "country": resident.country,
        "documents": [asdict(d) for d in resident.documents],
        "phone": resident.phone,
        "address": {"district": address.district.code, "town": address.town.name, "text": address.text},
        "mother": resident.mother,
        "father": resident.father,
        "spouse": resident.spouse,
        "birth_order": resident.birth_order,
        "stories": list(resident.stories),
        "special": list(resident.special),
        "patients": [{"institution": code, "number": number} for code, number in known],
    }


def _manifest(city: City, counts: Counts) -> dict[str, Any]:
    return {
        "version": VERSION,
        "seed": city.seed,
        "as_of": AS_OF.isoformat(),
        "records_from": RECORDS_FROM.isoformat(),
        "counts": asdict(counts),
        "note": "Synthetic people only: unassigned area prefix 60, unassigned mobile prefix 129.",
    }

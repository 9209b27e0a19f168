"""Synthetic things to send. Every number is random, so that tests never meet each other's people."""

from __future__ import annotations

import itertools
import secrets
import uuid
from pathlib import Path
from typing import Any

from stdnum.cn import ric

SYNTHEA = Path(__file__).resolve().parents[3] / "shared" / "data" / "synthea-r4"
"""24 synthetic patients (Synthea, Apache-2.0); tests that use them skip where they are absent."""
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
_GIVEN = "明芳伟敏静丽强磊军洋艳勇杰娟涛超霞平刚桂英玉兰凤洁梅琳云莲真环雪荣爱妹"
_count = itertools.count(1)
RESIDENT_NUMBER = "urn:oid:2.16.156.10011.1.3"


_STEP = 7  # odd and no factor of 1000: every number comes, men's and women's by turns
_taken: dict[str, int] = {}


def urn() -> str:
    """A fresh urn:uuid."""
    return f"urn:uuid:{uuid.uuid4()}"


def resident_number(birth_date: str = "1985-03-14") -> str:
    """An 18-digit resident number with a right check digit and an area that was never assigned; a thousand for one
    birth date, each once before any comes again."""
    _taken[birth_date] = (_taken.get(birth_date, secrets.randbelow(1000)) + _STEP) % 1000
    digits = f"999999{birth_date.replace('-', '')}{_taken[birth_date]:03d}"
    return digits + str(ric.calc_check_digit(f"{digits}0"))


def patient(
    hospital: str = "a", *, number: str | None = None, national: str | None = None, **also: Any
) -> dict[str, Any]:
    """A Patient as a hospital would send it; `number` is the hospital's own, `national` a resident number."""
    name = secrets.choice(_SURNAMES) + "".join(secrets.choice(_GIVEN) for _ in range(2))
    identifiers = [
        {"system": f"urn:hospital:{hospital}:mrn", "value": number or f"M{next(_count)}-{secrets.token_hex(4)}"}
    ]
    if national:
        identifiers.append({"system": RESIDENT_NUMBER, "value": national})
    made = {
        "resourceType": "Patient",
        "identifier": identifiers,
        "name": [{"use": "official", "text": name}],
        "gender": "female",
        "birthDate": "1985-03-14",
        "telecom": [{"system": "phone", "value": f"139{secrets.randbelow(10**8):08d}"}],
    }
    return made | also


def observation(
    subject: str, *, value: Any = 5.4, date: str = "2026-03-01T08:00:00+08:00", **also: Any
) -> dict[str, Any]:
    """A fasting glucose of a patient."""
    made = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "1558-6", "display": "Fasting glucose"}]},
        "subject": {"reference": subject},
        "effectiveDateTime": date,
        "valueQuantity": {"value": value, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }
    return made | also


def encounter(subject: str, **also: Any) -> dict[str, Any]:
    """An outpatient visit of a patient."""
    made = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": subject},
        "period": {"start": "2026-03-01T08:00:00+08:00", "end": "2026-03-01T09:00:00+08:00"},
    }
    return made | also


def entry(resource: dict[str, Any] | None, method: str = "POST", url: str | None = None, **also: Any) -> dict[str, Any]:
    """A Bundle entry; `fullUrl` and further members of `request` by keyword."""
    full_url = also.pop("fullUrl", None)
    request = {"method": method, "url": url or (resource or {})["resourceType"], **also}
    made: dict[str, Any] = {"request": request}
    if resource is not None:
        made["resource"] = resource
    if full_url:
        made["fullUrl"] = full_url
    return made


def bundle(*entries: dict[str, Any], kind: str = "transaction", **also: Any) -> dict[str, Any]:
    """A Bundle of entries."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)} | also


def visit_bundle(hospital: str = "a", observations: int = 2, **of_patient: Any) -> dict[str, Any]:
    """A patient, an encounter and some observations, referring to each other inside the Bundle."""
    who, where = urn(), urn()
    return bundle(
        entry(patient(hospital, **of_patient), fullUrl=who),
        entry(encounter(who), fullUrl=where),
        *(
            entry(observation(who, value=n + 4.5, encounter={"reference": where}), fullUrl=urn())
            for n in range(observations)
        ),
    )

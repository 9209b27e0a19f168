"""How an institution wrote a person down: the truth, with the slips of real windows.

Each (resident, institution) pair has one set of slips, drawn once, so the same window
always sees the same wrong phone. Rates are a few percent and listed in `RATES`.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from . import places
from .chance import dice, spread
from .institutions import Institution
from .names import Name, han, placeholder
from .names.given import LOOKALIKE
from .people import Resident

RATES: dict[str, float] = {
    "name": 0.018,
    "phone": 0.06,
    "other_phone": 0.03,
    "short_address": 0.10,
    "old_address": 0.06,
    "birth": 0.012,
    "no_number": 0.04,
    "bad_number": 0.002,
    "pinyin": 0.35,
}
"""Probability of each slip (``pinyin``: of carrying a Latin name at all)."""

UNNAMED_DAYS = 40
"""A child's first records carry the ward's placeholder name until about this age."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A person as one institution knows them; None and empty text mean not recorded."""

    number: str
    name: Name
    born: date
    documents: tuple[tuple[str, str], ...]
    phone: str
    address: str
    pinyin: bool


def register(
    seed: int, resident: Resident, institution: Institution, mother: Resident | None, day: date
) -> Registration:
    """The registration used on a day; newborns are known by their mother's name at first."""
    rng = dice(seed, f"register {institution.code}", resident.index)
    slips = {name for name, rate in RATES.items() if rng.random() < rate * _care(institution)}
    if mother is not None and (day - resident.born).days < UNNAMED_DAYS:
        return _newborn(resident, institution, mother, rng)
    return Registration(
        number=patient_number(resident, institution),
        name=_misspelt(rng, resident.name) if "name" in slips else resident.name,
        born=_slipped(rng, resident.born) if "birth" in slips else resident.born,
        documents=_documents(rng, resident, slips),
        phone=_phone(rng, resident, slips),
        address=_address(rng, resident, slips),
        pinyin="pinyin" in slips or resident.country != "CHN",
    )


def patient_number(resident: Resident, institution: Institution, *, newborn: bool = False) -> str:
    """The institution's own number; a newborn's ward number is another one than the later card."""
    salt = int.from_bytes(institution.code.encode()[-5:], "big")
    number = spread(resident.index, salt, 10**7)
    return f"{'N' if newborn else ''}{number:08d}"


def _care(institution: Institution) -> float:
    """Village clinics slip more, large hospitals with readers less."""
    return 2.0 if institution.kind == "D600" else 0.8 if institution.kind[0] == "A" else 1.0


def _newborn(resident: Resident, institution: Institution, mother: Resident, rng: Random) -> Registration:
    return Registration(
        number=patient_number(resident, institution, newborn=True),
        name=placeholder(mother.name, resident.sex, resident.birth_order),
        born=resident.born,
        documents=(),
        phone=mother.phone,
        address=resident.address.short if rng.random() < 0.3 else resident.address.text,
        pinyin=False,
    )


def _misspelt(rng: Random, name: Name) -> Name:
    """A look-alike or sound-alike character, or a lost part of a long name."""
    if not name.family or "·" in name.text:
        shorter = name.given[:-1] if len(name.given) > 2 and "·" not in name.text else name.given
        return Name(shorter, "", shorter, "", name.latin_given)
    places_ = [n for n, c in enumerate(name.given) if c in LOOKALIKE]
    if places_:
        at = rng.choice(places_)
        return han(name.family, name.given[:at] + LOOKALIKE[name.given[at]] + name.given[at + 1 :])
    return name


def _slipped(rng: Random, born: date) -> date:
    """Day and month exchanged where that gives an earlier date, else a digit wrong by one."""
    if born.day < born.month:
        return date(born.year, born.day, born.month)
    return born - timedelta(days=rng.choice((1, 10)))


def _documents(rng: Random, resident: Resident, slips: set[str]) -> tuple[tuple[str, str], ...]:
    if "no_number" in slips or not resident.documents:
        return ()
    kind, value = resident.documents[0].kind, resident.documents[0].value
    if "bad_number" in slips and len(value) == 18:
        at = rng.randint(6, 15)
        value = value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    return ((kind, value),)


def _phone(rng: Random, resident: Resident, slips: set[str]) -> str:
    if "phone" in slips:
        return ""
    if "other_phone" in slips:
        return resident.phone[:-2] + f"{rng.randint(0, 99):02d}"
    return resident.phone


def _address(rng: Random, resident: Resident, slips: set[str]) -> str:
    if "old_address" in slips:
        return places.home(rng).text
    return resident.address.short if "short_address" in slips else resident.address.text

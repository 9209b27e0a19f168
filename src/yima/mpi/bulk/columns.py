"""A batch of rows -> its columns, as `rows.row_fields` reads each row, but each different value is read once: names,
dates, areas, and the phone and address of a home, stand in many rows of a batch.

A test compares both on rows chosen to be awkward. What a value means is said in `rows` and `fields`, not here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from typing import Any, Final

from yima.mpi.bulk import rows
from yima.mpi.bulk.engine import needed
from yima.mpi.bulk.reading import COLUMNS, OPTIONAL
from yima.mpi.fields import mothers_of, names_of, numbers_of, phones_of
from yima.mpi.look_alike import shape_of
from yima.mpi.lunar import solar_of
from yima.mpi.places import address_key, area_code, latin_site, latin_street, site_key, site_pieces
from yima.runtime.errors import Refusal

DERIVED: Final = "day kinds birth_order shape lunar latin_site pieces"
"""What a row has beside the columns of `Fields`: shards made without it are made again."""
_TEXT: Final = (
    "name", "name_ordered", "sound", "sound_other", "latin", "surname", "surname_sound", "given_sound", "script",
    "placeholder", "sex", "birth", "number", "number_class", "area", "address", "site", "birth_time",
)  # fmt: skip
_LISTS: Final = ("words", "documents", "phones", "mother", "kinds", "lunar", "pieces")
_BIT: Final = {problem: 1 << at for at, problem in enumerate(rows.PROBLEMS)}
"""Of each problem its bit; a row's are added up."""
Facts = tuple[Any, ...]


def columns_of(batch: Any, first: int) -> tuple[Any, list[rows.Issue]]:
    """The people table of a batch of `reading.tables` whose first row is the `first` of the input, and what is wrong
    with its rows. Refusal `field-invalid` for a row without record_id."""
    arrow, compute = needed("pyarrow"), needed("pyarrow.compute")
    ids = batch.column("record_id").to_pylist()
    if "" in ids:
        at = first + ids.index("") + 1
        raise Refusal("field-invalid", field=f"record_id of row {at}", expected="an id that is not empty")
    nothing = arrow.repeat("", len(ids))
    made = {f"said_{name}": nothing for name in (*COLUMNS, *OPTIONAL)}
    made |= {f"said_{name}": batch.column(name) for name in batch.schema.names}
    schema = _schema()
    for fact, of, names in _STEPS[:-1]:
        made |= _read(fact, [made[name] for name in of], names, schema)
    # A ward that writes `<mother>之子` has her phone, as the newborn's.
    named = compute.not_equal(made["ward_mother"], "")
    made["ward_phone"] = compute.if_else(named, made["said_phone"].cast(arrow.string()), "")
    fact, of, names = _STEPS[-1]
    made |= _read(fact, [made[name] for name in of], names, schema)
    made |= {"n": arrow.array(range(first, first + len(ids))), "record_id": arrow.array(ids, arrow.string())}
    wrong = reduce(compute.bit_wise_or, [column for name, column in made.items() if name.startswith("wrong_")])
    issues = [
        (ids[at], *problem)
        for at in compute.indices_nonzero(wrong).to_pylist()
        for problem, bit in _BIT.items()
        if wrong[at].as_py() & bit
    ]
    return arrow.table([made[name] for name in schema.names], schema=schema), issues


def _read(fact: Callable[..., Facts], of: Sequence[Any], names: Sequence[str], schema: Any) -> dict[str, Any]:
    """The columns `names`: what `fact` says of the values that stand beside each other in the columns `of`."""
    arrow = needed("pyarrow")
    values, at = _distinct(of)
    found = zip(*[fact(*value) for value in values], strict=True)
    return {
        name: arrow.array(column, schema.field(name).type if name in schema.names else None).take(at)
        for name, column in zip(names, found, strict=True)
    }


def _distinct(columns: Sequence[Any]) -> tuple[list[Facts], Any]:
    """The different rows of some columns, and of each row the place of its values among them."""
    arrow, compute = needed("pyarrow"), needed("pyarrow.compute")
    first, *others = (column.dictionary_encode() for column in columns)
    values: list[Facts] = [(value,) for value in first.dictionary.to_pylist()]
    at = first.indices
    for other in others:
        more, many = other.dictionary.to_pylist(), len(other.dictionary)
        if many == 1:
            values = [(*value, more[0]) for value in values]
            continue
        both = compute.add(compute.multiply(at.cast(arrow.int64()), many), other.indices).dictionary_encode()
        values = [(*values[pair // many], more[pair % many]) for pair in both.dictionary.to_pylist()]
        at = both.indices
    return values, at


@lru_cache(65_536)
def _name(name: str, given: str, family: str, latin_name: str) -> Facts:
    said = rows.name_said(name, given, family)
    parts, latin = names_of(said, rows.cut(family), rows.cut(latin_name))
    wrong = (_BIT[rows.LONG_NAME] if len(name) > rows.LONGEST_NAME else 0) | (
        _BIT[rows.TWO_NAMES] if parts.script == "han" and rows.are_two(name) else 0
    )
    order = "" if parts.order is None else str(parts.order)
    return (
        parts.key, parts.ordered, parts.sound, parts.sound_other, latin, parts.surname, parts.surname_sound,
        parts.given_sound, parts.script, parts.placeholder, parts.words, shape_of(parts.key), parts.mother, order,
        wrong,
    )  # fmt: skip


def _document(kind: str, said: str) -> Facts:
    number = rows.cut(said)
    system = rows.document_system(rows.cut(kind), number)
    key, sure, others = numbers_of(rows.documents_said(system, number))
    wrong = 0
    if number and not system:
        wrong = _BIT[rows.UNKNOWN_KIND]
    elif number and not (key or others):
        wrong = _BIT[rows.NO_NUMBER]
    wrong |= _BIT[rows.BAD_NUMBER] if sure == "bad" else 0
    day, sex = rows.told_by(key) if sure == "valid" else ("", "")
    return key, sure, others, [document.partition("|")[0] for document in others], day, sex, wrong


def _birth(said: str, told: str) -> Facts:
    born = rows.birth_date(rows.cut(said))
    birth = born or ("" if said else told)
    wrong = (_BIT[rows.NO_DATE] if said and not rows.is_date(born) else 0) | (
        _BIT[rows.OTHER_DATE] if told and len(born) == rows.DATE_LENGTH and told != born else 0
    )
    return birth, rows.day_of(birth), solar_of(birth), wrong


def _sex(said: str, told: str) -> Facts:
    sex = rows.sex_said(said) or told
    return sex, _BIT[rows.OTHER_SEX] if told not in ("", sex) else 0


def _phone(said: str) -> Facts:
    phones = phones_of(rows.phones_said(said))
    return phones, _BIT[rows.NO_PHONE] if said and not phones else 0


def _area(said: str) -> Facts:
    return (area_code(rows.plain(said)),)


def _place(said: str) -> Facts:
    address = address_key(rows.cut(said))
    site = site_key(address) if address else latin_street(rows.cut(said))
    return address, site, latin_site(site), site_pieces(site)


def _birth_order(said: str, ward: str) -> Facts:
    order = rows.order_said(said)
    return (ward if order is None else str(order),)


def _birth_time(said: str) -> Facts:
    return (rows.time_said(said),)


def _mother(name: str, number: str, phone: str, ward: str, ward_phone: str) -> Facts:
    numbers, phones = filter(None, [rows.cut(number)]), filter(None, [rows.cut(phone)])
    own = phones_of(rows.phones_said(ward_phone)) if ward else ()
    return (mothers_of(rows.cut(name) or ward, numbers, phones, own),)


_STEPS: Final[tuple[tuple[Callable[..., Facts], tuple[str, ...], tuple[str, ...]], ...]] = (
    (
        _name,
        ("said_name", "said_given_name", "said_family_name", "said_latin_name"),
        ("name", "name_ordered", "sound", "sound_other", "latin", "surname", "surname_sound", "given_sound", "script",
         "placeholder", "words", "shape", "ward_mother", "ward_order", "wrong_name"),
    ),
    (
        _document,
        ("said_id_type", "said_id_no"),
        ("number", "number_class", "documents", "kinds", "told_day", "told_sex", "wrong_number"),
    ),
    (_birth, ("said_birth_date", "told_day"), ("birth", "day", "lunar", "wrong_date")),
    (_sex, ("said_sex", "told_sex"), ("sex", "wrong_sex")),
    (_phone, ("said_phone",), ("phones", "wrong_phone")),
    (_area, ("said_area_code",), ("area",)),
    (_place, ("said_address",), ("address", "site", "latin_site", "pieces")),
    (_birth_order, ("said_birth_order", "ward_order"), ("birth_order",)),
    (_birth_time, ("said_birth_time",), ("birth_time",)),
    (
        _mother,
        ("said_mother_name", "said_mother_id_no", "said_mother_phone", "ward_mother", "ward_phone"),
        ("mother",),
    ),
)  # fmt: skip
"""What is read in order: how, from which columns (`said_`: of the input), and the columns it makes."""


def _schema() -> Any:
    arrow = needed("pyarrow")
    text = arrow.string()
    return arrow.schema(
        [
            ("n", arrow.int64()),
            ("record_id", text),
            ("day", arrow.int32()),
            ("birth_order", text),
            ("shape", text),
            ("latin_site", arrow.bool_()),
        ]
        + [(name, text) for name in _TEXT]
        + [(name, arrow.list_(text)) for name in _LISTS]
    )

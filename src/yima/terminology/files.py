"""Reading terminology files: FHIR JSON, and tables (CSV, TSV) with any columns. Pure: bytes in, `Loading` out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from yima.fhir import parse_value, validate
from yima.runtime.errors import Refusal
from yima.terminology.catalogue import TYPES
from yima.terminology.concept import Concept
from yima.terminology.loading import LONGEST_CODE, Loading, Reject, finished, of_resource

_LONGEST_URL: Final = 500
_LONGEST_WORDS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a table say what, by the words of its head."""

    code: str
    display: str
    parent: str = ""
    definition: str = ""
    status: str = ""
    """deprecated, retired, inactive (any case): not in use any more."""
    designations: Mapping[str, str] = field(default_factory=dict)
    """Column -> language."""
    properties: tuple[str, ...] = ()
    nested: bool = False
    """A code's parent is the longest other code that it begins with, as in ICD-10."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a table of codes is: its system, and its columns (None: told from the head)."""

    system: str = ""
    version: str = ""
    name: str = ""
    columns: Columns | None = None
    nested: bool = False
    """For columns that are told from the head: see `Columns.nested`."""


_LOINC: Final = Columns(
    "LOINC_NUM", "LONG_COMMON_NAME", status="STATUS",
    properties=("COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS", "STATUS"),
)  # fmt: skip
"""Loinc.csv of the LOINC distribution."""
_USUAL: Final = {
    "code": ("code", "代码", "编码", "疾病代码", "诊断编码", "诊断代码", "icd", "icd10", "icd-10", "值", "conceptid"),
    "display": ("display", "name", "名称", "疾病名称", "诊断名称", "term", "说明", "值含义", "description"),
    "parent": ("parent", "上级代码", "父级编码", "上级编码"),
    "definition": ("definition", "定义"),
    "status": ("status", "状态"),
}
"""Heads under which tables usually have their columns."""


def read_file(name: str, content: bytes, table: Table) -> list[Loading]:
    """All resources in a file. Refusal `terminology-file-invalid` with what is wrong with it."""
    if name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        return [_table(name, content, table)]
    return [of_resource(one) for one in _resources(name, content)]


def _invalid(name: str, reason: str) -> Refusal:
    return Refusal("terminology-file-invalid", field=name, reason=reason)


def _check_address(name: str, url: str, version: str) -> None:
    """What finds a resource goes into an index, which has room for so much."""
    if len(url) + len(version) > _LONGEST_URL or any(c < " " for c in url + version):
        raise _invalid(name, f"an address with its version has at most {_LONGEST_URL} characters and no controls")


# --- FHIR ------------------------------------------------------------------------------------------------------------
def _resources(name: str, content: bytes) -> Iterator[dict[str, Any]]:
    try:
        tree = parse_value(content)
    except Refusal as refusal:
        raise _invalid(name, refusal.text("en").rstrip(".")) from None
    found = 0
    for one in _among(tree):
        url = one.get("url")
        if not isinstance(url, str) or not url:
            raise _invalid(name, f"a {one['resourceType']} in it has no url")
        _check_address(name, url, str(one.get("version", "")))
        try:
            validate(one)
        except Refusal as refusal:
            raise _invalid(name, f"{one['resourceType']} {url[:200]}: {refusal.text('en').rstrip('.')}") from None
        found += 1
        yield _decoded(one)
    if not found:
        raise _invalid(name, f"it holds no {', '.join(TYPES)}, alone or in a Bundle")


def _decoded(tree: Any) -> Any:
    """Plain JSON values: numbers of codes are no decimals that must keep their digits."""
    return json.loads(json.dumps(tree, default=float))


def _among(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, list):
        for one in tree:
            yield from _among(one)
    elif isinstance(tree, dict) and tree.get("resourceType") == "Bundle":
        for entry in tree.get("entry", ()):
            yield from _among(entry.get("resource") if isinstance(entry, dict) else None)
    elif isinstance(tree, dict) and tree.get("resourceType") in TYPES:
        yield tree


# --- tables ----------------------------------------------------------------------------------------------------------
def _table(name: str, content: bytes, table: Table) -> Loading:
    rows = csv.reader(io.StringIO(_text(name, content), newline=""), delimiter=_delimiter(content))
    head = [cell.strip() for cell in next(rows, [])]
    is_loinc = table.columns is None and "LOINC_NUM" in head
    columns = table.columns or (_LOINC if is_loinc else replace(_guessed(name, head), nested=table.nested))
    system = table.system or ("http://loinc.org" if is_loinc else "")
    if not system:
        raise _invalid(name, "a table does not say which code system it is; give --system")
    _check_address(name, system, table.version)
    missing = [one for one in (columns.code, columns.display) if one not in head]
    if missing:
        raise _invalid(name, f"it has no column {', '.join(missing)}; its columns are {', '.join(head)[:300]}")
    resource = {
        "resourceType": "CodeSystem", "url": system, "version": table.version, "name": table.name or name,
        "status": "active", "content": "complete", "caseSensitive": True,
    }  # fmt: skip
    loading = Loading({key: value for key, value in resource.items() if value != ""})
    seen: dict[str, Concept] = {}
    try:
        for cells in rows:
            _take(dict(zip(head, cells, strict=False)), f"line {rows.line_num}", columns, seen, loading.rejects)
    except csv.Error as error:
        raise _invalid(name, f"line {rows.line_num}: {error}") from None
    if not seen:
        raise _invalid(name, "no row of it has a code")
    loading.concepts = list(_nested(seen) if columns.nested else seen.values())
    _check_parents(loading, seen)
    return finished(loading)


def _text(name: str, content: bytes) -> str:
    """UTF-8 with or without a mark, else GB 18030, in which many national tables come."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise _invalid(name, "it is neither UTF-8 nor GB 18030 text")


def _delimiter(content: bytes) -> str:
    head = content.split(b"\n", 1)[0]
    return max("\t", ",", ";", "|", key=lambda one: head.count(one.encode()))


def _guessed(name: str, head: Sequence[str]) -> Columns:
    known = {what: next((cell for cell in head if cell.lower() in words), "") for what, words in _USUAL.items()}
    if not known["code"] or not known["display"]:
        raise _invalid(name, f"say --code and --display: its columns are {', '.join(head)[:300] or 'none'}")
    return Columns(known["code"], known["display"], known["parent"], known["definition"], known["status"])


def _take(
    row: Mapping[str, str], place: str, columns: Columns, seen: dict[str, Concept], rejects: list[Reject]
) -> None:
    code, display = (str(row.get(one) or "").strip() for one in (columns.code, columns.display))
    if not any((value or "").strip() for value in row.values()):
        return
    if not code or len(code) > LONGEST_CODE or any(c < " " for c in code):
        rejects.append(
            Reject(place, "it has no code" if not code else "its code is too long or has control characters")
        )
    elif code in seen:
        rejects.append(Reject(place, f"code {code} was there before"))
    elif not display or len(display) > _LONGEST_WORDS:
        rejects.append(Reject(place, f"code {code} has no display, or one over {_LONGEST_WORDS} characters"))
    else:
        seen[code] = _concept(row, code, display, columns)


def _concept(row: Mapping[str, str], code: str, display: str, columns: Columns) -> Concept:
    parents = [piece.strip() for piece in (row.get(columns.parent) or "").split(",")] if columns.parent else []
    status = (row.get(columns.status) or "").strip().lower() if columns.status else ""
    designations = [
        {"language": language, "value": value}
        for column, language in columns.designations.items()
        if (value := (row.get(column) or "").strip())
    ]
    properties = [
        {"code": name, "valueString": value} for name in columns.properties if (value := (row.get(name) or "").strip())
    ]
    return Concept(
        code=code,
        display=display,
        definition=(row.get(columns.definition) or "").strip() if columns.definition else "",
        parents=tuple(dict.fromkeys(one for one in parents if one and one != code)),
        inactive=status in ("deprecated", "retired", "inactive", "discouraged", "停用", "废止", "作废"),
        designations=tuple(designations),
        properties=tuple(properties),
    )


def _nested(seen: Mapping[str, Concept]) -> Iterator[Concept]:
    for code, concept in seen.items():
        parent = next((code[:end] for end in range(len(code) - 1, 0, -1) if code[:end] in seen), "")
        yield replace(concept, parents=(parent,) if parent and not concept.parents else concept.parents)


def _check_parents(loading: Loading, seen: Mapping[str, Concept]) -> None:
    """A parent that is not in the table is named, and left out; its child stays."""
    kept = []
    for concept in loading.concepts:
        unknown = [parent for parent in concept.parents if parent not in seen]
        for parent in unknown:
            loading.rejects.append(
                Reject(f"code {concept.code}", f"its parent {parent} is not there; it stays without")
            )
        kept.append(replace(concept, parents=tuple(p for p in concept.parents if p in seen)) if unknown else concept)
    loading.concepts = kept

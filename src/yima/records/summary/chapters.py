"""Which statements of an overview go into which section of the summary, and how a line of it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Final

import msgspec

from yima.records.overview import Entry, Overview, ResultGroup, Text

COMPOSITION_PROFILE: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"
_SMOKING, _ALCOHOL = "72166-2", ("74013-4", "11331-6")
_NOTHING: Final = Text("", "")
_NONE_KNOWN: Final = Text("无已知情况", "None known")
_NO_INFORMATION: Final = Text("档案中没有这方面的信息", "No information in the record")
_MOST_RESULTS: Final = 60
"""A summary is read in a minute: the newest results, one of each kind."""


class Section(msgspec.Struct, frozen=True):
    """One section: LOINC code and title, lines (cells in both languages), the resources behind them.

    Without lines, `empty` is the code of http://terminology.hl7.org/CodeSystem/list-empty-reason, `note` its words.
    """

    key: str
    code: str
    title: Text
    heads: tuple[Text, ...]
    lines: tuple[tuple[Text, ...], ...]
    sources: tuple[str, ...]
    empty: str = ""
    note: Text = _NOTHING


_HEADS: Final[dict[str, tuple[Text, ...]]] = {
    "entries": (Text("名称", "What"), Text("状态", "Status"), Text("时间", "When"), Text("说明", "Detail")),
    "results": (
        Text("项目", "What"),
        Text("结果", "Result"),
        Text("时间", "When"),
        Text("参考范围", "Reference"),
    ),
}
_TITLES: Final[dict[str, tuple[str, str, str]]] = {
    "problems": ("11450-4", "现患问题", "Problem list"),
    "allergies": ("48765-2", "过敏与不耐受", "Allergies and intolerances"),
    "medicines": ("10160-0", "用药", "Medication summary"),
    "immunisations": ("11369-6", "预防接种", "Immunizations"),
    "results": ("30954-2", "检验检查结果", "Results"),
    "procedures": ("47519-4", "手术与操作", "History of procedures"),
    "devices": ("46264-8", "植入物与医疗器械", "Medical devices"),
    "past": ("11348-0", "既往疾病", "History of past problems"),
    "pregnancy": ("10162-6", "孕产情况", "Pregnancy"),
    "social": ("29762-2", "生活方式", "Social history"),
    "vitals": ("8716-3", "生命体征", "Vital signs"),
}
"""IPS 2.0.0, Composition-uv-ips: the codes of its sections."""
_REQUIRED: Final = ("problems", "allergies", "medicines")


def sections(o: Overview) -> tuple[Section, ...]:
    """The sections with something to say, and the three that may never be missing."""
    vitals, social, pregnancy, results = _results(o.results)
    made = {
        "problems": _entries("problems", (one for one in o.problems if one.active)),
        "allergies": _entries("allergies", o.allergies),
        "medicines": _entries("medicines", (one for one in o.medicines if one.active), _is_order),
        "immunisations": _entries("immunisations", (one for one in o.immunisations if one.active)),
        "results": _values("results", results[:_MOST_RESULTS]),
        "procedures": _entries("procedures", o.procedures),
        "devices": _entries("devices", o.devices, lambda source: source.startswith("DeviceUseStatement/")),
        "past": _entries("past", (one for one in o.problems if not one.active)),
        "pregnancy": _values("pregnancy", pregnancy),
        "social": _values("social", social),
        "vitals": _values("vitals", vitals),
    }
    known_none = {"allergies": o.basics.no_known_allergy, "problems": False, "medicines": False}
    return tuple(
        section if section.lines else _empty(section, known_none[name])
        for name, section in made.items()
        if section.lines or name in _REQUIRED
    )


def references(found: Iterable[Section]) -> list[str]:
    """`Type/id` of everything that a summary of these sections holds, each once."""
    return list(dict.fromkeys(source for section in found for source in section.sources))


def _entries(name: str, rows: Iterable[Entry], fits: Callable[[str], bool] = lambda _: True) -> Section:
    kept = [one for one in rows if fits(one.source)]
    lines = tuple(
        (_beside(one.title, one.plain), one.status, _when(one.when_text or _day(one.when)), one.detail) for one in kept
    )
    return _section(name, _HEADS["entries"], lines, [one.source for one in kept])


def _values(name: str, rows: Sequence[ResultGroup]) -> Section:
    lines = tuple(
        (one.label, _with_unit(one), _when(_day(one.when)), Text(one.reference, one.reference)) for one in rows
    )
    return _section(name, _HEADS["results"], lines, [one.source for one in rows])


def _section(
    name: str, heads: tuple[Text, ...], lines: tuple[tuple[Text, ...], ...], sources: Iterable[str]
) -> Section:
    code, zh, en = _TITLES[name]
    return Section(name, code, Text(zh, en), heads, lines, tuple(dict.fromkeys(sources)))


def _empty(section: Section, none_known: bool) -> Section:
    if none_known:
        return msgspec.structs.replace(section, empty="nilknown", note=_NONE_KNOWN)
    return msgspec.structs.replace(section, empty="unavailable", note=_NO_INFORMATION)


def _results(
    groups: Sequence[ResultGroup],
) -> tuple[list[ResultGroup], list[ResultGroup], list[ResultGroup], list[ResultGroup]]:
    vitals, social, pregnancy, others = [], [], [], []
    for one in groups:
        if one.code == _SMOKING or one.code in _ALCOHOL:
            social.append(one)
        elif one.panel.en == "Pregnancy":
            pregnancy.append(one)
        elif one.panel.en == "Vital signs":
            vitals.append(one)
        elif one.panel.en != "Way of life":
            others.append(one)
    others.sort(key=lambda one: one.when or date.min, reverse=True)
    return vitals, social, pregnancy, others


def _is_order(source: str) -> bool:
    return source.startswith(("MedicationRequest/", "MedicationStatement/"))


def _beside(title: Text, plain: Text) -> Text:
    return Text(
        f"{title.zh}（{plain.zh}）" if plain.zh else title.zh, f"{title.en} ({plain.en})" if plain.en else title.en
    )


def _with_unit(one: ResultGroup) -> Text:
    return Text(f"{one.value.zh} {one.unit}".strip(), f"{one.value.en} {one.unit}".strip())


def _when(text: str) -> Text:
    return Text(text, text)


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""

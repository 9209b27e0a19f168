"""A code system in memory, and how concepts as they are written (nested, or with parents) become flat ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from yima.terminology.concept import MOST, Concept, Wanted, passes, too_costly

_INACTIVE: Final = frozenset({"deprecated", "retired", "inactive"})
Resource = Mapping[str, Any]


class Tree:
    """A code system held in memory."""

    def __init__(self, resource: Resource) -> None:
        self.url = str(resource["url"])
        self.version = str(resource.get("version", ""))
        self.name = str(resource.get("name", "") or self.url)
        self._folds = resource.get("caseSensitive") is False
        flat, _ = closed(flattened(resource.get("concept", ())))
        self.concepts = {self.key(concept.code): concept for concept in flat}
        self.is_listed = bool(self.concepts) or resource.get("content") == "complete"

    def key(self, code: str) -> str:
        """See `System.key`."""
        return code.lower() if self._folds else code

    async def select(self, wanted: Wanted) -> list[Concept]:
        """See `System.select`."""
        if wanted.codes is None:
            rows = list(self.concepts.values())
        else:
            held = (self.concepts.get(self.key(code)) for code in wanted.codes)
            rows = [concept for concept in held if concept]
        conditions = [
            (row, self._above(row.value) if row.op == "generalizes" else frozenset()) for row in wanted.filters
        ]
        words = wanted.words()
        found = [
            concept
            for concept in rows
            if not (wanted.active and concept.inactive)
            and all(passes(concept, row, above) for row, above in conditions)
            and (not words or has_words(concept.words(), words))
        ]
        if len(found) > MOST:
            raise too_costly()
        return found

    def _above(self, code: str) -> frozenset[str]:
        found = self.concepts.get(self.key(code))
        return found.ancestors if found else frozenset()


def has_words(text: str, words: Iterable[str]) -> bool:
    """Whether each of the words stands in the text."""
    return all(word in text for word in words)


# --- from what is written --------------------------------------------------------------------------------------------
@dataclass(slots=True)
class _Open:
    """A concept whose parents may still grow: they are said by nesting, by `parent`, or by the parent's `child`."""

    concept: Concept
    parents: list[str]


def flattened(rows: Iterable[Resource]) -> list[Concept]:
    """CodeSystem.concept with all that is nested, in its order; `ancestors` are not known yet. The first of a code
    counts."""
    found: dict[str, _Open] = {}
    said: list[tuple[str, str]] = []
    for row, parent in _walk(rows):
        code = str(row.get("code", ""))
        if not code:
            continue
        properties = tuple(row.get("property", ()))
        concept = found.setdefault(code, _Open(_concept(code, row, properties), []))
        if parent and parent not in concept.parents:
            concept.parents.append(parent)
        for one in properties:
            other = str(one.get("valueCode", ""))
            if other and one.get("code") == "parent":
                said.append((code, other))
            elif other and one.get("code") == "child":
                said.append((other, code))
    for code, parent in said:
        if code in found and parent not in found[code].parents:
            found[code].parents.append(parent)
    return [replace(one.concept, parents=tuple(one.parents)) for one in found.values()]


def _walk(rows: Iterable[Resource]) -> Iterator[tuple[Resource, str]]:
    """(concept, code of the one it is nested in), in the written order, however deep."""
    waiting: list[tuple[Iterator[Resource], str]] = [(iter(rows), "")]
    while waiting:
        row = next(waiting[-1][0], None)
        if row is None:
            waiting.pop()
            continue
        yield row, waiting[-1][1]
        waiting.append((iter(row.get("concept", ())), str(row.get("code", ""))))


def _concept(code: str, row: Resource, properties: tuple[Mapping[str, Any], ...]) -> Concept:
    return Concept(
        code=code,
        display=str(row.get("display", "")),
        definition=str(row.get("definition", "")),
        inactive=any(_is_inactive(one) for one in properties),
        abstract=any(
            one.get("code") in ("notSelectable", "abstract") and one.get("valueBoolean") for one in properties
        ),
        designations=tuple(row.get("designation", ())),
        properties=tuple(one for one in properties if one.get("code") not in ("parent", "child")),
    )


def _is_inactive(row: Mapping[str, Any]) -> bool:
    value = row.get("valueCode", row.get("valueString", row.get("valueBoolean")))
    return (row.get("code") == "inactive" and value in (True, "true")) or (
        row.get("code") == "status" and str(value).lower() in _INACTIVE
    )


def closed(concepts: Iterable[Concept]) -> tuple[list[Concept], list[str]]:
    """The concepts with their ancestors, in the same order, and the codes that stand in a circle of parents: those are
    left out. Parents that are no concepts themselves stay, as ancestors with nothing above them."""
    rows = {concept.code: concept for concept in concepts}
    below: dict[str, list[str]] = {}
    missing = {}
    for concept in rows.values():
        missing[concept.code] = sum(parent in rows for parent in concept.parents)
        for parent in concept.parents:
            below.setdefault(parent, []).append(concept.code)
    ready = [code for code, count in missing.items() if not count]
    above: dict[str, frozenset[str]] = {}
    for code in ready:  # grows while it is read: a concept follows once all above it are known
        parents = rows[code].parents
        above[code] = frozenset(parents).union(*(above.get(parent, ()) for parent in parents))
        for child in below.get(code, ()):
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    kept = [replace(concept, ancestors=above[code]) for code, concept in rows.items() if code in above]
    return kept, [code for code in rows if code not in above]

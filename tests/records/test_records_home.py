"""What is kept of a home is always what its resources say: folding changes in equals reading everything anew."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store import ALL, VAULT, Shelf, seen

from yima import fhir
from yima.records import Sight
from yima.records.home import Home, Overviews, folded, packed, put_together, unpacked
from yima.records.home.store import SQL
from yima.records.overview import Overview, overview
from yima.runtime.database import Database

TODAY = date(2026, 3, 2)
ICD10, LOINC, ATC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org", "http://www.whocc.no/atc"


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], "text": code}


def _day(back: int) -> str:
    return (TODAY - timedelta(days=back)).isoformat()


days = st.integers(0, 900).map(_day)
links = st.sampled_from([{}, *({"encounter": {"reference": f"Encounter/{name}"}} for name in ("v0", "v1"))])
bodies = st.one_of(
    st.builds(
        lambda birth, name: {"resourceType": "Patient", "birthDate": birth, "name": [{"text": name}]},
        st.sampled_from(["1950-01-02", "1988", "2024-05-06"]),
        st.sampled_from(["王芳", "Wang Fang"]),
    ),
    st.builds(
        lambda code, at, link: {
            "resourceType": "Condition", "code": _coded(ICD10, code), "recordedDate": at, **link
        },
        st.sampled_from(["I10", "E11.9", "F20", "B20", "J06", "Z34"]), days, links,
    ),
    st.builds(
        lambda code, at, value, link: {
            "resourceType": "Observation", "code": _coded(LOINC, code), "effectiveDateTime": at,
            "valueQuantity": {"value": value, "unit": "kg"}, **link
        },
        st.sampled_from(["29463-7", "8302-2", "4548-4", "18185-9"]), days,
        st.decimals(1, 99, places=2), links,
    ),
    st.builds(
        lambda at, letter: {
            "resourceType": "Observation", "code": _coded(LOINC, "883-9"), "effectiveDateTime": at,
            "valueCodeableConcept": {"text": letter},
        },
        days, st.sampled_from(["A", "B", "O"]),
    ),
    st.builds(
        lambda code, at: {
            "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "medicationCodeableConcept": _coded(ATC, code), "authoredOn": at,
        },
        st.sampled_from(["B01AA03", "C09AA02"]), days,
    ),
    st.builds(
        lambda kind, at: {"resourceType": "Encounter", "status": "finished", "class": {"code": kind},
                          "period": {"start": at, "end": at}},
        st.sampled_from(["AMB", "IMP"]), days,
    ),
    st.just({"resourceType": "AllergyIntolerance", "code": {"text": "青霉素"}, "criticality": "high"}),
    st.just({"resourceType": "CarePlan", "status": "active"}),
)  # fmt: skip
changes = st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), bodies)), max_size=25)


class Rows:
    """The table as far as one home goes: the present version of each resource."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.present: dict[tuple[str, str], dict[str, Any]] = {}

    def change(self, place: int, body: dict[str, Any] | None) -> dict[str, Any] | None:
        """Create, update or (None) delete the resource of a place; the row as it stands then."""
        if body is None:
            known = [key for key in self.present if key[1] == f"{self.prefix}{place}"]
            if not known:
                return None
            row = self.present[known[0]]
            row |= {"version": row["version"] + 1, "deleted": True}
            return dict(row)
        key = (body["resourceType"], f"{self.prefix}{place}")
        version = self.present[key]["version"] + 1 if key in self.present else 1
        content = fhir.encode(body | {"id": key[1]})
        cls = "psychiatric" if "F20" in content.decode() else ""
        self.present[key] = {
            "type": key[0], "id": key[1], "version": version, "institution_id": place % 2, "class": cls,
            "deleted": False, "content": content, "patient": f"p{place % 3}",
        }  # fmt: skip
        return dict(self.present[key])

    def anew(self, sight: Sight) -> list[dict[str, Any]]:
        """The resources within sight, parsed."""
        return [
            fhir.parse(row["content"])
            for row in self.present.values()
            if not row["deleted"] and (row["class"] not in sight.closed or row["institution_id"] == sight.author)
        ]


def _pages(homes: list[Home], sight: Sight) -> Overview:
    return put_together(homes, sight, TODAY).overview


@settings(max_examples=60, deadline=None)
@given(first=changes, second=changes, chunk=st.integers(1, 6))
def test_folding_equals_reading_anew_whatever_was_written_in_whatever_order(
    first: list[tuple[int, Any]], second: list[tuple[int, Any]], chunk: int
) -> None:
    # Two homes, as after a merge of two persons; an unmerge is each of them alone.
    tables, homes = [Rows("v"), Rows("w")], [folded(None, []), folded(None, [])]
    for place, written in enumerate((first, second)):
        home = folded(None, [])
        for start in range(0, len(written), chunk):
            rows = [row for change in written[start : start + chunk] if (row := tables[place].change(*change))]
            home = folded(home, [(row, row["content"]) for row in rows])
            home = unpacked(packed(home))
        homes[place] = home
    for sight in (ALL, seen(frozenset({"psychiatric"})), seen(frozenset({"psychiatric"}), author=1)):
        together = tables[0].anew(sight) + tables[1].anew(sight)
        assert _pages(homes, sight) == overview(together, TODAY)
        assert _pages(homes[:1], sight) == overview(tables[0].anew(sight), TODAY)


class Opening(Shelf):
    """A home with a worker that opens it."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.overviews = Overviews(db, VAULT)


@pytest.fixture
def shelf(db: Database) -> Opening:
    return Opening(db)


def _weight(value: int) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "status": "final", "code": _coded(LOINC, "29463-7"),
        "effectiveDateTime": "2026-01-01", "valueQuantity": {"value": value, "unit": "kg"},
    }  # fmt: skip


async def _weights(shelf: Opening) -> list[str]:
    opened = await shelf.overviews.open([shelf.home], ALL, TODAY)
    return [group.value.zh for group in opened.overview.results]


async def test_every_write_is_seen_by_the_next_reader(shelf: Opening) -> None:
    assert await _weights(shelf) == []
    written = await shelf.create(_weight(60))
    assert await _weights(shelf) == ["60"]
    written = await shelf.update(written, _weight(61))
    assert await _weights(shelf) == ["61"]
    await shelf.delete(written)
    assert await _weights(shelf) == []


async def test_only_what_changed_is_read_again(shelf: Opening) -> None:
    kept = await shelf.create(_weight(60))
    await _weights(shelf)
    async with shelf.db.transaction() as c:  # behind the platform's back: what is not read again does not show it
        await c.execute("update records.resource set content = '{}' where home = $1 and id = $2", shelf.home, kept.id)
    other = await shelf.create({**_weight(70), "code": _coded(LOINC, "8302-2")})
    assert sorted(await _weights(shelf)) == ["60", "70"]
    await shelf.delete(other)
    assert await _weights(shelf) == ["60"]


async def test_what_was_kept_by_other_rules_is_made_anew(shelf: Opening) -> None:
    await shelf.create(_weight(60))
    await _weights(shelf)
    await shelf.db.execute("update records.home set rules = 0, content = '' where home = $1", shelf.home)
    shelf.overviews = Overviews(shelf.db, VAULT)  # another worker, which remembers nothing
    assert await _weights(shelf) == ["60"]


async def test_a_slow_reader_does_not_undo_what_a_later_one_kept(shelf: Opening) -> None:
    await shelf.create(_weight(60))
    await _weights(shelf)
    row = await shelf.db.fetchrow("select * from records.home where home = $1", shelf.home)
    await shelf.create(_weight(70))
    await _weights(shelf)
    await shelf.db.execute(SQL.keep, *row.values())
    after = await shelf.db.fetchrow("select versions from records.home where home = $1", shelf.home)
    assert after["versions"] == row["versions"] + 1

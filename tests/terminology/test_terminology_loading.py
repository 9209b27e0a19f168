"""Loading into the database: what is loaded counts at once, replaces what was there, and can be taken out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from yima.access import Access
from yima.cli.terminology import load_files
from yima.runtime import clock, settings
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.terminology import Coding, Columns, Expanding, Table, Terminology, Translating, read_file

SYSTEM = "urn:test:loaded"
ALL = Expanding()


async def _load(terminology: Terminology, text: str, version: str = "1", system: str = SYSTEM) -> None:
    [loading] = read_file("t.csv", text.encode(), Table(system, version, "Test", nested=True))
    await terminology.load(loading, clock.now())


async def _codes(terminology: Terminology, url: str, how: Expanding = ALL) -> list[str]:
    found = await terminology.expand(await terminology.value_set(url), how, clock.now())
    return [row["code"] for row in found["expansion"].get("contains", ())]


async def test_a_second_load_replaces_the_first_and_versions_stand_beside_each_other(db: Database) -> None:
    terminology = Terminology(db)
    await _load(terminology, "code,display\nA,old\nB,old\n")
    await _load(terminology, "code,display\nA,new\n")
    assert await _codes(terminology, f"{SYSTEM}?fhir_vs") == ["A"]
    await _load(terminology, "code,display\nZ,later\n", version="2")
    assert await _codes(terminology, f"{SYSTEM}?fhir_vs") == ["Z"]
    looked = await terminology.lookup(Coding("A", SYSTEM, "1"), ["display"], "")
    assert {"name": "display", "valueString": "new"} in looked["parameter"]
    assert [(row.version, row.concepts) for row in await terminology.loaded()] == [("1", 1), ("2", 1)]
    assert await terminology.unload(SYSTEM) == 2
    with pytest.raises(Refusal, match="code-system-unknown"):
        await terminology.lookup(Coding("A", SYSTEM), [], "")
    with pytest.raises(Refusal, match="code-system-unknown"):
        await terminology.unload(SYSTEM)
    assert (await db.fetchrow("select count(*) from terminology.concept"))[0] == 0


async def test_what_is_loaded_covers_what_r4_brings(db: Database) -> None:
    terminology = Terminology(db)
    url = "http://hl7.org/fhir/administrative-gender"
    text = "code,display\nmale,男性\nfemale,女性\n"
    await _load(terminology, text, version="cn", system=url)
    assert await _codes(terminology, "http://hl7.org/fhir/ValueSet/administrative-gender") == ["male", "female"]
    assert await terminology.unload(url) == 1
    assert len(await _codes(terminology, "http://hl7.org/fhir/ValueSet/administrative-gender")) == 4


async def test_a_system_without_case_and_inactive_codes(db: Database) -> None:
    terminology = Terminology(db)
    system = {
        "resourceType": "CodeSystem", "id": "folds", "url": "urn:folds", "status": "active", "content": "complete",
        "caseSensitive": False, "name": "Folds",
        "concept": [{"code": "Ab", "display": "x", "concept": [{"code": "Cd"}]},
                    {"code": "Ef", "property": [{"code": "inactive", "valueBoolean": True}]}],
    }  # fmt: skip
    [loading] = read_file("f.json", json.dumps(system).encode(), Table())
    loaded = await terminology.load(loading, clock.now())
    assert (loaded.type, loaded.concepts) == ("CodeSystem", 3)
    found = await terminology.validate_in_system("urn:folds", "", [Coding("AB")], "")
    assert {"name": "code", "valueCode": "Ab"} in found["parameter"]
    assert await terminology.codes_below("urn:folds", "ab") == [("urn:folds", "Ab"), ("urn:folds", "Cd")]
    assert await terminology.codes_above("urn:folds", "CD") == [("urn:folds", "Cd"), ("urn:folds", "Ab")]
    assert await _codes(terminology, "urn:folds?fhir_vs", Expanding(active=True)) == ["Ab", "Cd"]
    assert (await terminology.read("CodeSystem", "folds") or {})["count"] == 3


async def test_value_sets_and_maps_are_loaded_too(db: Database) -> None:
    terminology = Terminology(db)
    group = {
        "source": "urn:a",
        "target": "urn:b",
        "element": [{"code": "1", "target": [{"code": "2", "equivalence": "equal"}]}],
    }
    inner = {
        "resourceType": "ValueSet",
        "status": "active",
        "url": "urn:inner",
        "compose": {"include": [{"system": "urn:a", "concept": [{"code": "1"}]}]},
    }
    outer = {
        "resourceType": "ValueSet",
        "status": "active",
        "url": "urn:outer",
        "compose": {"include": [{"valueSet": ["urn:inner"]}]},
    }
    circle = {
        "resourceType": "ValueSet",
        "status": "active",
        "url": "urn:circle",
        "compose": {"include": [{"valueSet": ["urn:circle"]}]},
    }
    only = {
        "resourceType": "ValueSet",
        "status": "active",
        "url": "urn:only",
        "expansion": {"timestamp": "2025-01-01", "contains": [{"system": "s", "code": "x"}]},
    }
    concept_map = {"resourceType": "ConceptMap", "status": "active", "url": "urn:map", "group": [group]}
    for loading in read_file("b.json", json.dumps([inner, outer, circle, only, concept_map]).encode(), Table()):
        await terminology.load(loading, clock.now())
    assert await _codes(terminology, "urn:outer") == ["1"]
    assert await _codes(terminology, "urn:only") == ["x"]
    with pytest.raises(Refusal, match="field-invalid"):
        await _codes(terminology, "urn:circle")
    found = await terminology.translate(None, Translating(codings=(Coding("1", "urn:a"),)))
    assert found["parameter"][0] == {"name": "result", "valueBoolean": True}


async def test_more_than_may_be_touched_is_too_costly_and_a_filter_narrows_it(db: Database) -> None:
    terminology = Terminology(db)
    rows = "".join(f"C{n},concept {n}\n" for n in range(20_001))
    [loading] = read_file(
        "t.csv", f"code,display\n{rows}".encode(), Table("urn:large", columns=Columns("code", "display"))
    )
    written: list[int] = []
    await terminology.load(loading, clock.now(), written.append)
    assert sum(written) == 20_001
    with pytest.raises(Refusal, match="too-costly"):
        await _codes(terminology, "urn:large?fhir_vs")
    assert await _codes(terminology, "urn:large?fhir_vs", Expanding(text="concept 20000")) == ["C20000"]
    assert await terminology.codes_of(await terminology.value_set("urn:large?fhir_vs")) == [("urn:large", "*")]
    await terminology.unload("urn:large")


async def test_the_command_loads_the_good_files_and_tells_of_the_bad(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "good.csv.gz").write_bytes(gzip.compress(b"code,display\nA,a\nA,b\n"))
    (tmp_path / "bad.csv").write_text("x\n", encoding="utf-8")
    (tmp_path / "torn.csv.gz").write_bytes(gzip.compress(b"code,display\n" * 100)[:20])
    chosen = settings.load({"data": tmp_path, "development": True})
    access = await Access.open(database_url, chosen, "http://127.0.0.1:8420")
    try:
        files = [tmp_path / name for name in ("bad.csv", "torn.csv.gz", "good.csv.gz")]
        report = await load_files(access, files, Table("urn:command", "1"))
        assert [(one.url, one.concepts) for one in report.loaded] == [("urn:command", 1)]
        assert [refusal.code for refusal in report.refused] == ["terminology-file-invalid"] * 2
        assert report.path is not None
        [reject] = [json.loads(line) for line in report.path.read_text(encoding="utf-8").splitlines()]
        assert (reject["file"], reject["place"]) == ("good.csv.gz", "line 3")
        await Terminology(access.database).unload("urn:command")
    finally:
        await access.close()

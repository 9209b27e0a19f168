"""Reading terminology files: tables in the forms they come in, FHIR, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.runtime.errors import Refusal
from yima.terminology import Columns, Table, read_file

HERE = Table("urn:here", "1")


def _codes(text: str, table: Table = HERE, encoding: str = "utf-8") -> dict[str, Any]:
    [loading] = read_file("t.csv", text.encode(encoding), table)
    return {one.code: one for one in loading.concepts}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("code,display\nA,甲\n", "utf-8"),
        ("code,display\r\nA,甲\r\n", "utf-8-sig"),
        ("代码,名称\nA,甲\n", "gb18030"),
        ("编码\t名称\nA\t甲\n", "utf-8"),
        ('"Code";"Name"\n"A";"甲"\n\n;\n', "utf-8"),
        ("疾病代码|疾病名称|备注\nA|甲|x\n", "utf-8"),
    ],
)
def test_tables_in_the_forms_they_come_in(text: str, encoding: str) -> None:
    found = _codes(text, encoding=encoding)
    assert {code: one.display for code, one in found.items()} == {"A": "甲"}


def test_columns_by_name() -> None:
    columns = Columns("id", "zh", "up", "what", "state", {"en": "en-US"}, ("kind",))
    text = "id,zh,en,up,what,state,kind\nA,甲,Alpha,,root,,x\nB,乙,,A,,停用,\n"
    found = _codes(text, Table("urn:here", "1", "n", columns))
    assert found["A"].designations == ({"language": "en-US", "value": "Alpha"},)
    assert found["A"].properties == ({"code": "kind", "valueString": "x"},)
    assert (found["A"].definition, found["B"].parents, found["B"].inactive) == ("root", ("A",), True)
    assert found["A"].named("en") == "Alpha"
    assert found["B"].named("en") == "乙"


def test_nested_codes() -> None:
    found = _codes("code,display\nA00,x\nA00.0,x\nA00.001,x\nB1,x\n", Table("urn:here", nested=True))
    assert {code: one.parents for code, one in found.items()} == {
        "A00": (), "A00.0": ("A00",), "A00.001": ("A00.0",), "B1": (),
    }  # fmt: skip
    assert found["A00.001"].ancestors == {"A00", "A00.0"}


def test_loinc_needs_no_words() -> None:
    text = (
        '"LOINC_NUM","COMPONENT","LONG_COMMON_NAME","STATUS"\n"1-8","Acyclovir","Acyclovir [Susceptibility]","ACTIVE"\n'
    )
    [loading] = read_file("Loinc.csv", text.encode(), Table(version="2.78"))
    assert (loading.resource["url"], loading.resource["version"]) == ("http://loinc.org", "2.78")
    assert {"code": "COMPONENT", "valueString": "Acyclovir"} in loading.concepts[0].properties


def test_rows_that_are_rejected_are_told_with_reasons() -> None:
    text = f"code,display,parent\nA,a,\n,b,\nA,again,\nC,,\n{'x' * 501},d,\nE,e,NONE\nF,f,G\nG,g,F\nH,h,F\n"
    [loading] = read_file("t.csv", text.encode(), HERE)
    assert [one.code for one in loading.concepts] == ["A", "E"]
    reasons = {reject.place: reject.reason for reject in loading.rejects}
    assert "no code" in reasons["line 3"]
    assert "was there before" in reasons["line 4"]
    assert "no display" in reasons["line 5"]
    assert "too long" in reasons["line 6"]
    assert "its parent NONE is not there" in reasons["code E"]
    assert all("back to itself" in reasons[f"code {code}"] for code in "FGH")


BAD = [
    ("t.csv", b"", "say --code"),
    ("t.csv", b"a,b\n1,2\n", "say --code and --display: its columns are a, b"),
    ("t.csv", b"code,display\n", "no row"),
    ("t.csv", b"code,display\n\xff\xff\x00\n", "neither UTF-8"),
    ("t.csv", b'code,display\nA,"' + b"x" * 200_000, "field larger"),
    ("t.json", b"{", "cannot be loaded"),
    ("t.json", b"[]", "holds no CodeSystem"),
    ("t.json", b'{"resourceType":"Patient"}', "holds no CodeSystem"),
    ("t.json", b'{"resourceType":"CodeSystem","status":"active","content":"complete"}', "has no url"),
    (
        "t.json",
        b'{"resourceType":"CodeSystem","url":"u","status":"active","content":"complete","concept":"x"}',
        "concept",
    ),
    ("t.json", b'{"resourceType":"ValueSet","url":"u"}', "status"),
    ("t.json", b'{"resourceType":"ValueSet","status":"active","url":"u%s"}' % (b"x" * 500), "at most 500"),
    ("t.json", b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"ValueSet","url":5}}]}', "has no url"),
]


@pytest.mark.parametrize(("name", "content", "reason"), BAD)
def test_files_that_cannot_be_read(name: str, content: bytes, reason: str) -> None:
    with pytest.raises(Refusal, match="terminology-file-invalid") as caught:
        read_file(name, content, HERE)
    assert reason in caught.value.text("en")


def test_a_table_must_say_its_system_and_have_its_columns() -> None:
    with pytest.raises(Refusal) as caught:
        read_file("t.csv", b"code,display\nA,a\n", Table())
    assert "give --system" in caught.value.text("en")
    with pytest.raises(Refusal) as caught:
        read_file("t.csv", b"code,display\nA,a\n", Table("urn:x", columns=Columns("code", "name")))
    assert "no column name" in caught.value.text("en")


def test_fhir_in_a_bundle_with_nested_concepts_and_properties() -> None:
    system = {
        "resourceType": "CodeSystem", "url": "urn:x", "status": "active", "content": "complete", "caseSensitive": False,
        "concept": [
            {"code": "A", "concept": [{"code": "B", "concept": [{"code": "C"}]}]},
            {"code": "D", "property": [{"code": "parent", "valueCode": "B"},
                                       {"code": "status", "valueCode": "retired"}]},
            {"code": "E", "property": [{"code": "child", "valueCode": "D"},
                                       {"code": "notSelectable", "valueBoolean": True}]},
        ],
    }  # fmt: skip
    bundle = {"resourceType": "Bundle", "entry": [{"resource": system}, {"resource": {"resourceType": "Patient"}}, {}]}
    [loading] = read_file("b.json", json.dumps(bundle).encode(), Table())
    found = {one.code: one for one in loading.concepts}
    assert list(found) == ["A", "B", "C", "D", "E"]
    assert found["C"].ancestors == {"A", "B"}
    assert found["D"].ancestors == {"A", "B", "E"}
    assert (found["D"].inactive, found["E"].abstract) == (True, True)
    assert "concept" not in loading.resource


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for name in ("t.csv", "t.json"):
        try:
            read_file(name, content, HERE)
        except Refusal as refusal:
            code = refusal.code
        else:
            code = "terminology-file-invalid"
        assert code == "terminology-file-invalid"

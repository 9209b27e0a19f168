"""The FHIR store under chance: changed resources, searches, operations, patches and page links; never a 5xx.

A few hundred requests of a fixed seed in the suite; `YIMA_FUZZ=seed:seconds` goes on for that long, and
`YIMA_FHIR_EXAMPLES` (see test_official_examples.py) gives it R4's own examples to change.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from support import Institution, Platform, encounter, observation, patient, report
from yima import fhir

ODD = [
    None,
    True,
    0,
    -1,
    1e308,
    10**400,
    "",
    " ",
    "\x00",
    "\ud800",
    "a" * 70_000,
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"reference": "Patient/x"},
    {"reference": "#"},
    {"reference": "Patient?_id=,"},
    "urn:uuid:1",
    "2026-02-30",
    "0000-00-00",
    "9999-12-31T23:59:60Z",
    "Patient",
    "<div/>",
    "%zz",
    "1.0E+99999",
    {"resourceType": "Bundle"},
]
VALUES = [
    "",
    ",",
    "|",
    "||",
    "$",
    "\\",
    "\\,",
    "a|b|c",
    "Patient/x",
    "Patient/x/_history/1",
    "http://x/Patient/1",
    "#x",
    "true",
    "ge2026",
    "ap0001-01-01",
    "lt9999-12-31T23:59:59.999999999Z",
    "2026-13",
    "ap1e300",
    "1e-400",
    "-0",
    "5||mg",
    "NaN",
    "5.4|http://unitsofmeasure.org|mmol/L",
    "x" * 2000,
    "\x00",
    "%",
    "1$2",
    "http://loinc.org|",
    "*",
    "Observation:*",
    "Observation:subject",
    "Provenance:target",
    "Patient:link:RelatedPerson",
    "http://hl7.org/fhir/ValueSet/observation-codes",
    "-date,code",
    "9" * 30,
    "_id",
    "é\u200b𠮷",
    "2026-01-01T00:00:00+14:00",
]
SHAPES = """
    _sort _count _include _revinclude _include:iterate _summary _elements _total _cursor _has _type _id _lastUpdated
    _tag _profile _since _at _format _filter _contained _list
""".split()  # noqa: SIM905  a list would be one word a line
MODIFIERS = [
    "",
    "",
    "",
    ":exact",
    ":contains",
    ":missing",
    ":not",
    ":text",
    ":in",
    ":not-in",
    ":above",
    ":below",
    ":of-type",
    ":identifier",
    ":Patient",
    ":Nothing",
    ".name",
    ".identifier",
    ":Patient.organization.name",
    ":iterate",
]
OPERATIONS = """
    ValueSet/$expand ValueSet/$validate-code CodeSystem/$lookup CodeSystem/$subsumes Observation/$lastn
    CodeSystem/$validate-code ConceptMap/$translate DocumentReference/$docref Patient/$match Patient/$ihe-pix
    {p}/$everything {p}/$summary {p}/$meta {o}/$meta-add {o}/$meta-delete Observation/$validate {o}/$validate
    Patient/$summary {p}/_history {o}/_history/1 _history {p}/Observation {p}/*
""".split()  # noqa: SIM905  a list would be one word a line
HAS = ["Observation:patient", "Observation:subject:code", "x", "Encounter:patient:_has:Observation:encounter"]
NAMES = """
    url code system display version filter count offset includeDesignations target coding codeA codeB valueSet _type
    _since max patient start end identifier mode profile date
""".split()  # noqa: SIM905  a list would be one word a line


class Chance:
    """Requests by a seed."""

    def __init__(self, seed: int, known: dict[str, str], examples: list[dict[str, Any]]) -> None:
        self.random, self.known, self.examples = Random(seed), known, examples
        self.links: list[str] = []

    def request(self) -> tuple[str, str, Any]:
        """(method, path, body)."""
        kind = self.random.choice(
            (self.write, self.write, self.patch, self.search, self.search, self.operation, self.page)
        )
        return kind()

    def changed(self) -> dict[str, Any]:
        """A copy of an example with up to three things changed, anywhere."""
        tree: dict[str, Any] = json.loads(json.dumps(self.random.choice(self.examples)))
        for _ in range(self.random.randint(0, 3)):
            node: Any = tree
            while isinstance(node, dict | list) and node:
                key = self.random.choice(list(node)) if isinstance(node, dict) else self.random.randrange(len(node))
                if not isinstance(node[key], dict | list) or self.random.random() < 0.25:
                    odd = self.random.choice((*ODD, node, self.known, {"value": node[key]}))
                    node[key] = json.loads(json.dumps(odd))  # a copy: nothing contains itself
                    break
                node = node[key]
        return tree

    def write(self) -> tuple[str, str, Any]:
        body = self.changed()
        named = body.get("resourceType")
        name = named if isinstance(named, str) and named.isalpha() and named.isascii() else "Observation"
        method, path = self.random.choice(
            (
                ("POST", name),
                ("PUT", f"{name}/{body.get('id', 'x')}"[:60]),
                ("PUT", f"{name}?{self.query(name)}"),
                ("POST", f"{name}/$validate"),
            )
        )
        if self.random.random() < 0.15:
            entries = [
                {"request": {"method": method, "url": path}, "resource": body},
                {"request": {"method": "GET", "url": self.search()[1]}},
            ]
            return (
                "POST",
                "",
                {"resourceType": "Bundle", "type": self.random.choice(("batch", "transaction")), "entry": entries},
            )
        return method, quote(path, errors="replace", safe="/?=&$%:|,*"), body

    def patch(self) -> tuple[str, str, Any]:
        def at() -> Any:
            return self.random.choice(
                ("/status", "/code/coding/0/code", "/valueQuantity/value", "/-", "", "/a~2", "/code/coding/-", "/id", 5)
            )

        one = {
            "op": self.random.choice(("add", "remove", "replace", "move", "copy", "test", "x")),
            "path": at(),
            "from": at(),
            "value": self.random.choice(ODD),
        }
        if self.random.random() < 0.5:
            return "PATCH", self.known["o"], [one] * self.random.randint(0, 3)
        words = (
            "Observation.status",
            "Observation.code.coding[0]",
            "Observation",
            "x(",
            "Observation.where(",
            "''",
            "1/0",
            "Observation.repeat(children())",
        )
        names = {
            "type": ("add", "insert", "delete", "replace", "move", "x"),
            "path": words,
            "name": ("status", "code", "x"),
        }
        part: list[dict[str, Any]] = [
            {"name": name, "valueString": self.random.choice(of)} for name, of in names.items()
        ]
        part.append(
            {"name": "value", self.random.choice(("valueCode", "valueQuantity", "valueX")): self.random.choice(ODD)}
        )
        return (
            "PATCH",
            self.known["o"],
            {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]},
        )

    def query(self, name: str) -> str:
        known = sorted(fhir.SEARCH.get(name, fhir.SEARCH["Observation"]))
        pairs = []
        for _ in range(self.random.randint(0, 3)):
            key = (
                self.random.choice(SHAPES)
                if self.random.random() < 0.4
                else self.random.choice(known) + self.random.choice(MODIFIERS)
            )
            if key == "_has":
                key = f"_has:{self.random.choice(HAS)}:{self.random.choice(known)}"
            pairs.append((key, ",".join(self.random.choices(VALUES, k=self.random.choice((1, 1, 2))))))
        return urlencode(pairs, errors="replace")

    def search(self) -> tuple[str, str, Any]:
        name = self.random.choice((*sorted(fhir.SEARCH), "Observation", "Patient", "Encounter", "ValueSet"))
        return "GET", f"{name}?{self.query(name)}", None

    def operation(self) -> tuple[str, str, Any]:
        path = self.random.choice(OPERATIONS).format(**self.known)
        if self.random.random() < 0.5:
            pairs = [
                (self.random.choice((*NAMES, *SHAPES)), self.random.choice(VALUES))
                for _ in range(self.random.randint(0, 3))
            ]
            return "GET", f"{path}?{urlencode(pairs, errors='replace')}", None
        rows = [
            {
                "name": self.random.choice(NAMES),
                self.random.choice(
                    ("valueUri", "valueCode", "valueString", "valueCoding", "resource", "valueX", "part")
                ): self.random.choice((*ODD, *VALUES, self.changed())),
            }
            for _ in range(self.random.randint(0, 3))
        ]
        return "POST", path, {"resourceType": "Parameters", "parameter": rows}

    def page(self) -> tuple[str, str, Any]:
        self.links = [link for link in self.links if link]
        if not self.links:
            return self.search()
        link = list(self.random.choice(self.links))
        for _ in range(self.random.randint(0, 2)):
            link[self.random.randrange(len(link))] = self.random.choice("aZ0-_%&=/")
        return "GET", quote("".join(link), errors="replace", safe="/?=&$%,*"), None


def _examples() -> list[dict[str, Any]]:
    paths = sorted(Path(os.environ["YIMA_FHIR_EXAMPLES"]).glob("*.json")) if "YIMA_FHIR_EXAMPLES" in os.environ else []
    small = [path for path in paths if path.stat().st_size < 60_000 and not path.name.startswith((".", "package"))]
    found = [
        json.loads(path.read_bytes())
        for path in small
        if not path.name.startswith(("CodeSystem", "ValueSet", "SearchP"))
    ]
    return [one for one in found if isinstance(one, dict) and "resourceType" in one]


@pytest.fixture(scope="module")
async def sandbox(platform: Platform) -> Institution:
    return await platform.institution("X", matching="off")


@pytest.mark.timeout(7200)
async def test_nothing_breaks_the_store(sandbox: Institution) -> None:
    seed, _, seconds = os.environ.get("YIMA_FUZZ", "1:0").partition(":")
    who = await sandbox.create(patient())
    seen = await sandbox.create(observation(f"Patient/{who['id']}"))
    known = {"p": f"Patient/{who['id']}", "o": f"Observation/{seen['id']}"}
    own = [
        patient(),
        observation(known["p"]),
        encounter(known["p"]),
        seen,
        {"resourceType": "Organization", "name": "x"},
    ]
    chance = Chance(int(seed), known, own + _examples())
    ends, told, broken = time.monotonic() + float(seconds), dict.fromkeys(range(1, 6), 0), []
    while sum(told.values()) < 250 or time.monotonic() < ends:
        method, path, body = chance.request()
        path = path[:8000].encode(errors="replace").decode()  # what httpx makes an address of
        sent = None if body is None else json.dumps(body).encode()
        kind = "application/json-patch+json" if isinstance(body, list) else "application/fhir+json"
        answer = await sandbox.call(
            method, f"/fhir/{path}".rstrip("/"), sent, **({} if sent is None else {"content_type": kind})
        )
        told[answer.status_code // 100] += 1
        if answer.status_code >= 500:
            broken.append((method, path, body))
        elif "/$" not in path and answer.content.startswith(b'{"resourceType":"Bundle"'):
            links = [
                one["url"].partition("/fhir/")[2] for one in answer.json().get("link", ()) if "/fhir/" in one["url"]
            ]
            chance.links = (chance.links + links)[-50:]
    report("fuzz-store", {"seed": int(seed), **{f"{family}xx": count for family, count in told.items()}})
    assert not broken, json.dumps(broken[:5])[:5000]

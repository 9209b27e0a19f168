"""R4 http.html and search.html, clause by clause, against a sandbox: request -> status, headers and shape.

Each row is one check; its words are the clause. What independent suites look at (Crucible, Sprinkler) is among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from support import Institution, Platform, observation, patient

JSON = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
LOINC = "http://loinc.org"
NAMED = {
    "system": "http://terminology.hl7.org/CodeSystem/v2-0203",
    "code": "MR",
}


@dataclass(frozen=True)
class Check:
    """One request and what must come back. `{p}`, `{o}`, `{gone}` in addresses and bodies are ids of the fixture."""

    clause: str
    method: str
    path: str
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    gives: dict[str, str] = field(default_factory=dict)
    """Header -> a pattern that its value matches."""
    holds: Callable[[Any], bool] | None = None
    """Of the parsed JSON body."""


def _resource(kind: str) -> Callable[[Any], bool]:
    return lambda body: body["resourceType"] == kind


def _total(number: int) -> Callable[[Any], bool]:
    return lambda body: body["type"] == "searchset" and body["total"] == number


def _relation(body: Any, name: str) -> bool:
    return any(link["relation"] == name for link in body["link"])


WHEN = r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
ORG = {"resourceType": "Organization", "name": "Conformance"}

# fmt: off
HTTP = [
    # --- read -------------------------------------------------------------------------------------------------------
    Check("read", "GET", "/Patient/{p}", 200, gives={"etag": 'W/"1"', "last-modified": WHEN, "content-type": JSON}),
    Check("read answers HEAD as GET without a body", "HEAD", "/Patient/{p}", 200, gives={"etag": 'W/"1"'}),
    Check("what never was is 404", "GET", "/Patient/never-was", 404, holds=_resource("OperationOutcome")),
    Check("an id that cannot be one is 404 or 400", "GET", "/Patient/not_an_id!", 404),
    Check("what was deleted is 410", "GET", "/Organization/{gone}", 410, holds=_resource("OperationOutcome")),
    Check("an unknown type is 404", "GET", "/Nonsense/1", 404, holds=_resource("OperationOutcome")),
    Check("read if changed: not", "GET", "/Patient/{p}", 304, headers={"if-none-match": 'W/"1"'}),
    Check("read if changed: yes", "GET", "/Patient/{p}", 200, headers={"if-none-match": 'W/"9"'}),
    Check(
        "read if modified since", "GET", "/Patient/{p}", 304,
        headers={"if-modified-since": "Sat, 01 Jan 2098 00:00:00 GMT"},
    ),
    Check("a summary is tagged", "GET", "/Patient/{p}?_summary=text", 200,
          holds=lambda b: any(t["code"] == "SUBSETTED" for t in b["meta"]["tag"]) and "birthDate" not in b),
    Check("elements", "GET", "/Patient/{p}?_elements=gender", 200,
          holds=lambda b: "gender" in b and "birthDate" not in b and "name" not in b),
    Check("_format=xml", "GET", "/Patient/{p}?_format=xml", 200, gives={"content-type": r"application/fhir\+xml"}),
    Check("_format=json over Accept", "GET", "/Patient/{p}?_format=json", 200,
          headers={"accept": "application/fhir+xml"}, gives={"content-type": r"application/fhir\+json"}),
    Check("_format=application/fhir+xml", "GET", "/Patient/{p}?_format=application/fhir%2Bxml", 200,
          gives={"content-type": r"application/fhir\+xml"}),
    Check("_format=text/xml", "GET", "/Patient/{p}?_format=text/xml", 200, gives={"content-type": ".*xml"}),
    Check("Accept: xml", "GET", "/Patient/{p}", 200, headers={"accept": "application/fhir+xml"},
          gives={"content-type": r"application/fhir\+xml"}),
    Check("_pretty", "GET", "/Patient/{p}?_pretty=true", 200),
    Check("an unknown format is 406", "GET", "/Patient/{p}", 406, headers={"accept": "image/png"}),
    Check("an unknown _format is 406", "GET", "/Patient/{p}?_format=png", 406),
    # --- vread and history ------------------------------------------------------------------------------------------
    Check("vread", "GET", "/Patient/{p}/_history/1", 200, gives={"etag": 'W/"1"', "last-modified": WHEN}),
    Check("a version that never was is 404", "GET", "/Patient/{p}/_history/99", 404),
    Check("a version that cannot be one is 404", "GET", "/Patient/{p}/_history/x", 404),
    Check("an earlier version of what was deleted is there", "GET", "/Organization/{gone}/_history/1", 200),
    Check("the version that is a deletion is 410", "GET", "/Organization/{gone}/_history/2", 410),
    Check("history of what was deleted", "GET", "/Organization/{gone}/_history", 200,
          holds=lambda b: b["type"] == "history" and b["total"] == 2 and _relation(b, "self")),
    Check("history entries tell request and response", "GET", "/Organization/{gone}/_history", 200,
          holds=lambda b: all("request" in e and e["response"]["lastModified"] for e in b["entry"])),
    Check("history of what never was is 404", "GET", "/Patient/never-was/_history", 404),
    Check("history of a type", "GET", "/Organization/_history?_count=1", 200,
          holds=lambda b: len(b["entry"]) == 1 and _relation(b, "next")),
    Check("history of the system", "GET", "/_history?_count=2", 200, holds=lambda b: len(b["entry"]) == 2),
    Check("history of a count of none", "GET", "/_history?_count=0", 200,
          holds=lambda b: "entry" not in b and b["total"]),
    # --- create -----------------------------------------------------------------------------------------------------
    Check("create", "POST", "/Organization", 201, ORG,
          gives={"location": r".*/fhir/Organization/[A-Za-z0-9\-.]{1,64}/_history/1", "etag": 'W/"1"',
                 "last-modified": WHEN}, holds=lambda b: b["meta"]["versionId"] == "1" and b["meta"]["lastUpdated"]),
    Check("create ignores id and meta of the sender", "POST", "/Organization", 201,
          ORG | {"id": "theirs", "meta": {"versionId": "7", "lastUpdated": "2001-01-01T00:00:00Z"}},
          holds=lambda b: b["id"] != "theirs" and b["meta"]["versionId"] == "1" and b["meta"]["lastUpdated"] > "2002"),
    Check("create with return=minimal", "POST", "/Organization", 201, ORG, {"prefer": "return=minimal"},
          gives={"location": ".+"}),
    Check("create with return=OperationOutcome", "POST", "/Organization", 201, ORG,
          {"prefer": "return=OperationOutcome"}, holds=_resource("OperationOutcome")),
    Check("create with return=representation", "POST", "/Organization", 201, ORG,
          {"prefer": "return=representation"}, holds=_resource("Organization")),
    Check("a body that is not JSON is 400", "POST", "/Organization", 400, b"{nonsense",
          holds=_resource("OperationOutcome")),
    Check("a body of another type is 400", "POST", "/Organization", 400, {"resourceType": "Patient"}),
    Check("a body without a type is 400 or 422", "POST", "/Organization", 422, {"name": "x"}),
    Check("a resource that breaks a rule is 422 or 400", "POST", "/Observation", 422, {"resourceType": "Observation"}),
    Check("a media type that is not FHIR's is 415", "POST", "/Organization", 415, b"x", {"content-type": "text/plain"}),
    Check("create of an unknown type is 404", "POST", "/Nonsense", 404, {"resourceType": "Nonsense"}),
    Check("create in XML", "POST", "/Organization", 201,
          b'<Organization xmlns="http://hl7.org/fhir"><name value="X"/></Organization>',
          {"content-type": "application/fhir+xml", "accept": JSON}, holds=lambda b: b["name"] == "X"),
    # --- conditional create -----------------------------------------------------------------------------------------
    Check("conditional create: none matches", "POST", "/Organization", 201, ORG, {"if-none-exist": "name=NobodyAtAll"}),
    Check("conditional create: one matches", "POST", "/Patient", 200, patient(), {"if-none-exist": "_id={p}"},
          gives={"location": ".*/Patient/{p}/_history/1", "etag": 'W/"1"'}),
    Check("conditional create: many match", "POST", "/Observation", 412, observation("Patient/{p}"),
          {"if-none-exist": "subject=Patient/{p}"}, holds=_resource("OperationOutcome")),
    # --- update -----------------------------------------------------------------------------------------------------
    Check("update as create", "PUT", "/Organization/conf-1", 201, ORG | {"id": "conf-1"},
          gives={"location": ".*/Organization/conf-1/_history/1", "etag": 'W/"1"', "last-modified": WHEN}),
    Check("update", "PUT", "/Organization/conf-1", 200, ORG | {"id": "conf-1", "name": "B"},
          gives={"etag": 'W/"2"', "last-modified": WHEN}),
    Check("update onto the version read", "PUT", "/Organization/conf-1", 200, ORG | {"id": "conf-1", "name": "C"},
          {"if-match": 'W/"2"'}, gives={"etag": 'W/"3"'}),
    Check("update onto another version is 412", "PUT", "/Organization/conf-1", 412, ORG | {"id": "conf-1"},
          {"if-match": 'W/"1"'}, holds=_resource("OperationOutcome")),
    Check("update only if not there", "PUT", "/Organization/conf-1", 412, ORG | {"id": "conf-1"},
          {"if-none-match": "*"}),
    Check("update with another id in the body is 400", "PUT", "/Organization/conf-1", 400, ORG | {"id": "x"}),
    Check("update without an id in the body is 400", "PUT", "/Organization/conf-1", 400, ORG),
    Check("update of another type is 400", "PUT", "/Patient/conf-1", 400, ORG | {"id": "conf-1"}),
    Check("update with return=OperationOutcome", "PUT", "/Organization/conf-1", 200,
          ORG | {"id": "conf-1", "name": "D"},
          {"prefer": "return=OperationOutcome"}, holds=_resource("OperationOutcome")),
    # --- conditional update -----------------------------------------------------------------------------------------
    Check("conditional update: none matches", "PUT", "/Organization?name=CondNone", 201, ORG | {"name": "CondNone"},
          gives={"location": ".+"}),
    Check("conditional update: one matches", "PUT", "/Organization?name=CondNone", 200,
          ORG | {"name": "CondNone", "active": True}, gives={"etag": 'W/"2"'}),
    Check("conditional update: one matches, another id", "PUT", "/Organization?name=CondNone", 400,
          ORG | {"id": "other"}),
    Check("conditional update: many match", "PUT", "/Observation?subject=Patient/{p}", 412, observation("Patient/{p}")),
    # --- patch ------------------------------------------------------------------------------------------------------
    Check("JSON patch", "PATCH", "/Organization/conf-1", 200,
          b'[{"op":"replace","path":"/name","value":"Patched"}]', {"content-type": "application/json-patch+json"},
          gives={"etag": 'W/"\\d+"'}, holds=lambda b: b["name"] == "Patched"),
    Check("a patch that does not apply is 4xx", "PATCH", "/Organization/conf-1", 422,
          b'[{"op":"test","path":"/name","value":"Other"}]', {"content-type": "application/json-patch+json"}),
    Check("a patch of what never was is 404", "PATCH", "/Organization/never-was", 404,
          b'[{"op":"add","path":"/name","value":"x"}]', {"content-type": "application/json-patch+json"}),
    Check("a patch in an unknown form is 415", "PATCH", "/Organization/conf-1", 415, b"x",
          {"content-type": "text/plain"}),
    # --- delete -----------------------------------------------------------------------------------------------------
    Check("delete", "DELETE", "/Organization/conf-1", 204, gives={"etag": 'W/"\\d+"'}),
    Check("delete again changes nothing", "DELETE", "/Organization/conf-1", 204),
    Check("delete onto another version is 412", "DELETE", "/Organization/{gone}", 412, headers={"if-match": 'W/"1"'}),
    Check("conditional delete: none matches", "DELETE", "/Organization?name=NobodyAtAll", 204),
    Check("conditional delete: many match", "DELETE", "/Observation?subject=Patient/{p}", 412),
    Check("update brings back what was deleted", "PUT", "/Organization/conf-1", 200, ORG | {"id": "conf-1"}),
    # --- the frame --------------------------------------------------------------------------------------------------
    Check("a method an address does not have is 405 and says which it has", "PUT", "/Patient/{p}/_history", 405, ORG,
          gives={"allow": "GET, HEAD"}),
    Check("405 of an instance names all its methods", "POST", "/Patient/{p}", 405, ORG,
          gives={"allow": "(?=.*GET)(?=.*PUT)(?=.*DELETE)(?=.*PATCH).*"}),
    Check("the CapabilityStatement", "GET", "/metadata", 200,
          holds=lambda b: b["fhirVersion"] == "4.0.1" and b["rest"][0]["mode"] == "server" and b["status"] == "active"),
    Check("the CapabilityStatement in XML", "GET", "/metadata?_format=xml", 200, gives={"content-type": ".*xml"}),
]

DATA = [
    # --- what a searchset is ------------------------------------------------------------------------------------------
    Check("a searchset names itself, its matches and their addresses", "GET", "/Observation?subject=Patient/{p}", 200,
          holds=lambda b: b["type"] == "searchset" and b["total"] == 4 and _relation(b, "self")
          and all(e["search"]["mode"] == "match" and e["fullUrl"].endswith(e["resource"]["id"]) for e in b["entry"])),
    Check("_count", "GET", "/Observation?subject=Patient/{p}&_count=1", 200,
          holds=lambda b: len(b["entry"]) == 1 and b["total"] == 4 and _relation(b, "next")),
    Check("_count=0", "GET", "/Observation?subject=Patient/{p}&_count=0", 200, holds=lambda b: "entry" not in b),
    Check("_summary=count", "GET", "/Observation?subject=Patient/{p}&_summary=count", 200,
          holds=lambda b: "entry" not in b and b["total"] == 4),
    Check("POST _search", "POST", "/Observation/_search", 200, b"subject=Patient/{p}", {"content-type": FORM},
          holds=_total(4)),
    Check("POST _search with parameters in the address too", "POST", "/Observation/_search?code=x", 200,
          b"subject=Patient/{p}", {"content-type": FORM}, holds=_total(0)),
    Check("an unknown parameter is refused", "GET", "/Patient?nonsense=1", 400, holds=_resource("OperationOutcome")),
    Check("... and ignored when the client says lenient", "GET", "/Patient?_id={p}&nonsense=1", 200,
          headers={"prefer": "handling=lenient"}, holds=_total(1)),
    Check("an unknown modifier is refused even then", "GET", "/Patient?family:nonsense=1", 400,
          headers={"prefer": "handling=lenient"}),
    Check("the compartment of a patient", "GET", "/Patient/{p}/Observation", 200, holds=_total(4)),
    Check("a search of an unknown type is 404", "GET", "/Nonsense?x=1", 404),
    Check("include", "GET", "/Observation?_id={o}&_include=Observation:subject", 200,
          holds=lambda b: b["total"] == 1 and [e["search"]["mode"] for e in b["entry"]] == ["match", "include"]),
    Check("revinclude", "GET", "/Patient?_id={p}&_revinclude=Observation:subject", 200,
          holds=lambda b: b["total"] == 1 and len(b["entry"]) == 5),
    Check("include of a wrong form is refused", "GET", "/Observation?_include=Observation.subject", 400),
    # --- every type ---------------------------------------------------------------------------------------------------
    *[
        Check(f"{what}: {query}", "GET", f"/Patient?{query}", 200, holds=_total(number))
        for what, query, number in [
            ("_id", "_id={p}", 1), ("_id list", "_id={p},nobody", 1), ("_id of nobody", "_id=nobody", 0),
            ("_lastUpdated", "_id={p}&_lastUpdated=gt2020-01-01", 1), ("", "_id={p}&_lastUpdated=lt2020-01-01", 0),
            ("_lastUpdated of two bounds", "_id={p}&_lastUpdated=gt2020-01-01&_lastUpdated=lt2099", 1),
            ("_tag", "_tag=urn:conf|one", 1), ("_tag without system", "_tag=one", 1),
            ("_profile", "_profile=urn:prof", 1),
            ("_security", "_security=urn:sec|R", 1), ("_tag:not", "_id={p}&_tag:not=urn:conf|one", 0),
            # string
            ("string from the start", "family=conf", 1), ("string not in the middle", "family=ormanc", 0),
            ("string without case", "family=CONFORMANCE", 1), ("string without accents", "given=andre", 1),
            ("string with accents", "given=Andr%C3%A9", 1), (":exact", "family:exact=Conformance", 1),
            (":exact minds case", "family:exact=conformance", 0), (":contains", "family:contains=ORMANC", 1),
            ("Chinese from the start", "name=欧阳", 1), ("Chinese as a whole", "name=欧阳小明", 1),
            ("pinyin", "name=ouyang", 1), ("pinyin in part", "name=ouyangxi", 1),
            ("pinyin of another", "name=ouyangz", 0), ("a phonetic street", "address=Ringstra%C3%9Fe", 1),
            ("address parts", "address-city=Basel", 1), ("or", "family=nobody,conformance", 1),
            ("and", "given=andre&given=paul", 1), ("and not met", "given=andre&given=zzz", 0),
            ("an escaped comma", r"given=smith\,jones", 1), ("an escaped pipe", r"identifier=urn:mr|a\|b", 1),
            (r"an escaped dollar", r"given=a\$b", 1), ("an escaped backslash", r"given=back\\slash", 1),
            (":missing=true", "_id={p}&death-date:missing=true", 1),
            (":missing=false", "_id={p}&gender:missing=false", 1),
            # token
            ("token", "_id={p}&gender=female", 1), ("token of another", "_id={p}&gender=male", 0),
            ("system|code", "identifier=urn:mr|123", 1), ("code", "identifier=123", 1),
            ("system|", "identifier=urn:mr|", 1),
            ("|code", "identifier=|bare", 1), ("|code is not any system", "identifier=|123", 0),
            (":not", "_id={p}&gender:not=male", 1), (":not of itself", "_id={p}&gender:not=female", 0),
            (":of-type", "identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|MR|123", 1),
            (":text", "language:text=x&_id={p}", 0), ("token minds case of codes", "_id={p}&gender=FEMALE", 0),
            ("a code with its implied system", "_id={p}&gender=http://hl7.org/fhir/administrative-gender|female", 1),
            ("boolean", "_id={p}&active=true", 1), ("telecom", "phone=13900000001", 1),
            ("email", "email=c@example.org", 1),
            # date
            ("eq day", "_id={p}&birthdate=1985-03-14", 1), ("eq month", "_id={p}&birthdate=1985-03", 1),
            ("eq year", "_id={p}&birthdate=1985", 1), ("ne", "_id={p}&birthdate=ne1985-03-14", 0),
            ("gt", "_id={p}&birthdate=gt1985-03-13", 1), ("gt itself", "_id={p}&birthdate=gt1985-03-14", 0),
            ("lt", "_id={p}&birthdate=lt1985-03-15", 1), ("ge", "_id={p}&birthdate=ge1985-03-14", 1),
            ("le", "_id={p}&birthdate=le1985-03-14", 1), ("sa", "_id={p}&birthdate=sa1985-03-13", 1),
            ("eb", "_id={p}&birthdate=eb1985-03-15", 1), ("ap", "_id={p}&birthdate=ap1985-03-15", 1),
            ("a range of two", "birthdate=ge1985-03-01&birthdate=lt1985-04-01&_id={p}", 1),
            # chains
            ("_has", "_has:Observation:patient:code=http://loinc.org|1558-6&_id={p}", 1),
            ("_has nothing", "_has:Observation:patient:code=nothing", 0),
            # reference
            ("reference", "organization=Organization/{org}", 1), ("reference by id", "organization={org}", 1),
            ("absolute reference on this server", "organization=http://127.0.0.1:8420/fhir/Organization/{org}", 1),
            ("versioned reference", "organization=Organization/{org}/_history/1", 1),
            (":Type", "organization:Organization={org}", 1),
            (":identifier", "general-practitioner:identifier=urn:doc|7", 1),
            ("chain", "organization.name=home", 1), ("chain with type", "organization:Organization.name=home", 1),
        ]
    ],
    *[
        Check(f"{what}: {query}", "GET", f"/Observation?subject=Patient/{{p}}&{query}", 200, holds=_total(number))
        for what, query, number in [
            ("number precision", "value-quantity=5.4", 1), ("of two digits", "value-quantity=5.40", 1),
            ("and rounded", "value-quantity=5", 2), ("quantity gt", "value-quantity=gt5.4", 1),
            ("quantity ge", "value-quantity=ge5.4", 2), ("quantity lt", "value-quantity=lt5.4", 1),
            ("quantity ne", "value-quantity=ne5.4", 2), ("quantity ap", "value-quantity=ap5.3", 2),
            ("quantity with system and code", "value-quantity=5.4|http://unitsofmeasure.org|mmol/L", 1),
            ("quantity with a unit", "value-quantity=5.4||mmol/L", 1), ("another unit", "value-quantity=5.4||mg", 0),
            ("date to the minute", "date=2026-03-01T00:00Z", 3),
            ("date of a zone", "date=2026-03-01T08:00:00%2B08:00", 3),
            ("date of a day", "date=2026-03-01", 3), ("date of a period", "date=2026", 4),
            ("date sa", "date=sa2026-03-01", 1),
            ("code", "code=1558-6", 3), ("code or", "code=1558-6,2823-3", 4), ("code of no system", "code=|1558-6", 0),
            (":text", "code:text=potas", 1), ("composite", "code-value-quantity=http://loinc.org|1558-6$5.4", 1),
            ("composite not met", "code-value-quantity=http://loinc.org|2823-3$5.4", 0),
            ("status", "status=final", 4), ("status:not", "status:not=final", 0),
            ("value-string", "value-string=low", 1),
            ("chained", "subject.family=conformance", 4), ("patient", "patient=Patient/{p}", 4),
            ("subject:Patient", "subject:Patient={p}", 4), ("missing value", "value-quantity:missing=true", 1),
            ("combo", "combo-code=1558-6", 3), ("_id and code", "_id={o}&code=1558-6", 1),
        ]
    ],
    *[
        Check(f"a wrong value is 400: {query}", "GET", f"/{query}", 400, holds=_resource("OperationOutcome"))
        for query in (
            "Patient?birthdate=1985-13-01", "Patient?birthdate=xx1985", "Observation?value-quantity=abc",
            "Patient?_count=-1", "Patient?_lastUpdated=never", "Patient?gender:missing=maybe", "Patient?_sort=nonsense",
            "Patient?_total=some", "Patient?_summary=some", "Observation?code:exact=x", "Patient?identifier=a|b|c",
        )
    ],
    *[
        Check(f"_sort={key}", "GET", f"/Observation?subject=Patient/{{p}}&_sort={key}", 200, holds=_total(4))
        for key in ("date", "-date", "_lastUpdated", "-_id", "code,-date", "value-quantity", "status,-_lastUpdated")
    ],
]
# fmt: on


@pytest.fixture(scope="module")
async def sandbox(platform: Platform) -> Institution:
    return await platform.institution("X", matching="off")


@pytest.fixture(scope="module")
async def known(sandbox: Institution) -> dict[str, str]:
    """What the rows speak of: a patient p with four observations (o the first), its organization, one that is gone."""
    org = await sandbox.create(ORG | {"name": "Home"})
    gone = await sandbox.create(ORG)
    await sandbox.call("DELETE", f"/fhir/Organization/{gone['id']}")
    said = patient() | {
        "meta": {
            "tag": [{"system": "urn:conf", "code": "one"}],
            "security": [{"system": "urn:sec", "code": "R"}],
            "profile": ["urn:prof"],
        },
        "active": True,
        "identifier": [
            {"system": "urn:mr", "value": "123", "type": {"coding": [NAMED]}},
            {"system": "urn:mr", "value": "a|b"},
            {"value": "bare"},
        ],
        "name": [
            {"family": "Conformance", "given": ["André", "Paul", "smith,jones", "a$b", "back\\slash"]},
            {"text": "欧阳小明"},
        ],
        "telecom": [{"system": "phone", "value": "13900000001"}, {"system": "email", "value": "c@example.org"}],
        "address": [{"line": ["Ringstraße 7"], "city": "Basel"}],
        "managingOrganization": {"reference": f"Organization/{org['id']}"},
        "generalPractitioner": [{"identifier": {"system": "urn:doc", "value": "7"}}],
    }
    who = await sandbox.create(said)
    subject = f"Patient/{who['id']}"
    potassium = {"coding": [{"system": LOINC, "code": "2823-3", "display": "Potassium"}]}
    seen = await sandbox.create(observation(subject, value=5.4))
    await sandbox.create(observation(subject, value=5.1))
    words = observation(subject) | {"valueString": "low"}
    del words["valueQuantity"]
    await sandbox.create(words)
    await sandbox.create(observation(subject, value=9, date="2026-04-02", code=potassium))
    return {"p": who["id"], "o": seen["id"], "org": org["id"], "gone": gone["id"]}


def _filled(what: Any, known: dict[str, str]) -> Any:
    if isinstance(what, dict):
        return {key: _filled(value, known) for key, value in what.items()}
    if isinstance(what, list):
        return [_filled(value, known) for value in what]
    if isinstance(what, bytes):
        return _filled(what.decode(), known).encode()
    if isinstance(what, str):
        return re.sub(r"\{(\w+)\}", lambda m: known.get(m[1], m[0]), what)
    return what


async def _ask(at: Institution, check: Check, known: dict[str, str]) -> httpx.Response:
    headers = {name.replace("-", "_"): value for name, value in _filled(check.headers, known).items()}
    path = "/fhir" + _filled(check.path, known)
    return await at.call(check.method, path, _filled(check.body, known), **headers)


def _mistakes(check: Check, answer: httpx.Response, known: dict[str, str]) -> list[str]:
    if answer.status_code != check.status:
        return [f"{answer.status_code} instead of {check.status}: {answer.text[:300]}"]
    found = [
        f"{name}: {answer.headers.get(name)!r}"
        for name, pattern in check.gives.items()
        if not re.fullmatch(_filled(pattern, known), answer.headers.get(name, ""), re.S)
        and not answer.headers.get(name, "").startswith(pattern)
    ]
    if check.holds and not check.holds(answer.json()):
        found.append(f"body: {answer.text[:300]}")
    if check.headers.get("prefer") == "return=minimal" and answer.content:
        found.append("a body where none was wanted")
    return found


@pytest.mark.parametrize("table", ["HTTP", "DATA"])
@pytest.mark.capability("read", "vread", "create", "update", "delete", "search-type", "history-type", "history-system")
async def test_every_clause_is_kept(sandbox: Institution, known: dict[str, str], table: str) -> None:
    """One run through a table, so that rows may build on each other; all that deviates is told at once."""
    deviating = []
    for check in {"HTTP": HTTP, "DATA": DATA}[table]:
        mistakes = _mistakes(check, await _ask(sandbox, check, known), known)
        deviating += [f"{check.clause} ({check.method} {check.path}): {mistake}" for mistake in mistakes]
    assert not deviating, "\n".join(deviating)

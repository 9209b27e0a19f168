"""Terminology over HTTP: $expand, $validate-code, $lookup, $subsumes, $translate, and R4's own resources by address
(R4 terminology-service.html). No person is concerned; a token is needed as for everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from yima import __version__, fhir
from yima.api import fhir_read, paging, searching
from yima.api.answers import access_of, fhir_answer
from yima.api.asking import asking_of
from yima.api.bodies import check_acceptable, form_of
from yima.api.operation_input import OperationInput, operation_input
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.terminology import TYPES, Coding, Expanding, Terminology, Translating

OPERATIONS: Final = {
    "ValueSet": ("expand", "validate-code"),
    "CodeSystem": ("lookup", "validate-code", "subsumes"),
    "ConceptMap": ("translate",),
}
_EXPAND: Final = frozenset(
    {"url", "valueSet", "valueSetVersion", "filter", "offset", "count", "includeDesignations", "designation",
     "includeDefinition", "activeOnly", "excludeNested", "excludeNotForUI", "displayLanguage"}
)  # fmt: skip
_VALIDATE: Final = frozenset({"url", "version", "code", "display", "coding", "codeableConcept", "displayLanguage"})
_VALIDATE_SET: Final = _VALIDATE - {"version"} | {
    "valueSet", "valueSetVersion", "system", "systemVersion", "abstract", "context", "date",
}  # fmt: skip
_LOOKUP: Final = frozenset({"code", "system", "version", "coding", "property", "displayLanguage"})
_SUBSUMES: Final = frozenset({"codeA", "codeB", "system", "version", "codingA", "codingB"})
_TRANSLATE: Final = frozenset(
    {"url", "conceptMap", "conceptMapVersion", "code", "system", "version", "coding", "codeableConcept", "source",
     "target", "targetsystem", "reverse", "dependency"}
)  # fmt: skip
SEARCHABLE: Final = ("_id", "url", "version", "name", "title", "status")
"""What the resources here are found by; what was submitted is found by every parameter of R4."""
_OFFSET: Final = "_offset"
_CONTROL: Final = ("_count", "_summary", "_total", "_elements", _OFFSET)


def routes(base: str) -> list[BaseRoute]:
    """The addresses of this module; before those of resources in general."""
    both = ["GET", "POST"]
    of_type: list[BaseRoute] = [
        Route(f"{base}/ValueSet/$expand", expand, methods=both),
        Route(f"{base}/ValueSet/$validate-code", validate_in_value_set, methods=both),
        Route(f"{base}/CodeSystem/$lookup", lookup, methods=both),
        Route(f"{base}/CodeSystem/$validate-code", validate_in_system, methods=both),
        Route(f"{base}/CodeSystem/$subsumes", subsumes, methods=both),
        Route(f"{base}/ConceptMap/$translate", translate, methods=both),
    ]
    of_one: list[BaseRoute] = [
        Route(f"{base}/ValueSet/{{id}}/$expand", expand, methods=both),
        Route(f"{base}/ValueSet/{{id}}/$validate-code", validate_in_value_set, methods=both),
        Route(f"{base}/CodeSystem/{{id}}/$validate-code", validate_in_system, methods=both),
        Route(f"{base}/CodeSystem/{{id}}/$subsumes", subsumes, methods=both),
        Route(f"{base}/ConceptMap/{{id}}/$translate", translate, methods=both),
    ]
    resources: list[BaseRoute] = [
        Route(f"{base}/{kind}{rest}", endpoint, methods=[method])
        for kind in TYPES
        for rest, endpoint, method in (("/_search", search, "POST"), ("/{id}", read, "GET"), ("", search, "GET"))
    ]
    return of_type + of_one + resources


def _terms(request: Request) -> Terminology:
    return Terminology(access_of(request).database)


async def _asked(request: Request, operation: str, known: frozenset[str]) -> OperationInput:
    check_acceptable(request)
    await asking_of(request)
    found = await operation_input(request, operation)
    found.check(known)
    return found


async def _named(request: Request, kind: str) -> Mapping[str, Any] | None:
    """The resource whose id stands in the address: R4's, a loaded one, or one that the caller may read."""
    wanted = request.path_params.get("id")
    if wanted is None:
        return None
    found = await _terms(request).read(kind, wanted)
    if found is not None:
        return found
    row = await access_of(request).read(await asking_of(request), kind, wanted)
    return fhir.parse(row.content)


async def _value_set(request: Request, asked: OperationInput) -> Mapping[str, Any]:
    """By id, sent along, or by url: exactly one of them."""
    named, sent, url = await _named(request, "ValueSet"), asked.tree("valueSet", "ValueSet"), asked.text("url")
    if (named is not None) + (sent is not None) + bool(url) != 1:
        raise Refusal(
            "field-missing", field="url", expected="a value set: either url, or valueSet in the body, or its id"
        )
    if named is not None or sent is not None:
        return named or sent or {}
    return await _terms(request).value_set(url, asked.text("valueSetVersion"))


# --- ValueSet --------------------------------------------------------------------------------------------------------
async def expand(request: Request) -> Response:
    """ValueSet/$expand and ValueSet/[id]/$expand: the codes of a value set."""
    asked = await _asked(request, "ValueSet/$expand", _EXPAND)
    languages = tuple(text.rpartition("|")[2] for text in asked.texts("designation"))
    how = Expanding(
        text=asked.text("filter"),
        offset=asked.whole("offset") or 0,
        count=asked.whole("count"),
        designations=asked.flag("includeDesignations") or bool(languages),
        languages=languages,
        active=asked.flag("activeOnly"),
        selectable=asked.flag("excludeNotForUI"),
        language=asked.text("displayLanguage"),
    )
    found = await _terms(request).expand(await _value_set(request, asked), how, clock.now())
    return fhir_answer(request, found)


async def validate_in_value_set(request: Request) -> Response:
    """ValueSet/$validate-code and ValueSet/[id]/$validate-code: is this code in the value set?"""
    asked = await _asked(request, "ValueSet/$validate-code", _VALIDATE_SET)
    codings = _codings(asked, "system", "systemVersion")
    value_set = await _value_set(request, asked)
    language = asked.text("displayLanguage")
    return fhir_answer(request, await _terms(request).validate_in_value_set(value_set, codings, language))


# --- CodeSystem ------------------------------------------------------------------------------------------------------
async def lookup(request: Request) -> Response:
    """CodeSystem/$lookup: what a code means."""
    asked = await _asked(request, "CodeSystem/$lookup", _LOOKUP)
    [coding] = _codings(asked, "system", "version")
    if not coding.system:
        raise Refusal("field-missing", field="system", expected="the address of a code system")
    found = await _terms(request).lookup(coding, asked.texts("property"), asked.text("displayLanguage"))
    return fhir_answer(request, found)


async def validate_in_system(request: Request) -> Response:
    """CodeSystem/$validate-code and CodeSystem/[id]/$validate-code: is this a code of the system?"""
    asked = await _asked(request, "CodeSystem/$validate-code", _VALIDATE)
    codings = _codings(asked, "", "version")
    url, version = await _system(request, asked, codings, "url")
    found = await _terms(request).validate_in_system(url, version, codings, asked.text("displayLanguage"))
    return fhir_answer(request, found)


async def subsumes(request: Request) -> Response:
    """CodeSystem/$subsumes and CodeSystem/[id]/$subsumes: does one code contain the other?"""
    asked = await _asked(request, "CodeSystem/$subsumes", _SUBSUMES)
    trees = [_coding(tree, name) for name in ("codingA", "codingB") if (tree := asked.tree(name)) is not None]
    codes = [coding.code for coding in trees] or [code for n in ("codeA", "codeB") if (code := asked.text(n))]
    if len(codes) != 2:
        raise Refusal("field-missing", field="codeA", expected="codeA and codeB with system, or codingA and codingB")
    if len({coding.system for coding in trees}) > 1:
        raise Refusal("field-invalid", field="codingB", expected="the system of codingA")
    url, version = await _system(request, asked, trees, "system")
    return fhir_answer(request, await _terms(request).subsumes(url, version, (codes[0], codes[1])))


async def _system(request: Request, asked: OperationInput, codings: Sequence[Coding], name: str) -> tuple[str, str]:
    """(address, version) of the code system that is meant: by id, by parameter, or by the codings."""
    named = await _named(request, "CodeSystem")
    if named is not None:
        return str(named.get("url", "")), str(named.get("version", ""))
    url = asked.text(name) or next((coding.system for coding in codings if coding.system), "")
    if not url:
        raise Refusal("field-missing", field=name, expected="the address of a code system")
    return url, asked.text("version")


# --- ConceptMap ------------------------------------------------------------------------------------------------------
async def translate(request: Request) -> Response:
    """ConceptMap/$translate and ConceptMap/[id]/$translate: what a code is in another system."""
    asked = await _asked(request, "ConceptMap/$translate", _TRANSLATE)
    terms = _terms(request)
    found = await _named(request, "ConceptMap") or asked.tree("conceptMap", "ConceptMap")
    if url := asked.text("url"):
        found = await terms.concept_map(url, asked.text("conceptMapVersion"))
    translating = Translating(
        codings=tuple(_codings(asked, "system", "version")),
        source=asked.text("source"),
        target=asked.text("target"),
        target_system=asked.text("targetsystem"),
        reverse=asked.flag("reverse"),
        dependencies=tuple(_dependencies(asked)),
    )
    return fhir_answer(request, await terms.translate(found, translating))


def _dependencies(asked: OperationInput) -> list[tuple[str, str]]:
    found = []
    for parts in asked.parts("dependency"):
        concept = parts.get("concept")
        codings = concept.get("coding", []) if isinstance(concept, dict) else []
        if not isinstance(parts.get("element"), str) or not isinstance(codings, list):
            raise Refusal("field-invalid", field="dependency", expected="an element (uri) and a concept")
        found += [(parts["element"], str(c.get("code", ""))) for c in codings if isinstance(c, dict)]
    return found


# --- codes -----------------------------------------------------------------------------------------------------------
def _codings(asked: OperationInput, system: str, version: str) -> list[Coding]:
    """The code that is asked about: code, coding or codeableConcept, exactly one of them."""
    tree, concept = asked.tree("coding"), asked.tree("codeableConcept")
    code = asked.text("code")
    if bool(code) + (tree is not None) + (concept is not None) != 1:
        raise Refusal("field-missing", field="code", expected="either code, coding or codeableConcept")
    if code:
        url = asked.text(system) if system else ""
        return [Coding(code, url, asked.text(version), asked.text("display"))]
    if tree is not None:
        return [_coding(tree, "coding")]
    rows = concept.get("coding") if concept is not None else None
    if not isinstance(rows, list) or not rows:
        raise Refusal("field-missing", field="codeableConcept.coding", expected="at least one coding")
    return [_coding(row, "codeableConcept.coding") for row in rows]


def _coding(tree: Any, field: str) -> Coding:
    held = tree if isinstance(tree, dict) else {}
    words = [held.get(name, "") for name in ("code", "system", "version", "display")]
    if not all(type(word) is str and "\x00" not in word for word in words) or not words[0]:
        raise Refusal("field-invalid", field=field, expected="a Coding with a code")
    return Coding(*words)


# --- the resources themselves ----------------------------------------------------------------------------------------
async def read(request: Request) -> Response:
    """GET /fhir/CodeSystem/[id] and the like: R4's own and loaded ones, else what the caller may read of the record; a
    sandbox reads what it wrote under that id first."""
    check_acceptable(request)
    asking, kind = await asking_of(request), _type(request)
    if asking.caller.sandbox:
        with suppress(Refusal):
            return await fhir_read.read(request)
    found = await _terms(request).read(kind, request.path_params["id"])
    return await fhir_read.read(request) if found is None else fhir_answer(request, found)


async def search(request: Request) -> Response:
    """GET /fhir/ValueSet?url=.. and the like, among R4's own and loaded ones; where there is no such thing, the search
    goes on among what was submitted."""
    check_acceptable(request)
    asking, kind = await asking_of(request), _type(request)
    params = [pair for pair in request.query_params.multi_items() if pair[0] not in ("_format", "_pretty")]
    if request.method == "POST":
        params += await form_of(request)
    wanted = {name: value for name, value in params if name in SEARCHABLE}
    repeated = len(wanted) < sum(name in SEARCHABLE for name, _ in params)
    own = asking.caller.sandbox and not wanted  # all of a sandbox's is what it wrote
    if own or repeated or any(name not in (*SEARCHABLE, *_CONTROL) for name, _ in params):
        return fhir_answer(request, await searching.run_search(request, asking, kind, params))
    found = await _terms(request).find(kind, lambda one: all(_accepts(one, *pair) for pair in wanted.items()))
    if not found:
        return fhir_answer(request, await _submitted(request, asking, kind, params))
    query = access_of(request).query(asking, kind, [pair for pair in params if pair[0] != _OFFSET], lenient=False)
    return fhir_answer(request, _page(request, kind, found, params, query))


def _page(
    request: Request,
    kind: str,
    found: Sequence[Mapping[str, Any]],
    params: Sequence[tuple[str, str]],
    query: fhir.Query,
) -> bytes:
    """A page of these resources. They are public and change rarely, so a link says plainly where it goes on."""
    settings, said = access_of(request).settings, dict(params)
    start = OperationInput(kind, list(params)).whole(_OFFSET) or 0
    count = min(settings.page_count_default if query.count is None else query.count, settings.page_count_max)
    base = f"{access_of(request).base_url}/fhir"
    links = [("self", f"{base}/{kind}?{urlencode(params)}")]
    if 0 < count < len(found) - start:
        links.append(("next", f"{base}/{kind}?{urlencode(said | {_OFFSET: str(start + count)})}"))
    entries = [
        paging.entry(base, kind, one["id"], searching.part(fhir.encode(dict(one)), query.elements, query.summary))
        for one in (found[start : start + count] if query.summary != "count" else ())
    ]
    return paging.bundle(entries, total=len(found), links=links)


async def _submitted(request: Request, asking: Any, kind: str, params: Sequence[tuple[str, str]]) -> bytes:
    """The same search among what was submitted; whoever may not search there finds nothing."""
    try:
        return await searching.run_search(request, asking, kind, params)
    except Refusal as refusal:
        if refusal.code != "person-not-named":
            raise
        return paging.bundle([], total=0, links=[("self", f"{access_of(request).base_url}/fhir/{kind}")])


def _accepts(one: Mapping[str, Any], name: str, value: str) -> bool:
    """A parameter of a search by what a terminology resource is called (R4 valueset.html#search)."""
    held = str(one.get(name.removeprefix("_"), ""))
    alternatives = value.split(",")
    if name in ("name", "title"):
        return any(fhir.fold(held).startswith(fhir.fold(each)) for each in alternatives)
    if name == "url":
        return any(each in (held, f"{held}|{one.get('version', '')}") for each in alternatives)
    return any(held == each.rpartition("|")[2] for each in alternatives)


def _type(request: Request) -> str:
    """The type in the path, set as the parameter that other endpoints look for."""
    kind = next(kind for kind in TYPES if request.url.path.removeprefix("/fhir/").startswith(kind))
    request.scope["path_params"] = {**request.path_params, "type": kind}
    return kind


# --- what there is ---------------------------------------------------------------------------------------------------
async def capabilities(request: Request) -> dict[str, Any]:
    """The TerminologyCapabilities of this deployment: every code system whose codes are known, and what is answered."""
    base = f"{access_of(request).base_url}/fhir"
    versions: dict[str, list[str]] = {}
    for url, version in await _terms(request).systems():
        versions.setdefault(url, []).append(version)
    return {
        "resourceType": "TerminologyCapabilities",
        "url": f"{base}/metadata?mode=terminology",
        "name": "Yima",
        "status": "active",
        "date": "2026-11-23",
        "kind": "instance",
        "software": {"name": "Yima", "version": __version__},
        "implementation": {"description": "Yima: one code, one record, for every resident", "url": base},
        "codeSystem": [_listed(url, held) for url, held in sorted(versions.items())],
        "expansion": {
            "hierarchical": False,
            "paging": True,
            "incomplete": False,
            "parameter": [{"name": name} for name in sorted(_EXPAND)],
            "textFilter": "every word must stand in the code or one of its displays, without case and accents",
        },
        "codeSearch": "all",
        "validateCode": {"translations": True},
        "translation": {"needsMap": False},
        "closure": {"translation": False},
    }


def _listed(url: str, versions: Sequence[str]) -> dict[str, Any]:
    held = [{"code": version} for version in dict.fromkeys(versions) if version]
    return {"uri": url, "subsumption": True} | ({"version": held} if held else {})

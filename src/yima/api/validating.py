"""$validate (R4 resource-operation-validate.html): R4 itself, then the profiles that are asked for or claimed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import fhir
from yima.api.answers import access_of, fhir_answer, language_of
from yima.api.asking import asking_of, type_of
from yima.api.bodies import JSON_TYPES, XML_TYPES, body_of, check_acceptable, check_type, is_xml, tree_in
from yima.fhir.profiles import Finding, Library, Question, check_profile, moved
from yima.packages import Packages
from yima.runtime.beside import beside
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.terminology import Coding, Terminology

_MODES: Final = ("create", "update", "delete", "profile", "")
_MOST_PROFILES: Final = 20
_MOST_QUESTIONS: Final = 500
_ROUNDS: Final = 4
_MOST_ISSUES: Final = 200
_ALL_WELL: Final = {"zh": "没有发现问题。", "en": "No mistake was found."}


async def validate(request: Request) -> Response:
    """POST [type]/$validate, [type]/[id]/$validate: what is wrong with a resource, without storing it; or GET and POST
    [type]/[id]/$validate without a resource, of the one that is stored.

    The resource as it is, or Parameters with `resource`, `mode` and `profile`; the latter two in the address also.
    Wrong or not, the answer is 200 with an OperationOutcome.
    """
    check_acceptable(request)
    asking = await asking_of(request)
    name, wanted = type_of(request), request.path_params.get("id", "")
    tree, said, size = await _asked(request, name)
    mode, profiles = _choice(said, "mode"), [*request.query_params.getlist("profile"), *said.get("profile", [])]
    mode = mode or request.query_params.get("mode", "")
    if mode not in _MODES:
        raise Refusal("field-invalid", field="mode", expected="create, update, delete or profile")
    if len(profiles) > _MOST_PROFILES or not all(isinstance(url, str) for url in profiles):
        raise Refusal("field-invalid", field="profile", expected=f"at most {_MOST_PROFILES} canonical addresses")
    if tree is None and not wanted:
        raise Refusal("field-missing", field="Parameters.parameter", expected="a parameter resource with a resource")
    if tree is None:
        content = (await access_of(request).read(asking, name, wanted)).content
        tree, size = await beside(len(content), partial(fhir.parse, content)), len(content)
    asked = (name, mode, wanted)
    findings = [] if mode == "delete" else await findings_of(access_of(request).database, tree, size, profiles, asked)
    outcome = fhir.findings_outcome(findings, language_of(request), _ALL_WELL[language_of(request)])
    return fhir_answer(request, outcome)


async def _asked(request: Request, name: str) -> tuple[dict[str, Any] | None, dict[str, list[Any]], int]:
    """The resource in the body and, of Parameters around it, the others by name; the bytes of all."""
    if request.method == "GET":
        return None, {}, 0
    body = await body_of(request)
    if not body:
        return None, {}, 0
    check_type(request, *JSON_TYPES, *XML_TYPES)
    tree = await beside(len(body), partial(tree_in, body, is_xml(request)))
    rows = tree.get("parameter")
    if tree["resourceType"] != "Parameters" or (name == "Parameters" and not _wraps(rows)):
        return tree, {}, len(body)
    said: dict[str, list[Any]] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            values = [value for key, value in row.items() if key == "resource" or key.startswith("value")]
            said.setdefault(str(row.get("name")), []).extend(values[:1])
    resource = said.pop("resource", [None])[0]
    return (resource if isinstance(resource, dict) else None), said, len(body)


def _wraps(rows: Any) -> bool:
    return isinstance(rows, list) and any(isinstance(r, dict) and r.get("name") == "resource" for r in rows)


def _choice(said: Mapping[str, list[Any]], name: str) -> str:
    return str(said.get(name, [""])[0])


async def findings_of(
    database: Database, tree: dict[str, Any], size: int, profiles: Iterable[str], asked: tuple[str, str, str]
) -> list[Finding]:
    """All remarks about a resource of so many bytes; `asked`: (type of the address, mode, id of the address).

    What is not valid R4 is not looked at with profiles.
    """
    findings, extensions = await beside(size, partial(_without_profiles, tree, asked))
    if any(finding.severity == "error" for finding in findings):
        return findings
    parts = [(tree, url, "") for url in [*profiles, *_claimed(tree)]] or [(tree, "", "")]
    parts += [(inner, url, path) for inner, path in _inside(tree) for url in _claimed(inner)]
    library = await Packages(database).library([*(url for _, url, _ in parts if url), *extensions])
    for resource, url, path in _unique(parts):
        found = await _against(database, (resource, size), url, library)
        findings += [moved(f, path) for f in found] if path else found
    return _once(findings)[:_MOST_ISSUES]


def _without_profiles(tree: dict[str, Any], asked: tuple[str, str, str]) -> tuple[list[Finding], set[str]]:
    """What R4 says of a resource, and the addresses of its extensions."""
    name, mode, wanted = asked
    try:
        if tree.get("resourceType") != name:
            raise Refusal("resource-type-mismatch", found=str(tree.get("resourceType"))[:64], expected=name)
        if mode == "update" and wanted and tree.get("id") != wanted:
            raise Refusal("id-mismatch", field=f"{name}.id")
        fhir.validate(tree)
    except Refusal as refusal:
        return [Finding("error", each) for each in (refusal, *refusal.also)], set()
    return [Finding("warning", warning) for warning in fhir.warnings_of(tree)], _extensions(tree)


def _unique(parts: list[tuple[dict[str, Any], str, str]]) -> Iterator[tuple[dict[str, Any], str, str]]:
    seen: set[tuple[int, str]] = set()
    for resource, url, path in parts:
        if (id(resource), url) not in seen:
            seen.add((id(resource), url))
            yield resource, url, path


def _once(findings: list[Finding]) -> list[Finding]:
    """Each remark once, the gravest first: what two profiles ask is said by one."""
    said = {(f.severity, f.refusal.code, f.refusal.field, f.refusal.text("en")): f for f in findings}
    return sorted(said.values(), key=lambda f: ("error", "warning", "information").index(f.severity))


def _claimed(tree: dict[str, Any]) -> list[str]:
    meta = tree.get("meta")
    found = meta.get("profile", []) if isinstance(meta, dict) else []
    return [url for url in found if isinstance(url, str)][:_MOST_PROFILES]


def _inside(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The resources of a Bundle with their places."""
    for at, entry in enumerate(tree.get("entry", ()) if tree.get("resourceType") == "Bundle" else ()):
        if isinstance(inner := entry.get("resource"), dict):
            yield inner, f"Bundle.entry[{at}].resource"


def _extensions(node: Any) -> set[str]:
    """The addresses of all extensions anywhere."""
    found: set[str] = set()
    left = [node]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            for key in ("extension", "modifierExtension"):
                found |= {row["url"] for row in each.get(key, ()) if isinstance(row.get("url"), str)}
            left += each.values()
        elif isinstance(each, list):
            left += each
    return found


async def _against(database: Database, sized: tuple[dict[str, Any], int], url: str, library: Library) -> list[Finding]:
    """Check, answer the questions about codes that came up, and check again until none is new."""
    tree, size = sized
    answers: dict[Question, bool | None] = {}
    for _ in range(_ROUNDS):
        findings, questions = await beside(size, partial(check_profile, tree, url, library, answers))
        if not questions:
            break
        for question in sorted(questions)[:_MOST_QUESTIONS]:
            answers[question] = await _answer(Terminology(database), question)
        answers |= dict.fromkeys(questions - answers.keys())
    return findings


async def _answer(terminology: Terminology, question: Question) -> bool | None:
    """Whether a code is in a value set; None when terminology cannot tell."""
    address, system, code = question
    url, _, version = address.partition("|")
    try:
        value_set = await terminology.value_set(url, version)
        answer = await terminology.validate_in_value_set(value_set, [Coding(code, system)], "en")
    except Refusal:
        return None
    rows = {row.get("name"): row.get("valueBoolean") for row in answer.get("parameter", ())}
    return rows.get("result") is True

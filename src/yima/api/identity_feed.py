"""Identity feeds: what an institution says of its Patients in one message (IHE PMIR ITI-93), and what it is told of
them since a cursor (`GET /person-changes`)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import exchange, fhir
from yima.access import Asking
from yima.api import paging
from yima.api.answers import access_of, caller_of, fhir_answer
from yima.api.asking import asking_of
from yima.api.bodies import check_acceptable, tree_of
from yima.api.receiving import message_of
from yima.runtime import clock, ids
from yima.runtime.beside import beside
from yima.runtime.errors import Refusal

EVENT: Final = "urn:ihe:iti:pmir:2019:patient-feed"
_CURSOR: Final = "person-changes"
_METHODS: Final = ("POST", "PUT")


async def feed(request: Request) -> Response:
    """POST /fhir/$process-message: a message Bundle of a MessageHeader and a history Bundle of Patients.

    Everything is stored as one submission; then each Patient that says `link.type = replaced-by` of another of the
    institution's Patients is merged, or asked about. The answer is a message Bundle.
    """
    check_acceptable(request)
    asking = await asking_of(request)
    tree = await tree_of(request)
    header, patients = _message(tree)
    access = access_of(request)
    message = message_of(request, asking, fhir.encode(tree))
    again = partial(_plan, message.body, access.settings.max_bundle_entries)
    # What is wrong with a Patient is said before its links are looked at.
    plan = await beside(len(message.body), again)
    replaced = _replaced(patients, access.base_url)
    if patients:
        await exchange.receive_bundle(access, message, plan, again)
    told = [await _merge(request, asking, *pair) for pair in replaced]
    return fhir_answer(request, _answer(header, told, access.base_url))


def _plan(body: bytes, max_entries: int) -> exchange.Plan:
    """What the Patients of a message ask for, read anew each time."""
    _, patients = _message(fhir.parse(body))
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": patients}
    return exchange.plan(transaction, max_entries=max_entries)


def _message(tree: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """The header and the entries of the history Bundle. Refusals `field-invalid`, `not-implemented`."""
    resources = [_object(entry.get("resource")) for entry in _objects(tree.get("entry"))]
    kinds = [one.get("resourceType") for one in resources]
    if tree.get("resourceType") != "Bundle" or tree.get("type") != "message" or kinds != ["MessageHeader", "Bundle"]:
        expected = "a Bundle of type message with a MessageHeader and a Bundle of type history"
        raise Refusal("field-invalid", field="Bundle", expected=expected)
    header, history = resources
    if header.get("eventUri") != EVENT:
        raise Refusal("field-invalid", field="MessageHeader.eventUri", expected=EVENT)
    if history.get("type") != "history":
        raise Refusal("field-invalid", field="Bundle.entry[1].resource.type", expected="history")
    rows = _objects(history.get("entry"))
    for number, entry in enumerate(rows):
        place, said = f"Bundle.entry[1].resource.entry[{number}]", _object(entry.get("request"))
        if _object(entry.get("resource")).get("resourceType") != "Patient":
            raise Refusal("field-invalid", field=f"{place}.resource", expected="a Patient")
        if said.get("method") not in _METHODS:
            raise Refusal("not-implemented", field=f"{place}.request.method", what=str(said.get("method"))[:20])
    return header, [
        {key: entry[key] for key in ("fullUrl", "resource", "request") if key in entry} for entry in rows
    ]  # fmt: skip


def _object(value: Any) -> dict[str, Any]:
    """An object, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, and none of anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _replaced(entries: list[dict[str, Any]], base: str) -> list[tuple[str, str]]:
    """(subsumed Patient, surviving Patient) for each that was replaced, of Patients that are valid. Refusal
    `field-invalid`."""
    found = []
    for entry in entries:
        patient = entry["resource"]
        for link in patient.get("link", ()):
            if link.get("type") != "replaced-by":
                continue
            reference = str(link["other"].get("reference", "")).removeprefix(f"{base}/fhir/")
            kind, _, survivor = reference.partition("/")
            gone = patient.get("id", "")
            if kind != "Patient" or ids.home_of(survivor) is None or ids.home_of(gone) is None or gone == survivor:
                expected = "Patient/[id] of another of your own Patients"
                raise Refusal("field-invalid", field="Patient.link.other", expected=expected)
            found.append((gone, survivor))
    return found


async def _merge(request: Request, asking: Asking, gone: str, survivor: str) -> dict[str, Any]:
    told = await access_of(request).feeds.source_merge(asking, gone, survivor, clock.now())
    texts = {
        "same": "They were one person already.",
        "merged": "Merged.",
        "asked": "A data steward decides whether they are one person.",
    }
    return {
        "severity": "information", "code": "informational", "diagnostics": texts[told.outcome],
        "details": {"coding": [{"system": "urn:yima:source-merge", "code": told.outcome}]},
        "expression": [f"Patient/{gone}"],
    }  # fmt: skip


def _answer(header: Mapping[str, Any], told: list[dict[str, Any]], base: str) -> dict[str, Any]:
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": told or [{"severity": "information", "code": "informational", "diagnostics": "Stored."}],
    }
    full = f"urn:uuid:{uuid.uuid4()}"
    response = {"identifier": str(header.get("id") or "unnamed"), "code": "ok", "details": {"reference": full}}
    answered = {
        "resourceType": "MessageHeader", "id": str(uuid.uuid4()), "eventUri": EVENT,
        "source": {"endpoint": f"{base}/fhir/$process-message"}, "response": response,
    }  # fmt: skip
    return {
        "resourceType": "Bundle",
        "type": "message",
        "timestamp": clock.now().isoformat(timespec="milliseconds"),
        "entry": [
            {"fullUrl": f"urn:uuid:{answered['id']}", "resource": answered},
            {"fullUrl": full, "resource": outcome},
        ],
    }


async def person_changes(request: Request) -> Response:
    """GET /person-changes?since=CURSOR: which of the institution's Patients belong to another person since then.

    Without `since` from the beginning. The cursor is sealed, and good for the app it was given to.
    """
    caller = await caller_of(request)
    if caller.kind != "app":
        raise Refusal("scope-insufficient", field="Authorization", expected="an institution's app")
    pager, since = paging.pager_of(request), request.query_params.get("since", "")
    after = int(dict(pager.open(since, caller, _CURSOR, "").params)["after"]) if since else 0
    asking = Asking(caller=caller, now=clock.now(), purpose="treatment")
    found = await access_of(request).feeds.changes(asking, after)
    cursor = pager.seal(paging.Place((("after", str(found.until)),)), caller, _CURSOR, "")
    rows = [
        {"patient": f"Patient/{one.patient_id}", "person": ids.person_text(one.person), "at": one.at.isoformat()}
        for one in found.changes
    ]
    body = {"changes": rows, "since": cursor, "more": found.more}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"})

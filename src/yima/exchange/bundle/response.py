"""Outcomes as a transaction-response or batch-response Bundle."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from yima import fhir
from yima.access import Outcome
from yima.runtime.errors import Language, Refusal


def response(
    kind: Literal["transaction", "batch"], outcomes: Sequence[Outcome | Refusal | dict[str, Any]], language: Language
) -> dict[str, Any]:
    """The response Bundle; a dict among the outcomes is an entry that is already complete (an answered GET)."""
    entries = [
        o if isinstance(o, dict) else _refused(o, language) if isinstance(o, Refusal) else _done(o) for o in outcomes
    ]
    return {"resourceType": "Bundle", "type": f"{kind}-response"} | ({"entry": entries} if entries else {})


def _done(outcome: Outcome) -> dict[str, Any]:
    answer: dict[str, Any] = {"status": _status(outcome.status)}
    if outcome.status != HTTPStatus.NO_CONTENT:
        answer["location"] = f"{outcome.type}/{outcome.id}/_history/{outcome.version}"
        answer["etag"] = f'W/"{outcome.version}"'
    return {"response": answer}


def _refused(refusal: Refusal, language: Language) -> dict[str, Any]:
    return {"response": {"status": _status(refusal.status), "outcome": fhir.operation_outcome(refusal, language)}}


def _status(code: int) -> str:
    return f"{code} {HTTPStatus(code).phrase}"

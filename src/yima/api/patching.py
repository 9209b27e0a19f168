"""PATCH: a JSON Patch (RFC 6902) or a FHIRPath Patch (R4 fhirpatch.html) of one resource, alone or in a Bundle.

A patch is made on the version that is read and written only onto that version; when somebody else wrote in between, it
is made again, unless If-Match names the version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from yima import exchange, fhir
from yima.access import Access, Asking, Entry, Stored, Wanted
from yima.api.asking import type_of
from yima.api.bodies import JSON_TYPES, PATCH_TYPE, XML_TYPES, check_type
from yima.api.receiving import outcome_answer, received
from yima.runtime.errors import Refusal

TRIES: Final = 4
"""How often a patch without If-Match is made again for what others wrote in between."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry of a batch that could not be patched, while the others go on."""

    refusal: Refusal


async def patch(request: Request) -> Response:
    """PATCH /fhir/[type]/[id] or /fhir/[type]?[search]; with If-Match only onto that version."""
    async with received(request, PATCH_TYPE, *JSON_TYPES, *XML_TYPES) as it:
        name, wanted = type_of(request), request.path_params.get("id", "")
        condition = "" if wanted else request.url.query
        if not (wanted or condition):
            raise Refusal("field-missing", field="query", expected="a search that names what to patch")
        match = exchange.version_of(request.headers.get("if-match"))
        operations = fhir.parse_value(it.message.body)
        if isinstance(operations, list):
            check_type(request, PATCH_TYPE)
        said = exchange.Patching(name, wanted, condition, operations, match, name)
    message = replace(it.message, target=f"PATCH {name}/{wanted}?{condition} {match or ''}")
    for _ in range(TRIES):
        entry = replace(await _made(it.access, it.asking, said), path="")
        try:
            return outcome_answer(request, it.access, await exchange.receive_one(it.access, message, entry))
        except Refusal as refusal:
            if match is not None or refusal.code != "precondition-failed":
                raise
    raise Refusal("precondition-failed")


async def receive(
    access: Access, asking: Asking, message: exchange.Message, plan: exchange.Plan
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """A Bundle with its patches: the answer to its writes, and its entries as they were then.

    A patch stands for an update of the version that was read. A transaction is tried again when that was written.
    """
    patches = [entry for entry in plan.entries if isinstance(entry, exchange.Patching)]
    for left in reversed(range(TRIES)):
        entries = tuple([await _entry(access, asking, plan.kind, entry) for entry in plan.entries])
        try:
            ready = replace(plan, entries=tuple(entry for entry in entries if not isinstance(entry, Refused)))
            return await exchange.receive_bundle(access, message, ready), entries
        except Refusal as refusal:
            if not left or refusal.code != "precondition-failed" or all(p.if_match is not None for p in patches):
                raise
    raise Refusal("precondition-failed")


async def _entry(access: Access, asking: Asking, kind: str, entry: Any) -> Any:
    if not isinstance(entry, exchange.Patching):
        return entry
    try:
        return await _made(access, asking, entry)
    except Refusal as refusal:
        if kind == "transaction":
            raise
        return Refused(refusal)


async def _made(access: Access, asking: Asking, said: exchange.Patching) -> Entry:
    """The update that a patch amounts to. Refusals: those of reading and of the patch, and `field-invalid`."""
    row = await access.read(asking, said.type, said.id) if said.id else await _found(access, asking, said)
    tree = fhir.patched(fhir.parse(row.content), said.patch)
    if (tree.get("resourceType"), tree.get("id")) != (said.type, row.id):
        raise Refusal(
            "field-invalid", field=f"{said.type}.id", expected="a patch that leaves resourceType and id alone"
        )
    exchange.checked(tree, said.path)
    return Entry(
        method="PUT", type=said.type, id=row.id, resource=tree, if_match=said.if_match or row.version, path=said.path
    )


async def _found(access: Access, asking: Asking, said: exchange.Patching) -> Stored:
    """The one resource that the search finds. Refusals `not-found`, `condition-ambiguous`."""
    query = access.query(asking, said.type, parse_qsl(said.condition, keep_blank_values=True), lenient=False)
    plain = replace(query, include=[], revinclude=[])
    rows = (await access.search(asking, said.type, plain, Wanted(count=2, total=False))).rows
    if len(rows) > 1:
        raise Refusal("condition-ambiguous", field=f"{said.path}?{said.condition.partition('=')[0][:64]}")
    if not rows:
        raise Refusal("not-found")
    return rows[0]

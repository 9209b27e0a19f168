"""PATCH: a JSON Patch (RFC 6902) or a FHIRPath Patch (R4 fhirpatch.html) of one resource, alone or in a Bundle.

A patch is made on the version that is read and written only onto that version; when somebody else wrote in between, it
is made again, unless If-Match names the version. What cannot be patched is said where the write would have been carried
out, after the look for an answer given before: a resend of what was done then is no mistake.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from yima import consent, exchange, fhir
from yima.access import Access, Asking, Entry, Stored, Wanted
from yima.api.asking import type_of
from yima.api.bodies import JSON_TYPES, PATCH_TYPE, XML_TYPES, check_type, too_large
from yima.api.receiving import outcome_answer, received
from yima.runtime.beside import beside
from yima.runtime.errors import Refusal

TRIES: Final = 4
"""How often a patch without If-Match is made again for what others wrote in between."""
_ALL: Final = sys.maxsize


@dataclass(frozen=True, slots=True)
class _Made:
    """The update that a patch amounts to, its resource as bytes: what a try wrote into it is not there for the next."""

    entry: Entry
    content: bytes

    def update(self) -> Entry:
        """The update, to be carried out once."""
        return replace(self.entry, resource=fhir.parse(self.content))


async def patch(request: Request) -> Response:
    """PATCH /fhir/[type]/[id] or /fhir/[type]?[search]; with If-Match only onto that version."""
    async with received(request, PATCH_TYPE, *JSON_TYPES, *XML_TYPES) as it:
        name, wanted = type_of(request), request.path_params.get("id", "")
        condition = "" if wanted else request.url.query
        if not (wanted or condition):
            raise Refusal("field-missing", field="query", expected="a search that names what to patch")
        match = exchange.version_of(request.headers.get("if-match"))
        operations = await beside(len(it.message.body), partial(fhir.parse_value, it.message.body))
        if isinstance(operations, list):
            check_type(request, PATCH_TYPE)
        said = exchange.Patching(name, wanted, condition, operations, match, name)
    message = replace(it.message, target=f"PATCH {name}/{wanted}?{condition} {match or ''}")
    for _ in range(TRIES):
        made = await _tried(it.access, it.asking, said, len(message.body))
        entry = made if isinstance(made, Refusal) else replace(made.update(), path="")
        try:
            return outcome_answer(request, it.access, await exchange.receive_one(it.access, message, entry))
        except Refusal as refusal:
            if match is not None or refusal.code != "precondition-failed":
                raise
    raise Refusal("precondition-failed")


async def receive(access: Access, asking: Asking, message: exchange.Message, plan: exchange.Plan) -> dict[str, Any]:
    """A Bundle with its patches: the answer to its writes.

    A patch stands for an update of the version that was read. A transaction is tried again when that was written.
    """
    patches = {at: entry for at, entry in enumerate(plan.entries) if isinstance(entry, exchange.Patching)}
    read: exchange.Plan | None = plan  # a try changes what it carries out: each further one reads anew
    size = len(message.body)
    for left in reversed(range(TRIES)):
        made = {at: await _tried(access, asking, entry, size) for at, entry in patches.items()}
        anew = partial(_with_patches, message.body, made)
        try:
            return await exchange.receive_bundle(access, message, await beside(size, partial(anew, read)), anew)
        except Refusal as refusal:
            asked = all(patch.if_match is not None for patch in patches.values())
            if not left or refusal.code != "precondition-failed" or asked:
                raise
        read = None
    raise Refusal("precondition-failed")


def _with_patches(body: bytes, made: Mapping[int, _Made | Refusal], read: exchange.Plan | None = None) -> exchange.Plan:
    """The plan of a Bundle (what was `read` of it, or what its body says) with its patches as updates."""
    plan = read or exchange.plan(fhir.parse(body), max_entries=_ALL)
    if not made:
        return plan
    ready = {at: one if isinstance(one, Refusal) else one.update() for at, one in made.items()}
    return replace(plan, entries=tuple(ready.get(at, entry) for at, entry in enumerate(plan.entries)))


async def _tried(access: Access, asking: Asking, said: exchange.Patching, sent: int) -> _Made | Refusal:
    """The update, or why there is none; `sent`: bytes of the body that the patch came in.

    Why there is none is said when it is carried out: the patch may be the repeat of one that was made, and has its
    answer already.
    """
    try:
        return await _made(access, asking, said, sent)
    except Refusal as refusal:
        return refusal


async def _made(access: Access, asking: Asking, said: exchange.Patching, sent: int) -> _Made:
    """The update that a patch amounts to. Refusals: those of reading and of the patch, `field-invalid`,
    `body-too-large`, `consent-not-understood`."""
    row = await access.read(asking, said.type, said.id) if said.id else await _found(access, asking, said)
    content = await beside(sent + len(row.content), partial(_patched, row, said, sandbox=asking.caller.sandbox))
    if len(content) > access.settings.max_body_bytes:  # no more than could have been sent at once
        raise too_large(access.settings.max_body_bytes)
    entry = Entry(method="PUT", type=said.type, id=row.id, if_match=said.if_match or row.version, path=said.path)
    return _Made(entry, content)


def _patched(row: Stored, said: exchange.Patching, *, sandbox: bool) -> bytes:
    tree = fhir.patched(fhir.parse(row.content), said.patch)
    if (tree.get("resourceType"), tree.get("id")) != (said.type, row.id):
        raise Refusal(
            "field-invalid", field=f"{said.type}.id", expected="a patch that leaves resourceType and id alone"
        )
    exchange.checked(tree, said.path)
    if not sandbox and consent.is_privacy(tree):
        raise Refusal("consent-not-understood", field=said.path)
    return fhir.encode(tree)


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

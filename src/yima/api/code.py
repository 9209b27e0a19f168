"""POST /code/verify: the scan. The hottest path of the platform, so it does nothing twice."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from yima.access import Access, Scan
from yima.api.answers import access_of, bearer_of, caller_of
from yima.api.bodies import body_of, check_type
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.runtime.ids import person_text

LONGEST: Final = 8 * 1024
"""Bytes of the longest body."""
_STEP, _PURPOSE = "010102", "treatment"


class ScanRequest(msgspec.Struct):
    """The body of a verification."""

    code: str
    terminal: str | UnsetType = UNSET
    """Only a terminal with a token of its own may leave it out."""
    step: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET
    channel: str | None = None
    scene: str | None = None


_decoder = msgspec.json.Decoder(ScanRequest)


async def verify(request: Request) -> Response:
    """Verify a scanned code: who is this, and the visit that the scan opens. The way of whatever is not plain."""
    caller = await caller_of(request)
    check_type(request, "application/json")
    body = await body_of(request, LONGEST)
    answer = await scanned(access_of(request), caller, body, clock.now())
    return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})


async def verify_plainly(access: Access, authorization: bytes, body: bytes) -> bytes:
    """The same for a plain request, `app.Application` has seen to it: JSON of at most `LONGEST` bytes, not packed."""
    now = clock.now()
    caller = await access.sign_in.caller(bearer_of(authorization.decode("latin-1")), now=now)
    return await scanned(access, caller, body, now)


async def scanned(access: Access, caller: Caller, body: bytes, now: datetime) -> bytes:
    """What was asked, the door's answer, the answer's JSON."""
    asked = _asked(body, caller)
    scan = await access.scan(
        caller,
        asked.code,
        terminal=asked.terminal or caller.terminal,
        step=_STEP if asked.step is UNSET else asked.step,
        purpose=_PURPOSE if asked.purpose is UNSET else asked.purpose,
        now=now,
        channel=asked.channel,
        scene=asked.scene,
    )
    return orjson.dumps(shown(scan))


def _asked(body: bytes, caller: Caller) -> ScanRequest:
    try:
        asked = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("json-malformed", reason="it is not a JSON object in UTF-8") from error
    if asked.terminal is UNSET and not caller.terminal:
        raise _wrong("Object missing required field `terminal`")
    # Four quotation marks for each field that was read; where there are more, something else stands there as well.
    texts = (asked.terminal, asked.step, asked.purpose, asked.channel, asked.scene)
    if body.count(b'"') > 4 * (1 + sum([isinstance(text, str) for text in texts])):
        json.loads(body, object_pairs_hook=_once)
    return asked


def _wrong(reason: str) -> Refusal:
    expected = f"code, terminal, step, purpose, channel, scene as text ({reason})"
    return Refusal("field-invalid", field="body", expected=expected)


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise Refusal("json-duplicate-key", field="$", key=key[:64])
        seen.add(key)


def shown(scan: Scan) -> dict[str, Any]:
    """A scan as the answer's JSON. Never a document number."""
    who = scan.identity
    return {
        "visit": scan.visit,
        "person": person_text(scan.person),
        "identity": {
            "name": who.name,
            "latin_name": who.latin_name or None,
            "sex": who.sex,
            "birth_date": who.birth_date or None,
            "multiple_birth": who.multiple_birth,
            "deceased": who.deceased,
        },
        "assurance": scan.assurance,
        "expires": scan.expires.isoformat(),
    }

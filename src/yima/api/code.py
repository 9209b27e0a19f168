"""POST /code/verify: the scan. The hottest path of the platform, so it does nothing twice."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import orjson
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from yima.access import Scan
from yima.api.answers import access_of, caller_of
from yima.api.bodies import body_of, check_type
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.runtime.ids import person_text

_LONGEST = 8 * 1024
_STEP, _PURPOSE = "010102", "treatment"


class ScanRequest(msgspec.Struct):
    """The body of a verification."""

    code: str
    terminal: str
    step: str | UnsetType = UNSET
    purpose: str | UnsetType = UNSET
    channel: str | None = None
    scene: str | None = None

    @property
    def named(self) -> tuple[str, str]:
        """Step and purpose, with what they are when nothing is said."""
        return self.step if isinstance(self.step, str) else _STEP, self.purpose if isinstance(
            self.purpose, str
        ) else _PURPOSE


_decoder = msgspec.json.Decoder(ScanRequest)


async def verify(request: Request) -> Response:
    """Verify a scanned code: who is this, and the visit that the scan opens."""
    caller = await caller_of(request)
    check_type(request, "application/json")
    asked = _asked(await body_of(request, _LONGEST))
    step, purpose = asked.named
    scan = await access_of(request).scan(
        caller, asked.code, terminal=asked.terminal, step=step, purpose=purpose, now=clock.now(),
        channel=asked.channel, scene=asked.scene,
    )  # fmt: skip
    return Response(orjson.dumps(shown(scan)), media_type="application/json", headers={"Cache-Control": "no-store"})


def _asked(body: bytes) -> ScanRequest:
    try:
        asked = _decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refusal(
            "field-invalid", field="body", expected=f"code, terminal, step, purpose, channel, scene as text ({error})"
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("json-malformed", reason="it is not a JSON object in UTF-8") from error
    # Four quotation marks for each field that was read; where there are more, something else stands there as well.
    said = (asked.step is not UNSET, asked.purpose is not UNSET, asked.channel is not None, asked.scene is not None)
    if body.count(b'"') > 4 * (2 + sum(said)):
        json.loads(body, object_pairs_hook=_once)
    return asked


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

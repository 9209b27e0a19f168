"""POST /code/verify: the scan. The hottest path of the platform, so it does nothing twice."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.access import Scan
from yima.api.answers import access_of, body_of, caller_of
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.runtime.ids import person_text


class ScanRequest(msgspec.Struct):
    """The body of a verification."""

    code: str
    terminal: str
    step: str = "010102"
    purpose: str = "treatment"


_decoder = msgspec.json.Decoder(ScanRequest)


async def verify(request: Request) -> Response:
    """Verify a scanned code: who is this, and the visit that the scan opens."""
    caller = await caller_of(request)
    try:
        asked = _decoder.decode(await body_of(request))
    except msgspec.ValidationError as error:
        raise Refusal("field-invalid", field="body", expected=f"code, terminal, step, purpose as text ({error})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal("json-malformed", reason="it is not a JSON object in UTF-8") from error
    scan = await access_of(request).scan(
        caller, asked.code, terminal=asked.terminal, step=asked.step, purpose=asked.purpose, now=clock.now()
    )
    return Response(orjson.dumps(shown(scan)), media_type="application/json", headers={"Cache-Control": "no-store"})


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

"""What every refusal owes its reader, whatever was wrong."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from support.platform import Platform, code_of

_CHINESE = re.compile("[\u4e00-\u9fff]")
_RESIDENT_NUMBER = re.compile(r"\d{17}[\dXx]")


def assert_refused(response: httpx.Response, status: int, code: str) -> None:
    """The status and stable code; both languages, how to mend it, a request id; no stack trace, no document number."""
    assert (response.status_code, code_of(response)) == (status, code), response.text[:500]
    text = response.text
    assert response.headers["x-request-id"]
    assert response.headers["cache-control"] == "no-store"
    assert "Traceback" not in text
    assert ".py" not in text
    assert not _RESIDENT_NUMBER.search(text), "a document number in a refusal"
    assert _CHINESE.search(text), "not in Chinese"
    body = response.json()
    if body.get("resourceType") == "OperationOutcome":
        for issue in body["issue"]:
            assert issue["diagnostics"]
            assert {e["url"] for e in issue["details"]["_text"]["extension"][0]["extension"]} == {"lang", "content"}
    else:
        assert set(body["messages"]) == {"en", "zh"}
        assert all(words["text"] and words["mend"] for words in body["messages"].values())
        assert body["request_id"] == response.headers["x-request-id"]
        assert body["type"] == f"urn:yima:error:{code}"


@asynccontextmanager
async def nothing_written(platform: Platform) -> AsyncIterator[None]:
    """What happens inside leaves no resource, person, card or accepted submission behind."""
    before = await platform.counts()
    yield
    assert await platform.counts() == before

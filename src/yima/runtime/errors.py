"""The error vocabulary: one `Refusal` type, one closed catalogue of stable codes, two languages.

A room raises `Refusal("code-expired")`; it never formats a protocol answer. The answer is translated once per
protocol: `fhir.operation_outcome` on FHIR paths, `problem` (RFC 9457) elsewhere. The catalogue is `errors.toml`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal

Language = Literal["en", "zh"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the catalogue: a stable code with its HTTP status, FHIR issue type and words in two languages."""

    code: str
    status: int
    issue: str
    """FHIR R4 issue-type code (valueset issue-type)."""
    en: str
    zh: str
    mend_en: str
    mend_zh: str
    security: bool = False
    """Whether it may be an attack: counted in `yima_security_events_total`, and a line of the log."""


def _catalogue() -> dict[str, Kind]:
    table = tomllib.loads(files("yima.runtime").joinpath("errors.toml").read_text(encoding="utf-8"))
    return {code: Kind(code=code, **row) for code, row in table.items()}


KINDS: Final = _catalogue()


class Refusal(Exception):  # noqa: N818  it is an answer to the caller, not a fault of ours
    """An expected refusal. `code` is a key of the catalogue; `field` names the place (FHIRPath, JSON or form field).

    `params` fill the placeholders of the catalogue's sentences. They must never hold an identity number, a phone
    number, a token or a whole code: error texts are shown and logged.
    """

    def __init__(
        self,
        code: str,
        *,
        field: str | None = None,
        retry_after: int | None = None,
        also: tuple[Refusal, ...] = (),
        **params: str | int,
    ) -> None:
        self.kind: Kind = KINDS[code]
        self.field = field
        self.retry_after = retry_after
        """Seconds; becomes the Retry-After header."""
        self.also = also
        """Further refusals of the same input, so that one answer lists every mistake."""
        self.params: dict[str, str | int] = {"field": field or "", **params}
        super().__init__(f"{code}: {self.text('en')}")

    @property
    def code(self) -> str:
        """The stable code, the same in every protocol and language."""
        return self.kind.code

    @property
    def status(self) -> int:
        """HTTP status (RFC 9110)."""
        return self.kind.status

    def text(self, language: Language) -> str:
        """What happened, in one sentence."""
        return _fill(self.kind.zh if language == "zh" else self.kind.en, self.params)

    def mend(self, language: Language) -> str:
        """What the caller can do about it, in one sentence."""
        return _fill(self.kind.mend_zh if language == "zh" else self.kind.mend_en, self.params)


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def _fill(sentence: str, params: dict[str, str | int]) -> str:
    return sentence.format_map(_Blank(params)).strip()


def problem(refusal: Refusal, language: Language, request_id: str) -> dict[str, Any]:
    """The RFC 9457 problem document for a refusal; both languages are given, `title` in the one asked for."""
    body: dict[str, Any] = {
        "type": f"urn:yima:error:{refusal.code}",
        "code": refusal.code,
        "status": refusal.status,
        "title": refusal.text(language),
        "detail": refusal.mend(language),
        "messages": {lang: {"text": refusal.text(lang), "mend": refusal.mend(lang)} for lang in ("en", "zh")},
        "request_id": request_id,
    }
    if refusal.field:
        body["field"] = refusal.field
    if refusal.also:
        body["errors"] = [
            {"code": r.code, "field": r.field, "title": r.text(language), "detail": r.mend(language)}
            for r in (refusal, *refusal.also)
        ]
    return body

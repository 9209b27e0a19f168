"""The error vocabulary: one `Refusal` type, one closed catalogue of stable codes, two languages.

A room raises `Refusal("code-expired")`; it never formats a protocol answer. The answer is translated once per
protocol: `fhir.operation_outcome` on FHIR paths, `problem` (RFC 9457) elsewhere. The catalogue is `errors.toml`; the
Chinese of the words that code gives in English (`expected=`, `reason=`) is in `phrases.toml`.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final, Literal

from yima.runtime import phrases

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
WORDS: Final = frozenset({"expected", "reason", "limit", "source", "human", "url"})
"""Params that may be words: English where a refusal is raised, and looked up in `phrases.toml` for the Chinese text.
The others are names and values, the same in both languages."""


@cache
def _phrases() -> phrases.Phrases:
    """Read when the first Chinese text is made. A refusal's own sentence may be the reason of another."""
    whole = [(kind.en, kind.zh) for kind in KINDS.values()]
    return phrases.Phrases(phrases.read(), [*whole, *((en.rstrip("."), zh.rstrip("。")) for en, zh in whole)])


@lru_cache(1024)
def _chinese(words: str) -> str:
    return _phrases().chinese(words)


class Refusal(Exception):  # noqa: N818  it is an answer to the caller, not a fault of ours
    """An expected refusal. `code` is a key of the catalogue; `field` names the place (FHIRPath, JSON or form field).

    `params` fill the placeholders of the catalogue's sentences. They must never hold an identity number, a phone
    number, a token or a whole code: error texts are shown and logged. Since names are among them that a sender chose,
    such as the key of an object, numbers that look like one are left out.
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
        self.field = _unnumbered(field)
        self.retry_after = retry_after
        """Seconds; becomes the Retry-After header."""
        self.also = also
        """Further refusals of the same input, so that one answer lists every mistake."""
        self.params: dict[str, str | int] = {
            name: _unnumbered(value) for name, value in {"field": field or "", **params}.items()
        }
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
        return self._in_chinese(self.kind.zh) if language == "zh" else _fill(self.kind.en, self.params)

    def mend(self, language: Language) -> str:
        """What the caller can do about it, in one sentence."""
        return self._in_chinese(self.kind.mend_zh) if language == "zh" else _fill(self.kind.mend_en, self.params)

    def _in_chinese(self, sentence: str) -> str:
        said = {name: str(value) for name, value in self.params.items() if f"{{{name}}}" in sentence}
        words = {name: _chinese(value) for name, value in said.items() if name in WORDS}
        return phrases.fill(sentence, **(said | words)).strip()


_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])(?:\d{14,18}[\dXx]|(?:\+?86)?1[3-9]\d{9})(?![0-9A-Za-z])")
"""Of a document, a card or a phone."""


def _unnumbered(value: Any) -> Any:
    return _NUMBER.sub("***", value) if isinstance(value, str) else value


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

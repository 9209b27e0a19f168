"""Message tables: one `messages.toml` per portal, each key with its Chinese and its English sentence."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from yima.portals.layout.language import Language

PORTALS: Final = ("layout", "resident", "clinician", "operator", "steward", "scanner", "kiosk", "entry", "regulator")

Messages = dict[str, dict[str, str]]
"""Key -> {"zh": .., "en": ..}."""


@cache
def messages(portal: str) -> Messages:
    """The table of one portal; keys are the quoted names in its `messages.toml`."""
    text = files(f"yima.portals.{portal}").joinpath("messages.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text))


@cache
def _joined(portal: str) -> Messages:
    return {**messages("layout"), **(messages(portal) if portal != "layout" else {})}


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one portal (and the shared ones) in one language. `words("error.code")`."""

    portal: str
    lang: Language

    def __call__(self, key: str, /, **params: object) -> str:
        """The sentence; KeyError for an unknown key, so that a test finds it."""
        return _joined(self.portal)[key][self.lang].format(**params)

    def raw(self, key: str) -> str:
        """The sentence with its placeholders, for a script that fills them in itself."""
        return _joined(self.portal)[key][self.lang]

    def has(self, key: str) -> bool:
        """Whether the table knows the key (for words that depend on data)."""
        return key in _joined(self.portal)

    def count(self, key: str, n: int, /, **params: object) -> str:
        """The sentence for a number of things: `key.one` for exactly one, else `key.many`; `n` is filled in."""
        return self(f"{key}.{'one' if n == 1 else 'many'}", n=n, **params)

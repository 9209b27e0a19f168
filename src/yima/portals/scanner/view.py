"""What the page needs before it is alone: the results it may show, its words, and the figures by which it judges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from yima.portals.layout import Words
from yima.runtime.settings import Settings

REFUSALS: Final = {
    "code-unreadable": "refuse",
    "code-issuer-unknown": "refuse",
    "code-signer-invalid": "refuse",
    "code-signature-invalid": "refuse",
    "code-expired": "clock",
    "credential-not-yet-valid": "clock",
    "clock-skew": "clock",
    "credential-revoked": "refuse",
    "code-already-used": "refuse",
    "status-list-stale": "alert",
    "lists-missing": "alert",
    "code-needs-network": "alert",
}
"""Every way in which the page says no -> the picture beside it: the codes of `healthcode.offline.verify`, and three of
its own (`lists-missing`, `code-already-used`, and `clock-skew` for a list from the future)."""

UNDECIDED: Final = frozenset({"status-list-stale", "lists-missing", "code-needs-network"})
"""Where the page cannot tell: said in another colour and another word than "not valid"."""

KINDS: Final = ("identity", "emergency", "shc", "device")
"""Kinds of credential that the page reads."""

SPOKEN: Final = (
    "net.on", "net.off", "lists.none", "lists.of", "lists.version", "lists.parts", "lists.refreshing",
    "lists.refreshed", "lists.failed", "lists.fresh", "lists.watch", "lists.stale", "lists.missing",
    "emergency.not-said", "sex.male", "sex.female", "sex.other", "sex.unknown",
)  # fmt: skip
"""Sentences that the script puts in as things change; everything else already stands in the page."""

_FILES: Final = (
    "css/base.css", "css/desk.css", "css/scanner.css", "js/scanner.js", "js/scanner-lists.js", "js/camera.js",
    "js/signal.js", "vendor/jsqr-1.4.0.js", "img/icon.svg", "img/icon-maskable.svg", "healthcode/sm3.js",
)  # fmt: skip


def kept_files(names: Iterable[str]) -> list[str]:
    """Files that the page needs without a network: its own, and every module that checks credentials."""
    return sorted({*_FILES, *(name for name in names if name.startswith("healthcode/offline/"))})


def settings(words: Words, roots: str, figures: dict[str, int]) -> dict[str, Any]:
    """What the script is told: language, words, the roots to pin (PEM) and how old a list may be (seconds)."""
    patterns = {key: words.raw(key) for key in SPOKEN}
    return {"lang": words.lang, "words": patterns, "roots": roots, "policy": figures}


def policy(chosen: Settings) -> dict[str, int]:
    """What this deployment has set: how old a list may be (seconds), and the COSE number of SM2."""
    ages = {"warn": chosen.list_warn_hours * 3600, "refuse": chosen.list_refuse_hours * 3600}
    return ages | {"sm2": chosen.offline_sm2_algorithm}

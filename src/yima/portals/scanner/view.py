"""What the page needs before it is alone: the results it may show, and the figures by which it judges."""

from __future__ import annotations

from typing import Final

REFUSALS: Final = {
    "code-unreadable": "refuse",
    "code-issuer-unknown": "refuse",
    "code-signer-invalid": "refuse",
    "code-signature-invalid": "refuse",
    "code-expired": "clock",
    "clock-skew": "clock",
    "credential-revoked": "refuse",
    "code-already-used": "refuse",
    "status-list-stale": "alert",
    "lists-missing": "alert",
    "needs-network": "alert",
}
"""Every way in which the page says no -> the picture beside it. The last three judge this device, not the credential."""

UNDECIDED: Final = frozenset({"status-list-stale", "lists-missing", "needs-network"})
"""Where the page cannot tell: said in another colour and another word than "not valid"."""

KINDS: Final = ("identity", "emergency", "shc", "device")
"""Kinds of credential that the page reads."""

WORDS: Final = (
    "net.on", "net.off", "lists.none", "lists.of", "lists.version", "lists.parts", "lists.refreshing", "lists.refreshed",
    "lists.failed", "lists.fresh", "lists.watch", "lists.stale", "lists.missing", "emergency.not-said",
)  # fmt: skip
"""Sentences that the script puts in as things change; everything else already stands in the page."""

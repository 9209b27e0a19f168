"""What a resident reads before deciding: versions of one text. A version that was published is never changed.

Each decision keeps the version that was shown (`consent.standing.wording`), so that "what did I agree to" can be
answered for any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Wording:
    """One version, in paragraphs."""

    zh: tuple[str, ...]
    en: tuple[str, ...]


WORDINGS: Final = {
    "2026-11": Wording(
        (
            "扫描您的动态健康码的机构，在该次就诊期间可以查看您的健康档案；"
            "精神心理、艾滋病相关和性传播疾病的内容除外，除非您开放。",
            "您可以随时停止共享，或只对某个机构、某种用途、某段时间、某一条内容作出决定。决定马上生效。",
            "被您关闭的内容不会显示，但医生会被告知“有内容未显示”。写下内容的机构始终能看到自己写的。",
            "生命垂危而您无法表达时，医生说明理由后可以查看您的档案（上述三类除外），您会收到通知，可提出异议，由隐私专员限期答复。",
            "每一次查看都记入您的“谁看过”。您的决定不影响您就医的权利。",
        ),
        (
            "An institution that scans your dynamic code can read your record during that visit, mental health, HIV "
            "and sexually transmitted disease aside, unless you open them.",
            "You can stop sharing at any time, or decide about one institution, one purpose, one period or one single "
            "item. A decision counts at once.",
            "What you close is not shown, but clinicians are told that something is withheld. An institution always "
            "sees what it wrote itself.",
            "When your life is in danger and you cannot speak, a clinician can open your record with a reason (the "
            "three classes above aside). You are told, may object, and the privacy officer must answer.",
            "Every look is on your log. What you decide does not touch your right to care.",
        ),
    ),
}
NEWEST: Final = max(WORDINGS)

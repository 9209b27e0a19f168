"""Draw the life cycle of the card into docs/healthcode/life-cycle.md from `yima.healthcode.lifecycle.TABLE`.

Run without arguments; a test says when the page is behind. Only what stands between the two marks is written.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from yima.healthcode.lifecycle import EVENTS, STATES, TABLE, Before, Refused, moves

PAGE = Path(__file__).resolve().parents[1] / "docs" / "healthcode" / "life-cycle.md"
BEGIN, END = "<!-- made by tools/life_cycle.py -->", "<!-- end -->"


def drawing() -> str:
    """The state diagram: one arrow for all events that lead from one state to another."""
    arrows = sorted({(was, became, event) for event, was, became in moves() if was != became or event == "reissue"})
    lines = ["```mermaid", "stateDiagram-v2"]
    for (was, became), group in groupby(arrows, key=lambda arrow: arrow[:2]):
        source = "[*]" if was == "none" else _name(was)
        lines.append(f"    {source} --> {_name(became)} : {', '.join(event for _, _, event in group)}")
    return "\n".join([*lines, "```"])


def _name(state: str) -> str:
    return state.replace("-", "_")


def table() -> str:
    """The table: states down, events across would be too wide, so events down."""
    rows = [f"| event | {' | '.join(STATES)} |", f"|---|{'---|' * len(STATES)}"]
    for event in EVENTS:
        cells = []
        for state in STATES:
            step = TABLE[state][event]
            if isinstance(step, Refused):
                cells.append(f"✗ {step.code.removeprefix('card-')}")
            elif isinstance(step, Before):
                cells.append("*as before*")
            else:
                cells.append("=" if step == state and event != "reissue" else f"**{step}**")
        rows.append(f"| `{event}` | {' | '.join(cells)} |")
    return "\n".join(rows)


def written(page: str) -> str:
    """The page with drawing and table as the code has them now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{drawing()}\n\n{table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""A model as one page of bars: what each level of each comparison weighs, and why (m and u). Needs no network. Pure."""

from __future__ import annotations

from html import escape
from typing import Final

from yima.mpi.explain import label
from yima.mpi.model import Model, Weight

_ROW: Final = 26
"""Height of a level's row, in pixels."""
_MIDDLE: Final = 680
_WIDE: Final = 210
"""Width of the longest bar to either side of the middle."""
_TOLD: Final = 0.05
"""Bits; a smaller change is not written."""
_CSS: Final = """
body{font:15px/1.5 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;margin:24px auto;
max-width:1100px;padding:0 16px;color:#1b1f24;background:#fff}
h1{font-size:22px}h2{font-size:17px;margin:28px 0 4px}svg{width:100%;height:auto;display:block}
text{font-size:13px;fill:#1b1f24}.n{fill:#57606a;font-size:12px}.for{fill:#1a6b3c}.against{fill:#a4262c}
.before{fill:none;stroke:#57606a;stroke-width:1.5}dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px}
dt{color:#57606a}dd{margin:0}
"""


def model_page(model: Model, before: Model | None = None) -> str:
    """A whole HTML page. `before`: another model, drawn as an outline on each bar."""
    longest = max(
        abs(weight.bits)
        for one in (model, *([before] if before else []))
        for rows in one.comparisons.values()
        for weight in rows.values()
    )
    parts = [_comparison(model, before, name, longest) for name in model.comparisons]
    title = f"匹配模型 {model.version} · Matching model {model.version}"
    return (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_CSS}</style></head><body><main><h1>{escape(title)}</h1>{_facts(model, before)}{''.join(parts)}"
        "</main></body></html>\n"
    )


def _facts(model: Model, before: Model | None) -> str:
    bounds = model.thresholds
    facts = {
        "制作 · Made": f"{model.made}, {model.by}",
        "说明 · Note": model.note,
        "规范化版本 · Normaliser": str(model.normaliser),
        "先验 · Two people drawn at random": f"{model.prior:.3g} ({model.prior_bits:+.1f} bits)",
        "自动关联 · Linked by itself": f"p ≥ {bounds.automatic}, {bounds.margin:+.1f} bits",
        "人工复核 · Asked about": f"p ≥ {bounds.review}",
        "姓名频率 · Names with a share of their own": f"{len(model.names.frequency):,}",
        "权重 · Weight": "log2(m / u)；m：同一人中的比例，u：不同人中的比例 · m: share among pairs of one person, "
        "u: among pairs of two people",
    }
    if before is not None:
        facts["轮廓线 · Outline"] = f"模型 {before.version} · model {before.version}"
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items()) + "</dl>"


def _comparison(model: Model, before: Model | None, name: str, longest: float) -> str:
    rows = model.comparisons[name]
    was = before.comparisons[name] if before else {}
    drawn = [_level(n, name, level, weight, was.get(level), longest) for n, (level, weight) in enumerate(rows.items())]
    height = len(rows) * _ROW + 4
    zh, en = label(name)
    return (
        f'<section><h2>{zh} · {en}</h2><svg viewBox="0 0 1180 {height}" role="img" aria-label="{zh} · {en}">'
        f'<line x1="{_MIDDLE}" x2="{_MIDDLE}" y1="0" y2="{height}" stroke="#57606a"/>{"".join(drawn)}</svg></section>'
    )


def _level(row: int, name: str, level: str, weight: Weight, was: Weight | None, longest: float) -> str:
    top, (zh, en) = row * _ROW + 4, label(name, level)
    said = "for" if weight.bits >= 0 else "against"
    change = 0.0 if was is None else weight.bits - was.bits
    told = f"{weight.bits:+.1f}" + (f" ({change:+.1f})" if abs(change) >= _TOLD else "")
    at = _MIDDLE + max(weight.bits, was.bits if was else 0, 0) / longest * _WIDE + 6
    outline = "" if was is None else f'<rect class="before" {_box(was, top, longest)}/>'
    return (
        f'<text x="0" y="{top + 14}">{escape(zh)} · {escape(en)}</text>'
        f'<rect class="{said}" {_box(weight, top, longest)}/>{outline}<text x="{at:.1f}" y="{top + 14}">{told}</text>'
        f'<text class="n" x="1178" y="{top + 14}" text-anchor="end">m {weight.m:.2g} · u {weight.u:.2g}</text>'
    )


def _box(weight: Weight, top: int, longest: float) -> str:
    width = abs(weight.bits) / longest * _WIDE
    left = _MIDDLE - (width if weight.bits < 0 else 0)
    return f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_ROW - 8}"'

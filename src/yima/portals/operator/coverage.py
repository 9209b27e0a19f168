"""Coverage for operators: who has no card and no record, by area, age and sex. No person is here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from yima import mpi
from yima.access import Figures, Lacking
from yima.portals.layout import Words, language_of, page, rate_chart, render, signed_in
from yima.portals.layout.dates import moment

_PORTAL: Final = "operator"
_NUMBERS: Final = ("persons", "no_card", "no_record", "neither")
_COUNTY: Final = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One area, age band or sex."""

    name: str
    link: str
    """The area to look into; empty for what cannot be opened."""
    numbers: tuple[str, ...]
    share: str
    """Of those without a card, in percent."""


async def coverage(request: Request) -> Response:
    """An area's figures as a page, or with `format=json` as JSON."""
    who = await signed_in(request, "operator")
    area = request.query_params.get("area", "")
    figures = await who.access.population.coverage(who.caller, area)
    if request.query_params.get("format") == "json":
        return JSONResponse(_json(figures))
    words = Words(_PORTAL, language_of(request))
    tables = {
        "area": [
            _line(one, one.key or words("coverage.no-area"), words, _opens(one.key, area)) for one in figures.by_area
        ],
        "age": [_line(one, age_words(int(one.key), words), words) for one in figures.by_age],
        "sex": [_line(one, words(f"coverage.sex.{one.key or 'unknown'}"), words) for one in figures.by_sex],
    }
    bars, top = rate_chart([_bar(one, line.name) for one, line in zip(figures.by_age, tables["age"], strict=True)])
    return render(
        request,
        "coverage.html",
        portal=_PORTAL,
        area=area,
        levels=[area[:digits] for digits in range(2, len(area), 2)],
        least=figures.least,
        counted=moment(figures.counted, words.lang) if figures.counted else "",
        total=_line(figures.total, words("coverage.everybody"), words),
        tables=tables,
        bars=bars,
        top=top,
        csrf=who.csrf,
    )


def age_words(band: int, words: Words) -> str:
    """An age band in words: `18 to 44`."""
    if band == mpi.UNKNOWN_AGE:
        return words("coverage.age.unknown")
    after = next((one for one in mpi.AGE_BANDS if one > band), None)
    if after is None:
        return words("coverage.age.from", n=band)
    return words("coverage.age.year", n=band) if after == band + 1 else words("coverage.age.to", n=band, m=after - 1)


def _line(one: Lacking, name: str, words: Words, link: str = "") -> Line:
    numbers = tuple(_number(getattr(one, column), words) for column in _NUMBERS)
    known = one.persons and one.no_card is not None
    return Line(name, link, numbers, f"{100 * (one.no_card or 0) / (one.persons or 1):.0f} %" if known else "—")


def _number(value: int | None, words: Words) -> str:
    return words("coverage.few") if value is None else f"{value:,}"


def _opens(key: str, area: str) -> str:
    return key if len(area) < len(key) < _COUNTY else ""


def _bar(one: Lacking, name: str) -> tuple[str, int, int]:
    lacking = one.no_card or 0
    return name, (one.persons or 0) - lacking, lacking


def _json(figures: Figures) -> dict[str, Any]:
    return asdict(figures) | {"counted": figures.counted.isoformat() if figures.counted else None}


def routes() -> list[Route]:
    """The routes of this page."""
    return [Route("/operator/coverage", page(coverage), methods=["GET"])]

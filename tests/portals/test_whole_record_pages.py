"""Stages of life, timeline, quality and the summary, for the resident and for who scanned the code."""

from __future__ import annotations

import re

import pytest
from portal_place import Place, form_token

from yima import fhir

WITHHELD = {"zh": "精神", "en": "sychiatr"}


@pytest.fixture
async def visit(place: Place) -> tuple[object, str]:
    """A clinician's browser and the address of a visit of the person with psychiatric entries."""
    browser = await place.enter(place.browser(lang="en"), "clinician", place.other_doctor)
    page = await browser.get("/clinician/")
    terminal = re.search(r'<option value="([^"]+-H01)"', page.text)
    assert terminal
    fields = {"csrf": form_token(page.text), "code": await place.code(place.sensitive), "step": "010102"}
    fields["terminal"] = terminal[1]
    answer = await browser.post("/clinician/scan", data=fields)
    assert answer.status_code == 303, answer.text
    return browser, answer.headers["location"]


async def test_the_timeline_is_chosen_by_kind_year_and_institution(place: Place) -> None:
    browser = await place.enter(place.browser(lang="en"), "resident", place.full)
    whole = await browser.get("/resident/timeline")
    total = whole.text.count('class="life-stop ')
    assert total > 2
    clinics = await browser.get("/resident/timeline?kind=outpatient")
    none = await browser.get("/resident/timeline?year=1801")
    assert 0 < clinics.text.count('class="life-stop ') <= total
    assert 'value="outpatient" checked' in clinics.text
    assert "Nothing fits" in none.text
    assert (await browser.get("/resident/timeline?from=x&year=<b>&kind=<b>")).status_code == 200


async def test_the_stages_and_the_quality(place: Place) -> None:
    browser = await place.enter(place.browser(lang="en"), "resident", place.full)
    page = (await browser.get("/resident/life")).text
    assert 'id="chronic"' in page
    assert "High blood pressure" in page
    assert "What the record has, and what is missing" in page


async def test_the_summary_is_printed_and_taken_along(place: Place) -> None:
    browser = await place.enter(place.browser(lang="zh"), "resident", place.full)
    page = (await browser.get("/resident/summary")).text
    assert "国际患者摘要" in page
    assert "过敏与不耐受" in page
    answer = await browser.get("/resident/summary.json")
    assert "attachment" in answer.headers["content-disposition"]
    bundle = fhir.parse(answer.content)
    fhir.validate(bundle)
    assert bundle["entry"][0]["resource"]["resourceType"] == "Composition"
    assert bundle["entry"][0]["resource"]["language"] == "zh-CN"


@pytest.mark.parametrize("name", ["life", "timeline", "summary", "summary.json"])
async def test_a_visit_shows_them_without_what_is_closed(place: Place, visit: tuple[object, str], name: str) -> None:
    browser, address = visit
    answer = await browser.get(f"{address}/{name}")  # type: ignore[attr-defined]
    assert answer.status_code == 200
    stranger = await place.enter(place.browser(), "clinician", place.doctor)
    assert (await stranger.get(f"{address}/{name}")).status_code in (403, 404)
    if name.startswith("summary"):
        assert WITHHELD["en"] in answer.text or "Mental" in answer.text or "mental" in answer.text

"""The printed card as a file: from the resident's page, and from the command line's door."""

from __future__ import annotations

import re

import pytest
from portal_place import Place

from yima import audit
from yima.directory import Caller
from yima.healthcode.card_print import fonts
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

SYSTEM = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")


@pytest.fixture(scope="module", autouse=True)
def _a_font() -> None:
    try:
        fonts.fonts_for(["张"], None)
    except Refusal:
        pytest.skip("*** THE CARD FILE WAS NOT TRIED: no Chinese font on this machine (Debian: fonts-noto-cjk) ***")


@pytest.mark.parametrize(("size", "pages"), [("id1", 2), ("a6", 1)])
async def test_a_resident_downloads_the_card_and_the_log_says_so(place: Place, size: str, pages: int) -> None:
    browser = await place.enter(place.browser(), "resident", place.full)
    page = await browser.get("/resident/card")
    assert f'href="/resident/card.pdf?size={size}"' in page.text
    before = await _prints(place, place.full)
    answer = await browser.get(f"/resident/card.pdf?size={size}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'attachment; filename="yima-card-{size}.pdf"'
    assert answer.content.startswith(b"%PDF-")
    assert int(re.search(rb"/Count (\d+)", answer.content)[1]) == pages  # type: ignore[index]
    assert await _prints(place, place.full) == before + 1
    log = await browser.get("/resident/log")
    assert "打印了纸质码" in log.text


async def _prints(place: Place, person: str) -> int:
    number = ids.person_from_text(person)
    assert number
    events = await audit.of_person(
        place.access.database, audit.Whose(frozenset({number})), before=clock.now(), limit=500
    )
    return sum(1 for event in events if event.action == "card" and event.detail.get("event") == "print")


async def test_what_is_refused_is_not_printed_and_not_on_the_log(place: Place) -> None:
    browser = await place.enter(place.browser(), "resident", place.full)
    before = await _prints(place, place.full)
    for path, status in {
        "/resident/card.pdf?size=a4": 422,
        "/resident/card.pdf?size=": 422,
        "/resident/card.pdf?for=nobody": 404,
        f"/resident/card.pdf?for={place.sensitive}": 403,
    }.items():
        answer = await browser.get(path)
        assert answer.status_code == status, path
        assert b"%PDF" not in answer.content
    assert (await place.browser().get("/resident/card.pdf")).status_code == 401
    assert await _prints(place, place.full) == before
    assert await _prints(place, place.sensitive) == 0


async def test_a_lost_card_is_not_printed_again(place: Place) -> None:
    person = await place.newcomer()
    number = ids.person_from_text(person)
    assert number
    assert (await place.access.printing.printed_card(SYSTEM, number, clock.now())).number
    await place.access.cards.change(SYSTEM, number, "report-lost", now=clock.now())
    browser = await place.enter(place.browser(), "resident", person)
    answer = await browser.get("/resident/card.pdf")
    assert answer.status_code == 409
    assert "card-state" in answer.text
    with pytest.raises(Refusal) as caught:
        await place.access.printing.printed_card(SYSTEM, number, clock.now())
    assert caught.value.code == "card-state"
    assert await _prints(place, person) == 1


async def test_only_residents_and_the_command_line_print_here(place: Place) -> None:
    clinician, number = await place.caller(place.doctor), ids.person_from_text(place.full)
    assert number
    with pytest.raises(Refusal) as caught:
        await place.access.printing.printed_card(clinician, number, clock.now())
    assert caught.value.code == "sign-in-needed"

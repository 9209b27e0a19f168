"""Whoever guesses learns nothing: what is there and what is not are refused in the same words, with the same work.

Not of clients: their ids are no secret, and whoever sets one up needs to know what is wrong.
Times are reported, not judged (`tests/support/figures.py`): medians of pairs asked in turns, milliseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from statistics import median

import httpx
import pytest
from entrance import Entrance
from test_resident_sign_in import Phone, _confirm, _somebody

from support import Institution, Platform, observation, patient, report, resident_number
from yima.runtime import ids

Ask = Callable[[], Awaitable[httpx.Response]]

_TURNS = 40
_DOORS = 12
"""Turns at the doors for people: each needs a person of its own, as one who is guessed at must wait."""


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """As in production, but that one network may ask as often as the turns need."""
    folder = tmp_path_factory.mktemp("guessing")
    running = await Platform.start(database_url, folder, notice_sender="file", sign_in_rate=1_000_000)
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def entrance(platform: Platform) -> Entrance:
    return Entrance(platform, await platform.institution("G"))


async def test_known_and_unknown_are_refused_alike(platform: Platform, entrance: Entrance) -> None:
    """By a Patient, a resource, an identity number, a code, a phone and a name."""
    figures = {}
    other = await platform.institution("H")
    for name, known, unknown in (
        *await _records(platform, entrance.hospital, other),
        ("code", *await _codes(platform, entrance.hospital, other)),
        ("phone", *await _phones(platform, entrance.hospital)),
        ("staff", *await _staff(entrance)),
    ):
        turns = _DOORS if name in ("phone", "staff") else _TURNS
        figures[name] = await _compared(name, known, unknown, turns)
    report("guessing", figures)


async def _compared(name: str, known: Ask, unknown: Ask, turns: int) -> dict[str, float]:
    """The same answers; the medians of what they took, and by how much these differ."""
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    said = set()
    for turn in range(turns):
        both = [("known", known), ("unknown", unknown)]
        for which, ask in both if turn % 2 else both[::-1]:
            began = time.perf_counter()
            answer = await ask()
            took[which].append(time.perf_counter() - began)
            said.add(_said(answer))
    assert len(said) == 1, f"{name}: {said}"
    a, b = (median(took[which]) * 1000 for which in ("known", "unknown"))
    return {"known": round(a, 2), "unknown": round(b, 2), "differ": round(abs(a - b), 2)}


def _said(answer: httpx.Response) -> tuple[int, str]:
    """The answer but for what is drawn anew for each: request ids, hidden values, addresses that were asked for."""
    body = re.sub(r'value="[^"]*"|data-options="[^"]*"|nonce="[^"]*"|urn:uuid:[0-9a-f-]+', "", answer.text)
    for once in (answer.headers.get("x-request-id") or "-", answer.request.url.path.rpartition("/")[2]):
        body = body.replace(once, "")
    return answer.status_code, re.sub(r'"(timestamp|lastUpdated|id|instance|url)": ?"[^"]*"', "", body)


async def _records(platform: Platform, here: Institution, there: Institution) -> list[tuple[str, Ask, Ask]]:
    """By an institution that nobody let in: of a person whom another knows, and of nobody."""
    number, nobody, stranger = resident_number(), resident_number(), ids.new_person_id()
    made = await there.create(patient(national=number))
    seen = await there.create(observation(f"Patient/{made['id']}"))

    def read(address: str) -> Ask:
        return lambda: here.call("GET", f"/fhir/{address}")

    def sought(number: str) -> Ask:
        form = f"identifier={number}".encode()
        sent = {"content_type": "application/x-www-form-urlencoded"}
        return lambda: here.call("POST", "/fhir/Patient/_search", form, **sent)

    return [
        ("patient", read(f"Patient/{made['id']}"), read(f"Patient/{ids.new_resource_id(stranger)}")),
        ("resource", read(f"Observation/{seen['id']}"), read(f"Observation/{ids.new_resource_id(stranger)}")),
        ("number", sought(number), sought(nobody)),
    ]


async def _codes(platform: Platform, here: Institution, there: Institution) -> tuple[Ask, Ask]:
    """Codes with one character of their seal changed: of somebody, and of nobody."""
    made = await there.create(patient(national=resident_number()))

    def changed(person: int) -> Ask:
        good = platform.dynamic(person)
        other = next(letter for letter in good[4:] if letter != good[-6])
        return lambda: here.scan(good[:-6] + other + good[-5:])

    return changed(Platform.person_of(f"Patient/{made['id']}")), changed(ids.new_person_id())


async def _phones(platform: Platform, hospital: Institution) -> tuple[Ask, Ask]:
    """A number that opens somebody's pages, and one that is nobody's; each asked once, from a network of its own."""
    known = [f"1391357{2001 + turn}" for turn in range(_DOORS)]
    for phone in known:
        _, number = await _somebody(hospital, phone)
        await _confirm(hospital, number, phone)
    unknown = [f"1391468{2001 + turn}" for turn in range(_DOORS)]
    return _each([Phone(platform, one).ask for one in known]), _each([Phone(platform, one).ask for one in unknown])


async def _staff(entrance: Entrance) -> tuple[Ask, Ask]:
    """A wrong password, with a name that somebody signs in by and with one like it."""
    names = [(await entrance.doctor(f"g{turn}")).name for turn in range(_DOORS)]

    def tried(name: str) -> Ask:
        browser = entrance.browser()
        return lambda: entrance.try_in(browser, "clinician", name=name, password="wrong words", code="123456")

    return _each([tried(name) for name in names]), _each([tried(f"{name}x") for name in names])


def _each(asks: list[Ask]) -> Ask:
    """One after the other."""
    left = iter(asks)

    async def following() -> httpx.Response:
        return await next(left)()

    return following

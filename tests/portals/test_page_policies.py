"""Every page with every kind of session: who is not signed in at its door, or lacks its right, is refused with the
stable code; who may, gets in."""

from __future__ import annotations

import itertools
import re

import pytest
from starlette.routing import Route

from support import Platform, patient, report
from yima import directory, portals
from yima.directory import OPERATOR_RIGHTS
from yima.portals.policy import MAY_TELL, POLICY, TELLS, under_policy, who_may, without_policy
from yima.runtime import clock, ids

ROUTES = [(m, r.path) for r in portals.routes() for m in sorted((r.methods or set()) - {"HEAD"})]
SESSIONS = [
    "nobody",
    "forged",
    "resident",
    "clinician",
    "clinician/protection-officer",
    "kiosk",
    "operator",
    *(f"operator/{r}" for r in OPERATOR_RIGHTS),
]
DOORS = ("resident", "clinician", "operator", "kiosk")
VALUES = {"line": "0000000001-0000000000001", "id": "0000000001-0000000000001", "ticket": "x", "case": "1"}


def test_every_page_has_a_row_and_every_row_a_page() -> None:
    assert without_policy(portals.routes()) == []
    used = {next(named for named, _ in POLICY if _fits(named, path)) for _, path in ROUTES}
    assert used == {named for named, _ in POLICY}
    assert {who for _, who in POLICY} == {"anybody", *DOORS, *_WITH_RIGHT}
    assert who_may("/doctors/list") is None


def test_nothing_starts_with_a_page_that_has_no_row() -> None:
    with pytest.raises(LookupError, match="/doctors/list"):
        under_policy([*portals.routes(), Route("/doctors/list", portals.routes()[0].endpoint)])
    assert {f"{m} {p}" for m, p in ROUTES} >= TELLS | MAY_TELL
    assert len(portals.DISCLOSING) == len(TELLS)


_WITH_RIGHT = {who for _, who in POLICY if "/" in who}


def _fits(named: str, path: str) -> bool:
    return path == named or (named.endswith("*") and path.startswith(named[:-1]))


@pytest.fixture(scope="module")
async def cookies(platform: Platform) -> dict[str, str]:
    """Kind of session -> its cookie."""
    hospital = await platform.institution("A")
    made = await hospital.create(patient())
    async with platform.database.transaction() as c:
        for right in OPERATOR_RIGHTS:
            someone = directory.Operator(right, right, right, frozenset({right}), organisation="Health commission")
            await directory.register_operator(c, someone)
        kiosk = f"{hospital.code}-K"
        await directory.register_terminal(c, hospital.number, directory.Terminal(kiosk, "kiosk", "0300"))
        await directory.add_terminal_key(c, kiosk, hospital.key.as_dict(private=False))
        works = directory.Practitioner(
            0, hospital.number, "P1", "周宁", "Zhou Ning", "", "", "0300", role="protection-officer"
        )
        watches = await directory.register_practitioner(c, works)
    subjects = {
        "resident": ids.person_text(platform.person_of(f"Patient/{made['id']}")),
        "clinician": str(hospital.practitioner), "clinician/protection-officer": str(watches), "kiosk": kiosk,
        "operator": "operator",
    } | {f"operator/{right}": right for right in OPERATOR_RIGHTS}  # fmt: skip
    now = clock.now()
    held = {kind: platform.access.callers.session(kind.partition("/")[0], who, now) for kind, who in subjects.items()}
    return held | {"nobody": "", "forged": "eyJ.0000000000000000000000000000000000000000"}


async def _open(platform: Platform, method: str, path: str, cookie: str) -> tuple[int, str]:
    """Status, and the stable code of a refusal."""
    filled = re.sub(r"{([\w:]+)}", lambda m: VALUES.get(m[1], "1"), path)
    form = {"data": {"csrf": platform.access.callers.csrf(cookie)}} if method == "POST" else {}
    headers = {"cookie": "; ".join(f"yima_{door}={cookie}" for door in DOORS)} if cookie else {}
    answer = await platform.client.request(method, filled, headers=headers, **form)
    found = re.search(r"<code[^>]*>([a-z0-9]+(?:-[a-z0-9]+)+)</code>", answer.text)
    return answer.status_code, found[1] if found and answer.status_code >= 400 else ""


async def test_every_page_with_every_session(platform: Platform, cookies: dict[str, str]) -> None:
    # Rights of the operator's people, and roles of staff, make no difference at other doors.
    cells = [
        (method, path, kind)
        for (method, path), kind in itertools.product(ROUTES, SESSIONS)
        if "/" not in kind or (who_may(path) or "").startswith(kind.partition("/")[0])
        if not path.endswith("/sign-in/again")  # a development session proves nothing: `test_sign_in_pages.py`
    ]
    for method, path, kind in cells:
        who = who_may(path) or ""
        door, _, right = who.partition("/")
        # A session of one door is tried at all of them: the cookie's name proves nothing.
        status, code = await _open(platform, method, path, cookies[kind])
        at = (method, path, who, kind, status, code)
        assert status < 500, at
        if who == "anybody":
            assert (status, code) == (401, "sign-in-needed") if "/dev/" in path else code != "sign-in-needed", at
        elif kind.partition("/")[0] != door:
            assert (status, code) == (401, "sign-in-needed"), at
        elif right and kind != who:
            assert (status, code) == (403, "right-needed"), at
        else:
            assert code not in ("sign-in-needed", "right-needed", "csrf"), at
    report("page_policies", {"pages": len(ROUTES), "sessions": len(SESSIONS), "cells": len(cells)})


async def test_a_form_without_its_token_does_nothing(platform: Platform, cookies: dict[str, str]) -> None:
    for method, path in ROUTES:
        who = who_may(path) or ""
        if method != "POST" or who == "anybody":
            continue
        filled = re.sub(r"{([\w:]+)}", lambda m: VALUES.get(m[1], "1"), path)
        headers = {"cookie": f"yima_{who.partition('/')[0]}={cookies[who]}"}
        answer = await platform.client.post(filled, data={"csrf": "0" * 32}, headers=headers)
        assert answer.status_code == 403, (path, answer.status_code)
        assert "csrf" in answer.text, path


ODD = ("a%00b", "%C2%B2", "9" * 20)
"""In addresses and forms: NUL, a digit that is no number, a number that fits no column."""
BODIES = (
    *(f"staff={odd}&number={odd}&handle={odd}&reason={odd}&name={odd}&code={odd}&id={odd}" for odd in ODD),
    "&".join(f"a{n}=1" for n in range(60)),
)


async def test_no_page_fails_at_odd_addresses_and_forms(platform: Platform, cookies: dict[str, str]) -> None:
    """Whatever is sent is refused in words that say why, never by an error of ours."""
    tried = 0
    for method, path in ROUTES:
        who = who_may(path) or ""
        cookie = cookies[who] if who != "anybody" else ""
        headers = {"cookie": f"yima_{who.partition('/')[0]}={cookie}; yima_visitor={'0' * 32}"}
        csrf = platform.access.callers.csrf(cookie or f"visitor/{'0' * 32}")
        form = {"content-type": "application/x-www-form-urlencoded"} if method == "POST" else {}
        usual = re.sub(r"{([\w:]+)}", lambda m: VALUES.get(m[1], "1"), path)
        asked = [(re.sub(r"{[\w:]+}", odd, path), f"csrf={csrf}") for odd in ODD if "{" in path]
        asked += [(usual, f"csrf={csrf}&{body}") for body in BODIES if method == "POST"]
        asked += [(f"{usual}?find=%00", f"csrf={csrf}")]
        for address, body in asked:
            sent = {"content": body.encode()} if method == "POST" else {}
            answer = await platform.client.request(method, address, headers=headers | form, **sent)
            assert answer.status_code != 500, (method, address, body[:80])
            tried += 1
    report("odd_addresses_and_forms", {"tried": tried})

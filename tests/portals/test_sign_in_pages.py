"""Sign-in of staff and operators as in production, and what attackers try at it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from entrance import COMMAND, PASSWORD, Entrance, Person, fields_of, options_of

from support import Platform, patient, resident_number
from support.authenticator import Authenticator
from yima import authentication, directory, mpi
from yima.authentication import ADDRESS, Try
from yima.runtime import clock, ids


@pytest.fixture(scope="module")
async def entrance(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Entrance]:
    """Not a development server: no links open anything."""
    platform = await Platform.start(
        database_url, tmp_path_factory.mktemp("entrance"), password_memory_kib=1024, sign_in_rate=100_000
    )
    yield Entrance(platform, await platform.institution("H"))
    await platform.stop()


@pytest.fixture(scope="module")
async def doctor(entrance: Entrance) -> Person:
    """Somebody whom tests sign in and leave as they were."""
    return await entrance.doctor("D100")


@pytest.fixture(autouse=True)
async def forgotten(entrance: Entrance) -> None:
    """No failure counts from one test to the next."""
    await entrance.platform.database.execute("delete from authentication.attempt")


async def lines(entrance: Entrance, subject: str) -> list[tuple[str, str, str]]:
    """(event, outcome, basis) of the log about this subject's sign-in, oldest first."""
    rows = await entrance.platform.database.fetch(
        "select detail, outcome, basis from audit.event where person_id = 0 and action = 'sign-in' and agent_id = $1 "
        "order by recorded, event_id", subject,
    )  # fmt: skip
    return [(json.loads(row["detail"])["event"], row["outcome"], row["basis"]) for row in rows]


async def age(entrance: Entrance, column: str, minutes: int) -> None:
    """Let time pass for every session."""
    await entrance.platform.database.execute(
        f"update authentication.session set {column} = {column} - make_interval(mins => $1)", minutes
    )


# --- the way in ------------------------------------------------------------------------------------------------------


async def test_password_and_code_open_a_session_and_it_ends(entrance: Entrance, doctor: Person) -> None:
    browser = entrance.browser()
    closed = await browser.get("/clinician/")
    assert closed.status_code == 401
    assert '/clinician/sign-in?next=/clinician/"' in closed.text
    answer = await entrance.enter(browser, doctor)
    assert answer.headers["location"] == "/clinician/"
    cookies = answer.headers.get_list("set-cookie")
    assert all("HttpOnly" in one and "SameSite=lax" in one for one in cookies if "yima_clinician" in one)
    page = await browser.get("/clinician/")
    assert page.status_code == 200
    assert (await browser.get("/operator/")).status_code == 401, "each door has its own session"
    kept = dict(browser.cookies)
    left = await browser.post("/clinician/sign-out", data=fields_of(page.text, "/clinician/sign-out"))
    assert left.headers["location"] == "/"
    browser.cookies.update(kept)  # what a thief copied before
    assert (await browser.get("/clinician/")).status_code == 401
    assert (await lines(entrance, doctor.subject))[-2:] == [("signed-in", "ok", "password"), ("signed-out", "ok", "")]


async def test_a_recovery_code_stands_in_for_the_app_once(entrance: Entrance) -> None:
    person = await entrance.doctor("D1")
    said = {
        "name": " H1/D1 ".replace("H1", entrance.hospital.code),
        "password": PASSWORD,
        "code": person.codes[3].lower(),
    }
    browser = entrance.browser()
    assert (await entrance.try_in(browser, "clinician", **said)).status_code == 303
    shown = await browser.get("/clinician/my-sign-in")
    assert "Signed in with a recovery code" in shown.text
    assert "7 left" in shown.text
    assert (await entrance.try_in(entrance.browser(), "clinician", **said)).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "to"),
    [("/clinician/counter", "/clinician/counter"), ("/clinician/visit/x?a=b", "/clinician/visit/x?a=b"),
     ("https://evil.example/", "/clinician/"), ("//evil.example/clinician/", "/clinician/"),
     ("/\\evil.example", "/clinician/"), ("/clinician/../operator/", "/clinician/"), ("/operator/", "/clinician/"),
     ("/clinician/%2e%2E/operator/", "/clinician/"), ("/clinician/.%2e/operator/", "/clinician/"),
     ("/clinician//evil.example", "/clinician/"), ("javascript:alert(1)", "/clinician/"),
     ("/clinician/\r\nset-cookie: a=b", "/clinician/"), ("/clinicians/", "/clinician/")],
)  # fmt: skip
async def test_after_sign_in_only_pages_of_this_door(entrance: Entrance, doctor: Person, wanted: str, to: str) -> None:
    browser = entrance.browser()
    said = {"name": doctor.name, "password": PASSWORD, "code": await entrance.fresh(doctor), "next": wanted}
    assert (await entrance.try_in(browser, "clinician", **said)).headers["location"] == to


# --- guessing --------------------------------------------------------------------------------------------------------


def body(answer: httpx.Response) -> str:
    """A page without what differs from request to request, and without what was typed."""
    volatile = r'name="(csrf|name)" [^>]*value="[^"]*"|"challenge":"[^"]*"|data-options="[^"]*"|id="name"[^>]*>'
    return re.sub(volatile, "", answer.text)


async def test_nobody_learns_whether_there_is_such_an_account(entrance: Entrance, doctor: Person) -> None:
    """Wrong name, wrong password, right password with a wrong code: one answer, and the same waits."""
    tries: tuple[tuple[str, str], ...] = ((doctor.name, "wrong"), ("h1/nobody", "wrong"), (doctor.name + "x", PASSWORD))
    answers = []
    for name, password in tries:
        browser, seen = entrance.browser(), []
        for _ in range(9):
            answer = await entrance.try_in(browser, "clinician", name=name, password=password, code="123456")
            seen.append((answer.status_code, answer.headers.get("retry-after"), body(answer)))
        answers.append(seen)
    assert answers[0] == answers[1] == answers[2]
    assert [status for status, _, _ in answers[0]] == [401] * 6 + [429] * 3
    assert answers[0][-1][1] == "1"


async def test_codes_cannot_be_guessed_even_with_the_password(entrance: Entrance) -> None:
    person = await entrance.doctor("D2")
    browser = entrance.browser()
    statuses = []
    for number in range(8):
        answer = await entrance.try_in(browser, "clinician", name=person.name, password=PASSWORD, code=f"{number:06d}")
        statuses.append(answer.status_code)
    assert statuses[5:] == [401, 429, 429]
    late = await entrance.try_in(browser, "clinician", name=person.name, password=PASSWORD, code=person.code())
    assert late.status_code == 429, "what is right waits too"
    row = await entrance.platform.database.fetchrow("select max(failures) as failures from authentication.attempt")
    assert row["failures"] == 6, "a try that comes too early is not counted"


async def test_waits_double_and_strangers_do_not_lock_out_a_known_browser(entrance: Entrance) -> None:
    person = await entrance.doctor("D3")
    usual = entrance.browser()
    await entrance.enter(usual, person)
    attempts, now = entrance.platform.access.means.attempts, clock.now()
    stranger = Try("account", f"practitioner/{person.name.lower()}", authentication.ACCOUNT)
    waits = []
    for _ in range(20):
        while True:
            try:
                await attempts.enter([stranger], now)
                break
            except Exception as refusal:  # the wait is what is looked at
                waits.append(int(getattr(refusal, "retry_after", 0)))
                now += timedelta(seconds=waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]
    answer = await entrance.try_in(
        entrance.browser(), "clinician", name=person.name, password=PASSWORD, code=person.codes[0]
    )
    assert answer.status_code == 429
    # The cookie of the last sign-in says that this browser knows the account; it is bound to that account.
    assert (await entrance.enter(usual, person)).status_code == 303


async def test_an_address_that_fails_too_often_waits_for_whatever_it_tries(entrance: Entrance, doctor: Person) -> None:
    attempts, now = entrance.platform.access.means.attempts, clock.now()
    for number in range(ADDRESS.free + 1):
        await attempts.enter(
            [Try("address", "203.0.113.9", ADDRESS), Try("account", f"x/{number}", authentication.ACCOUNT)], now
        )
    said = {"name": doctor.name, "password": PASSWORD, "code": "123456"}
    refused = await entrance.try_in(entrance.browser(address="203.0.113.9"), "clinician", **said)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert (await entrance.try_in(entrance.browser(address="203.0.113.10"), "clinician", **said)).status_code == 401


async def test_a_code_counts_once(entrance: Entrance) -> None:
    person = await entrance.doctor("D4")
    said = {"name": person.name, "password": PASSWORD, "code": person.code()}
    assert (await entrance.try_in(entrance.browser(), "clinician", **said)).status_code == 303
    assert (await entrance.try_in(entrance.browser(), "clinician", **said)).status_code == 401


@pytest.mark.parametrize(
    "said",
    [{}, {"name": "\x00", "password": "\x00", "code": "\x00"}, {"name": "x" * 5000, "password": "y" * 5000},
     {"passkey": "{"}, {"passkey": "[" * 3000}, {"name": "' or 1=1 --", "password": "x", "code": "000000"},
     {"code": "７７７７７７"}, {"name": "<script>alert(1)</script>"}],
    ids=range(8),
)  # fmt: skip
async def test_nonsense_is_refused_like_everything_else(entrance: Entrance, said: dict[str, str]) -> None:
    answer = await entrance.try_in(entrance.browser(), "clinician", **said)
    assert answer.status_code == (422 if "\x00" in "".join(said.values()) else 401)
    assert "<script>alert" not in answer.text


# --- forged forms and sessions ---------------------------------------------------------------------------------------


async def test_forms_count_only_in_the_browser_they_were_given_to(entrance: Entrance, doctor: Person) -> None:
    mine, other = entrance.browser(), entrance.browser()
    given = fields_of((await other.get("/clinician/sign-in")).text, "/clinician/sign-in")
    said = {"name": doctor.name, "password": PASSWORD, "code": "1"}
    assert (await mine.post("/clinician/sign-in", data=given | said)).status_code == 403, "login CSRF"
    await entrance.enter(other, doctor)
    for path in ("sign-out", "my-sign-in/password", "my-sign-in/codes", "my-sign-in/leave-everywhere", "sign-in/again"):
        assert (await other.post(f"/clinician/{path}", data={"csrf": given["csrf"]})).status_code == 403, path


async def test_a_session_planted_before_sign_in_is_worth_nothing_after(entrance: Entrance, doctor: Person) -> None:
    """Fixation: the attacker's own session id in the victim's browser does not become the victim's session."""
    attacker, victim = entrance.browser(), entrance.browser()
    other = await entrance.doctor("D5")
    await entrance.enter(attacker, other)
    planted = attacker.cookies["yima_clinician"]
    victim.cookies.set("yima_clinician", planted, domain="127.0.0.1", path="/clinician")
    answer = await entrance.enter(victim, doctor)
    fresh = re.search(r"yima_clinician=([^;]+)", ";".join(answer.headers.get_list("set-cookie")))
    assert fresh
    assert fresh[1].partition(".")[0] != planted.partition(".")[0]
    caller = await entrance.platform.access.callers.caller("clinician", planted, clock.now())
    assert caller.agent_id == other.subject


@pytest.mark.parametrize(
    "cookie", ["", ".", "a.b", "x" * 300, "00" * 16 + ".", "00" * 16 + "." + "A" * 43, "\x00.\x00", "é.é"], ids=repr
)
async def test_forged_cookies(entrance: Entrance, cookie: str) -> None:
    browser = entrance.browser()
    answer = await browser.get("/clinician/", headers={b"cookie": b"yima_clinician=" + cookie.encode()})
    assert answer.status_code == 401


async def test_sessions_end_when_unused_and_at_last_in_any_case(entrance: Entrance, doctor: Person) -> None:
    for column, minutes, status in (("seen", 29, 200), ("seen", 31, 401), ("opened", 719, 200), ("opened", 721, 401)):
        browser = entrance.browser()
        await entrance.enter(browser, doctor)
        await age(entrance, column, minutes)
        assert (await browser.get("/clinician/my-sign-in")).status_code == status, (column, minutes)


async def test_no_development_link_and_no_development_session_counts(entrance: Entrance, doctor: Person) -> None:
    sessions, browser = entrance.platform.access.callers, entrance.browser()
    for role, subject in (("clinician", doctor.subject), ("operator", "operator"), ("resident", "x"), ("kiosk", "x")):
        assert (await browser.get(f"/dev/sign-in/{sessions.ticket(role, subject)}")).status_code == 401
        cookie = {"cookie": f"yima_{role}={sessions.session(role, subject, clock.now())}"}
        door = {"kiosk": "/kiosk/screen/"}.get(role, f"/{role}/")
        assert (await browser.get(door, headers=cookie)).status_code == 401, role


async def test_suspended_is_out_with_the_next_request_on_every_worker(entrance: Entrance) -> None:
    """A second worker is a second application on the same database: neither keeps anything of a caller."""
    second = await Platform.start(
        entrance.platform.database_url, entrance.platform.data, password_memory_kib=1024, sign_in_rate=100_000
    )
    elsewhere = Entrance(second, entrance.hospital)
    person, boss = await entrance.doctor("D6"), await entrance.operator("op-out", "accounts")
    access, now, command = entrance.platform.access, clock.now(), directory.Caller(kind="system", agent_id="cli")
    for one, path, kind in ((person, "/clinician/", "practitioner"), (boss, "/operator/", "operator")):
        browser = entrance.browser()
        await entrance.enter(browser, one)
        twin = elsewhere.browser()
        twin.cookies.update(browser.cookies)
        assert (await twin.get(path)).status_code == 200
        await access.accounts.suspend(command, kind, one.subject, now)
        assert {(await browser.get(path)).status_code, (await twin.get(path)).status_code} == {401}
        said = {"name": one.name, "password": PASSWORD, "code": await entrance.fresh(one)}
        assert (await entrance.try_in(browser, one.role, **said)).status_code in (401, 403)
        await access.accounts.resume(command, kind, one.subject, now)
        assert (await browser.get(path)).status_code == 401, "the session ended for good"
        assert (await entrance.enter(entrance.browser(), one)).status_code == 303
    browser = entrance.browser()
    await entrance.enter(browser, person)
    await _says_that_the_institution_is_suspended(entrance, person, browser)
    await second.stop()


async def _says_that_the_institution_is_suspended(
    entrance: Entrance, person: Person, inside: httpx.AsyncClient
) -> None:
    """Which one, since when and whom to ask: to its staff, in both languages, and to nobody else."""
    database, number = entrance.platform.database, entrance.hospital.number
    place = await directory.institution(database, number)
    assert place
    since = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    await directory.set_institution_status(database, number, "suspended", since)
    await directory.set_institution_status(database, number, "suspended", clock.now())  # the first time counts
    said = {"en": (f"{place.name_en} is suspended", "2 Mar 2026, 09:30", "ask the platform&#39;s operator"),
            "zh": (f"{place.name_zh}已暂停接入", "2026年3月2日 09:30", "联系平台运营方")}  # fmt: skip
    try:
        for lang, words in said.items():
            held = await inside.get(f"/clinician/?lang={lang}")
            assert held.status_code == 403
            right = {"name": person.name, "password": PASSWORD, "code": await entrance.fresh(person)}
            proved = await entrance.try_in(entrance.browser(lang), "clinician", **right)
            assert proved.status_code == 403
            wrong = await entrance.try_in(entrance.browser(lang), "clinician", **(right | {"password": "x" * 12}))
            assert wrong.status_code == 401
            for word in words:
                assert word in held.text
                assert word in proved.text
                assert word not in wrong.text
    finally:
        await directory.set_institution_status(database, number, "active")
    place = await directory.institution(database, number)
    assert place
    assert place.suspended is None


# --- invitations -----------------------------------------------------------------------------------------------------


async def opened(entrance: Entrance, role: str, code: str) -> tuple[httpx.AsyncClient, httpx.Response]:
    browser = entrance.browser()
    page = await browser.get(f"/{role}/sign-in/enrol")
    fields = fields_of(page.text, f"/{role}/sign-in/enrol") | {"invitation": code}
    return browser, await browser.post(f"/{role}/sign-in/enrol", data=fields)


def app_code(page: str) -> str:
    found = re.search(r'secret">([A-Z2-7 ]+)<', page)
    assert found
    text = found[1].replace(" ", "")
    return authentication.code_at(base64.b32decode(text + "=" * (-len(text) % 8)), clock.now())


async def test_somebody_is_invited_sets_up_and_gets_in(entrance: Entrance) -> None:
    officer = await entrance.operator("op-in", "accounts")
    desk = entrance.browser()
    await entrance.enter(desk, officer)
    one = directory.Practitioner(0, entrance.hospital.number, "D7", "赵护士", "Nurse Zhao", "护士", "Nurse", "0300")
    async with entrance.platform.database.transaction() as c:
        subject = str(await directory.register_practitioner(c, one))
    page = await desk.get("/operator/accounts?find=zhao")
    csrf = fields_of(page.text, "/operator/sign-out")["csrf"]
    made = await desk.post("/operator/accounts", data={"csrf": csrf, "staff": subject})
    link = re.search(r'link-once"[^>]*>([^<]+)<', made.text)
    assert link
    address, _, code = link[1].partition("#")
    assert address == "http://localhost:8420/clinician/sign-in/enrol"
    assert code not in (await desk.get("/operator/accounts")).text, "shown once"
    browser, offer = await opened(entrance, "clinician", code)
    assert "Nurse Zhao" in offer.text
    form = fields_of(offer.text, "/clinician/sign-in/enrol/password")
    right = form | {"password": PASSWORD, "repeated": PASSWORD, "code": app_code(offer.text)}
    wrong: list[tuple[dict[str, str], str]] = [
        ({"repeated": "something else"}, "password-differs"),
        ({"password": "short", "repeated": "short"}, "password-too-short"),
        ({"password": "password1234", "repeated": "password1234"}, "password-too-common"),
        ({"code": "000000"}, "app-code-wrong"),
    ]
    for changed, refusal in wrong:
        answer = await browser.post("/clinician/sign-in/enrol/password", data=right | changed)
        assert (answer.status_code, refusal in answer.text) == (422, True), "and the invitation still stands"
    done = await browser.post("/clinician/sign-in/enrol/password", data=right)
    assert len(re.findall(r"<li>(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}</li>", done.text)) == 8
    again = await browser.post("/clinician/sign-in/enrol/password", data=right)
    assert (again.status_code, "invitation-invalid" in again.text) == (410, True), "good once"
    events = [event for event, _, _ in await lines(entrance, subject)]
    assert events == ["enrolled"]
    assert ("invited", "ok", "") in await lines(entrance, "op-in")


async def test_invitations_that_do_not_count(entrance: Entrance, doctor: Person) -> None:
    _, code = await entrance.invited("practitioner", doctor.subject)
    _, newer = await entrance.invited("practitioner", doctor.subject)
    await entrance.operator("op-other")
    _, foreign = await entrance.invited("operator", "op-other")
    for wrong in (code, foreign, newer[:-1], "", "x" * 60, newer + "0", "0000-" * 5 + "0000"):
        assert (await opened(entrance, "clinician", wrong))[1].status_code == 410, wrong
    assert (await opened(entrance, "clinician", newer.lower()))[1].status_code == 200
    await entrance.platform.database.execute(
        "update authentication.invitation set expires = expires - interval '25 hours'"
    )
    assert (await opened(entrance, "clinician", newer))[1].status_code == 410


async def test_who_is_invited_anew_is_told_and_may_refuse(entrance: Entrance) -> None:
    person = await entrance.doctor("D8")
    browser = entrance.browser()
    await entrance.enter(browser, person)
    _, code = await entrance.invited("practitioner", person.subject)
    entered = await entrance.enter(entrance.browser(), person)
    assert entered.headers["location"] == "/clinician/my-sign-in", "the next sign-in leads there"
    told = await browser.get("/clinician/my-sign-in")
    assert "Withdraw the invitation" in told.text
    await browser.post("/clinician/my-sign-in/withdraw", data=fields_of(told.text, "/clinician/my-sign-in/withdraw"))
    assert (await opened(entrance, "clinician", code))[1].status_code == 410
    # Used, an invitation replaces everything: the old password, the old app, every session.
    before = person.code
    anew = await entrance.enrolled("clinician", person.subject)
    assert (await browser.get("/clinician/")).status_code == 401
    said = {"name": person.name, "password": PASSWORD}
    assert (await entrance.try_in(browser, "clinician", **said, code=before())).status_code == 401
    assert (await entrance.try_in(browser, "clinician", **said, code=await entrance.fresh(anew))).status_code == 303


async def test_who_may_invite_whom(entrance: Entrance, doctor: Person) -> None:
    plain = entrance.browser()
    await entrance.enter(plain, await entrance.operator("op-plain", "suspend"))
    assert (await plain.get("/operator/accounts")).status_code == 403
    access, now = entrance.platform.access, clock.now()
    fresh: dict[str, Any] = {"agent_id": "op-in", "rights": frozenset({"accounts"}), "proved": now}
    for caller, kind in (
        (directory.Caller(kind="operator", **fresh), "operator"),
        (directory.Caller(kind="practitioner", **fresh), "practitioner"),
        (directory.Caller(kind="operator", agent_id="x", proved=now), "practitioner"),
    ):
        with pytest.raises(Exception, match="right-needed"):
            await access.accounts.invite(caller, kind, doctor.subject, now)
    stale = directory.Caller(kind="operator", **fresh | {"proved": now - timedelta(minutes=6)})
    with pytest.raises(Exception, match="step-up-needed"):
        await access.accounts.invite(stale, "practitioner", doctor.subject, now)


async def test_an_operator_is_told_what_is_known_of_who_they_are(entrance: Entrance) -> None:
    browser = entrance.browser()
    await entrance.enter(browser, await entrance.operator("op-who", "suspend"))
    page, nobody = "/operator/my-sign-in", "Nobody has said which human you are"
    assert nobody not in (await browser.get(page)).text
    access = entrance.platform.access
    await access.database.execute("update directory.operator set human = null where code = 'op-who'")
    assert nobody in (await browser.get(page)).text, "an account of before"
    await access.accounts.name_human(COMMAND, "op-who", mpi.RESIDENT_NUMBER, resident_number(), clock.now())
    told = (await browser.get(page)).text
    assert nobody not in told
    assert "It was said which human this is, by a document" in told


# --- once more -------------------------------------------------------------------------------------------------------


async def test_an_act_that_weighs_more_asks_again_and_is_then_carried_out(entrance: Entrance) -> None:
    person = await entrance.doctor("D9")
    browser = entrance.browser()
    await entrance.enter(browser, person)
    page = await browser.get("/clinician/my-sign-in")
    form = fields_of(page.text, "/clinician/my-sign-in/password") | {
        "password": "ein neuer satz",
        "repeated": "ein neuer satz",
    }
    await age(entrance, "proved", 6)
    asked = await browser.post("/clinician/my-sign-in/password", data=form)
    assert (asked.status_code, "Please prove once more" in asked.text) == (403, True)
    again = fields_of(asked.text, "/clinician/sign-in/again")
    assert again["password"] == "ein neuer satz", "nothing typed is lost"
    wrong = await browser.post("/clinician/sign-in/again", data=again | {"again-code": "000000"})
    assert wrong.status_code == 401
    assert fields_of(wrong.text, "/clinician/sign-in/again")["password"] == "ein neuer satz"
    before = browser.cookies["yima_clinician"]
    right = await browser.post("/clinician/sign-in/again", data=again | {"again-code": await entrance.fresh(person)})
    assert (right.status_code, right.headers["location"]) == (307, "/clinician/my-sign-in/password")
    assert browser.cookies["yima_clinician"] != before, "a copied cookie gains nothing from it"
    with pytest.raises(Exception, match="sign-in-needed"):
        await entrance.platform.access.callers.caller("clinician", before, clock.now())
    done = await browser.post("/clinician/my-sign-in/password", data=again)
    assert done.headers["location"] == "/clinician/my-sign-in?done=password"
    person.password = "ein neuer satz"
    assert (await entrance.enter(entrance.browser(), person)).status_code == 303
    evil = again | {"again-next": "https://evil.example/", "again-code": await entrance.fresh(person)}
    assert (await browser.post("/clinician/sign-in/again", data=evil)).headers["location"] == "/clinician/"


async def test_a_desk_left_open_breaks_no_glass(entrance: Entrance) -> None:
    """Whoever comes by a session of six minutes ago is asked for a code; the doctor loses nothing typed."""
    person, made = await entrance.doctor("D12"), await entrance.hospital.create(patient())
    browser, resident = entrance.browser(), Platform.person_of(f"Patient/{made['id']}")
    await entrance.enter(browser, person)
    await age(entrance, "proved", 6)
    csrf = fields_of((await browser.get("/clinician/my-sign-in")).text, "/clinician/sign-out")["csrf"]
    form = {
        "csrf": csrf, "person": ids.person_text(resident), "ground": "unconscious",
        "reason": "昏迷送入急诊，需要过敏史", "terminal": entrance.hospital.terminal,
    }  # fmt: skip
    asked = await browser.post("/clinician/emergency/open", data=form)
    assert (asked.status_code, "Please prove once more" in asked.text) == (403, True)
    assert not [line for line in await entrance.platform.log_of(resident) if line["action"] == "break-glass"]
    again = fields_of(asked.text, "/clinician/sign-in/again")
    assert again["reason"] == form["reason"]
    again["again-code"] = await entrance.fresh(person)
    carried = await browser.post("/clinician/sign-in/again", data=again, follow_redirects=True)
    assert carried.status_code == 200
    assert carried.url.path.startswith("/clinician/emergency/"), "the same form, sent on by the browser"
    assert [line for line in await entrance.platform.log_of(resident) if line["action"] == "break-glass"]


async def test_who_sets_up_the_own_sign_in_anew_is_out_everywhere(entrance: Entrance) -> None:
    """A phone or password that somebody else has is not only replaced: what was opened by it ends."""
    person = await entrance.doctor("D13")
    mine, thiefs = entrance.browser(), entrance.browser()
    for browser in (mine, thiefs):
        await entrance.enter(browser, person)
    anew = "/clinician/my-sign-in/anew"
    sent = await mine.post(anew, data=fields_of((await mine.get("/clinician/my-sign-in")).text, anew))
    browser, page = await opened(entrance, "clinician", sent.headers["location"].partition("#")[2])
    form = fields_of(page.text, "/clinician/sign-in/enrol/password")
    form |= {"password": "ganz anders gesagt", "repeated": "ganz anders gesagt", "code": app_code(page.text)}
    assert (await thiefs.get("/clinician/my-sign-in")).status_code == 200, "nothing has changed yet"
    assert (await browser.post("/clinician/sign-in/enrol/password", data=form)).status_code == 200
    for browser in (mine, thiefs):
        assert (await browser.get("/clinician/my-sign-in")).status_code == 401


async def test_sessions_are_listed_and_ended(entrance: Entrance) -> None:
    person = await entrance.doctor("D10")
    one, two, three = entrance.browser(), entrance.browser(), entrance.browser()
    for browser in (one, two, three):
        await entrance.enter(browser, person)
    page = await one.get("/clinician/my-sign-in")
    assert page.text.count("Chrome, Linux") >= 3
    await one.post("/clinician/my-sign-in/end-session", data=fields_of(page.text, "/clinician/my-sign-in/end-session"))
    assert sorted([(await b.get("/clinician/")).status_code for b in (two, three)]) == [200, 401]
    stranger = await entrance.doctor("D11")
    other = entrance.browser()
    await entrance.enter(other, stranger)
    mine = one.cookies["yima_clinician"].partition(".")[0]
    theirs = fields_of((await other.get("/clinician/my-sign-in")).text, "/clinician/my-sign-in/leave-everywhere")
    answer = await other.post("/clinician/my-sign-in/end-session", data=theirs | {"session": mine})
    assert (answer.status_code, (await one.get("/clinician/")).status_code) == (404, 200)
    everywhere = fields_of(page.text, "/clinician/my-sign-in/leave-everywhere")
    assert (await one.post("/clinician/my-sign-in/leave-everywhere", data=everywhere)).status_code == 303
    assert {(await b.get("/clinician/")).status_code for b in (one, two, three)} == {401}


# --- passkeys --------------------------------------------------------------------------------------------------------


async def with_passkey(entrance: Entrance, number: str) -> tuple[str, Authenticator]:
    """A new member of staff who has nothing but a passkey: their subject, and it."""
    one = directory.Practitioner(0, entrance.hospital.number, number, "钱医生", "Dr Qian", "医师", "Physician", "0300")
    async with entrance.platform.database.transaction() as c:
        subject = str(await directory.register_practitioner(c, one))
    _, code = await entrance.invited("practitioner", subject)
    browser, offer = await opened(entrance, "clinician", code)
    action, device = "/clinician/sign-in/enrol/passkey", Authenticator()
    stranger, foreign = await opened(entrance, "clinician", code)
    said = fields_of(offer.text, action) | {"passkey": device.create(json.loads(options_of(foreign.text)))}
    assert (await browser.post(action, data=said)).status_code == 401, "made on another's page"
    said["passkey"] = device.create(json.loads(options_of(offer.text)))
    assert (await browser.post(action, data=said)).headers["location"] == "/clinician/sign-in"
    assert (await stranger.post(action, data=fields_of(foreign.text, action))).status_code == 410, "used up"
    return subject, device


async def test_a_passkey_opens_a_session_and_nothing_like_it_does(entrance: Entrance) -> None:
    subject, device = await with_passkey(entrance, "D20")

    async def tried(browser: httpx.AsyncClient, answer: str, page: str) -> httpx.Response:
        return await browser.post(
            "/clinician/sign-in", data=fields_of(page, "/clinician/sign-in") | {"passkey": answer}
        )

    browser = entrance.browser()
    page = (await browser.get("/clinician/sign-in")).text
    answer = device.get(json.loads(options_of(page)))
    thief, other = entrance.browser(), entrance.browser()
    thief.cookies.update(browser.cookies)
    elsewhere = (await other.get("/clinician/sign-in")).text
    assert (await tried(other, answer, elsewhere)).status_code == 401, "asked of another browser"
    right = await tried(browser, answer, page)
    assert right.headers["location"] == "/clinician/"
    assert (await tried(thief, answer, page)).status_code == 401, "a challenge is answered once"
    operator = entrance.browser()
    asked = json.loads(options_of((await operator.get("/operator/sign-in")).text))
    said = fields_of((await operator.get("/operator/sign-in")).text, "/operator/sign-in")
    refused = await operator.post("/operator/sign-in", data=said | {"passkey": device.get(asked)})
    assert refused.status_code == 401, "no account at that door"
    device.counter = 0  # a copy of before
    page = (await other.get("/clinician/sign-in")).text
    cloned = await tried(other, device.get(json.loads(options_of(page))), page)
    assert cloned.status_code == 401
    assert ("signed-in", "ok", "passkey") in await lines(entrance, subject)
    denied = await entrance.platform.database.fetch(
        "select 1 from audit.event where person_id = 0 and outcome = 'denied' and basis = 'passkey-invalid'"
    )
    assert len(denied) >= 4, "each try is a line"


async def test_passkeys_are_added_used_once_more_and_taken_away(entrance: Entrance) -> None:
    subject, device = await with_passkey(entrance, "D21")
    browser = entrance.browser()
    page = (await browser.get("/clinician/sign-in")).text
    said = fields_of(page, "/clinician/sign-in") | {"passkey": device.get(json.loads(options_of(page)))}
    await browser.post("/clinician/sign-in", data=said)
    mine = (await browser.get("/clinician/my-sign-in")).text
    last = await browser.post(
        "/clinician/my-sign-in/remove-passkey", data=fields_of(mine, "/clinician/my-sign-in/remove-passkey")
    )
    assert (last.status_code, "last-way" in last.text) == (409, True)
    second, action = Authenticator(), "/clinician/my-sign-in/add-passkey"
    added = fields_of(mine, action) | {"passkey": second.create(json.loads(options_of(mine))), "label": "<b>病房</b>"}
    assert (await browser.post(action, data=added)).headers["location"].endswith("done=add-passkey")
    assert (await browser.post(action, data=added)).status_code == 401, "its challenge was used"
    mine = (await browser.get("/clinician/my-sign-in")).text
    assert "&lt;b&gt;病房&lt;/b&gt;" in mine
    # An act that weighs more: proved by the second passkey; somebody else's proves nothing.
    await age(entrance, "proved", 6)
    action = "/clinician/my-sign-in/remove-passkey"
    asked = await browser.post(action, data=fields_of(mine, action))
    again = fields_of(asked.text, "/clinician/sign-in/again")
    _, stranger = await with_passkey(entrance, "D22")
    for proof, status in ((stranger.get(json.loads(options_of(asked.text))), 401), ("", 401)):
        answer = await browser.post("/clinician/sign-in/again", data=again | {"again-passkey": proof})
        assert answer.status_code == status
        asked = answer
    again = fields_of(asked.text, "/clinician/sign-in/again")
    right = again | {"again-passkey": second.get(json.loads(options_of(asked.text)))}
    assert (await browser.post("/clinician/sign-in/again", data=right)).status_code == 307
    assert (await browser.post(action, data=again)).headers["location"].endswith("done=remove-passkey")
    page = (await entrance.browser().get("/clinician/sign-in")).text
    gone = entrance.browser()
    page = (await gone.get("/clinician/sign-in")).text
    said = fields_of(page, "/clinician/sign-in") | {"passkey": device.get(json.loads(options_of(page)))}
    assert (await gone.post("/clinician/sign-in", data=said)).status_code == 401
    events = [event for event, _, _ in await lines(entrance, subject)]
    assert events == [
        "enrolled",
        "signed-in",
        "passkey-added",
        "proved-again",
        "proved-again",
        "proved-again",
        "passkey-removed",
    ]


async def test_what_is_asked_for_a_passkey_is_bound_to_the_page(entrance: Entrance) -> None:
    first, second = entrance.browser(), entrance.browser()
    asked = [json.loads(options_of((await one.get("/clinician/sign-in")).text)) for one in (first, second)]
    assert asked[0]["challenge"] != asked[1]["challenge"]
    assert asked[0]["userVerification"] == "required"
    assert asked[0]["allowCredentials"] == [], "nothing says whose passkeys there are"

"""Residents come in by a code sent to their phone: the pages, what is sent, who comes in, and attacks by table."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest

from support import BASE, Institution, Platform, patient, resident_number
from yima import directory
from yima.access import Paper, Said, Visitor
from yima.consent import Standing
from yima.directory import Caller
from yima.mpi import RESIDENT_NUMBER
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal


@dataclass
class Phone:
    """A browser, and the phone in the hand of who sits before it."""

    platform: Platform
    number: str
    network: str = ""
    client: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.platform.app), base_url=BASE, timeout=60, cookies={"yima_lang": "en"},
            headers={"x-forwarded-for": self.network or f"198.51.100.{int(self.number[-4:]) % 250}"},
        )  # fmt: skip

    async def ask(self, number: str = "") -> httpx.Response:
        page = await self.client.get("/resident/sign-in")
        answer = await self.client.post("/resident/sign-in", data=_hidden(page) | {"phone": number or self.number})
        await self.platform.access.phones.sent()
        return answer

    async def code(self) -> str:
        """The newest code that came to this phone, "" for none."""
        file = self.platform.data / "notices.jsonl"
        lines = [orjson.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []
        texts = [line["text"] for line in lines if line["to"] == self.number and line["kind"] == "code"]
        return str(re.findall(r"\d{6}", texts[-1])[0]) if texts else ""

    async def enter(self, page: httpx.Response, code: str) -> httpx.Response:
        return await self.client.post("/resident/sign-in/code", data=_hidden(page) | {"code": code})

    async def come_in(self) -> httpx.Response:
        return await self.enter(await self.ask(), await self.code())


def _hidden(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))


async def _somebody(hospital: Institution, phone: str, **said: Any) -> tuple[int, str]:
    """A new person with this phone in the registration, and the identity number."""
    number = resident_number()
    made = await hospital.create(patient(national=number, **said) | {"telecom": [{"system": "phone", "value": phone}]})
    return Platform.person_of(f"Patient/{made['id']}"), number


async def _confirm(hospital: Institution, number: str, phone: str) -> None:
    access = hospital.platform.access
    staff = await directory.staff_caller(access.database, str(hospital.practitioner))
    now = clock.now()
    await access.phones.confirm(replace(staff, proved=now), access.cards, Paper(RESIDENT_NUMBER, number), phone, now)


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """Not a development server: what holds here holds in production."""
    running = await Platform.start(database_url, tmp_path_factory.mktemp("phones"), notice_sender="file")
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("P")


async def test_a_confirmed_phone_opens_the_own_pages(platform: Platform, hospital: Institution) -> None:
    person, number = await _somebody(hospital, "13900001001")
    await _confirm(hospital, number, "+86 139 0000 1001")
    phone = Phone(platform, "13900001001")
    asked = await phone.ask("139-0000-1001")
    assert asked.status_code == 200
    came = await phone.enter(asked, await phone.code())
    assert (came.status_code, came.headers["location"]) == (303, "/resident/")
    cookie = came.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=lax" in cookie.lower()
    assert (await phone.client.get("/resident/")).status_code == 200
    caller = await platform.access.callers.caller("resident", phone.client.cookies["yima_resident"], clock.now())
    assert (caller.person, caller.assurance) == (person, "substantial")
    log = re.sub(r"<[^>]+>", "", (await phone.client.get("/resident/log")).text)
    assert "confirmed the phone" in log
    page = await phone.client.get("/resident/choices")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf
    held = phone.client.cookies["yima_resident"]
    await phone.client.post("/resident/sign-out", data={"csrf": csrf[1]})
    with pytest.raises(Refusal, match="sign-in-needed"):
        await platform.access.callers.caller("resident", held, clock.now())


async def test_a_phone_that_nobody_confirmed_opens_nothing(platform: Platform, hospital: Institution) -> None:
    await _somebody(hospital, "13900001002")
    phone = Phone(platform, "13900001002")
    answer = await phone.come_in()
    assert answer.status_code == 403
    assert "assurance-too-low" in answer.text
    assert "yima_resident" not in phone.client.cookies


async def test_the_same_answer_for_a_number_that_nobody_has(platform: Platform, hospital: Institution) -> None:
    _, number = await _somebody(hospital, "13900001003")
    await _confirm(hospital, number, "13900001003")
    known, unknown = Phone(platform, "13900001003"), Phone(platform, "13900009999")
    pages = [await one.ask() for one in (known, unknown)]
    assert await known.code()
    assert not await unknown.code()
    texts = [re.sub(r'value="[^"]*"', "", page.text) for page in pages]
    assert texts[0] == texts[1]
    assert pages[0].headers.keys() == pages[1].headers.keys()
    wrong = [await one.enter(page, "000000") for one, page in zip((known, unknown), pages, strict=True)]
    assert [answer.status_code for answer in wrong] == [401, 401]
    assert len({re.sub(r'value="[^"]*"', "", answer.text) for answer in wrong}) == 1


async def test_five_tries_then_even_the_right_code_is_wrong(platform: Platform, hospital: Institution) -> None:
    _, number = await _somebody(hospital, "13900001004")
    await _confirm(hospital, number, "13900001004")
    phone = Phone(platform, "13900001004")
    page = await phone.ask()
    code = await phone.code()
    for n in range(5):
        assert (await phone.enter(page, f"{(int(code) + 1 + n) % 10**6:06}")).status_code == 401
    assert (await phone.enter(page, code)).status_code == 401


WRONG = {
    "another browser's": "browser",
    "used": "used",
    "old": "old",
    "of another challenge": "challenge",
    "blank": "blank",
    "not digits": "letters",
    "endless": "endless",
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_code_is_good_once_soon_and_where_it_was_asked_for(
    platform: Platform, hospital: Institution, case: str
) -> None:
    phone_number = f"1390000110{list(WRONG).index(case)}"
    _, number = await _somebody(hospital, phone_number)
    await _confirm(hospital, number, phone_number)
    phone = Phone(platform, phone_number)
    page = await phone.ask()
    code, fields = await phone.code(), _hidden(page)
    kind = WRONG[case]
    if kind == "browser":
        other = Phone(platform, phone_number)
        theirs = _hidden(await other.client.get("/resident/sign-in"))
        answer = await other.client.post("/resident/sign-in/code", data=fields | theirs | {"code": code})
    elif kind == "used":
        assert (await phone.enter(page, code)).status_code == 303
        again = _hidden(await phone.client.get("/resident/sign-in")) | {"challenge": fields["challenge"]}
        answer = await phone.client.post("/resident/sign-in/code", data=again | {"code": code})
    elif kind == "old":
        late = clock.now() - timedelta(seconds=1)
        await platform.database.execute("update authentication.phone_code set expires = $1", late)
        answer = await phone.enter(page, code)
    elif kind == "challenge":
        answer = await phone.client.post("/resident/sign-in/code", data=fields | {"challenge": "x", "code": code})
    else:
        said = {"blank": "", "letters": "abcdef", "endless": "1" * 5000}[kind]
        answer = await phone.enter(page, said)
    assert answer.status_code == 401
    assert "code-wrong" in answer.text


async def test_a_family_with_one_phone(platform: Platform, hospital: Institution) -> None:
    (mother, number), (son, his) = [await _somebody(hospital, "13900001200") for _ in range(2)]
    for one in (number, his):
        await _confirm(hospital, one, "13900001200")
    assert number[-4:] != his[-4:]
    phone = Phone(platform, "13900001200")
    page = await phone.come_in()
    assert page.status_code == 200
    fields = _hidden(page)
    for wrong in ("", "1", "zzzz", number[-6:]):
        answer = await phone.client.post("/resident/sign-in/choose", data=fields | {"digits": wrong})
        assert answer.status_code == 401, wrong
    came = await phone.client.post("/resident/sign-in/choose", data=fields | {"digits": his[-4:].lower()})
    assert came.status_code == 303
    caller = await platform.access.callers.caller("resident", phone.client.cookies["yima_resident"], clock.now())
    assert caller.person == son != mother


async def test_choosing_is_not_guessing(platform: Platform, hospital: Institution) -> None:
    numbers = [(await _somebody(hospital, "13900001201"))[1] for _ in range(2)]
    for one in numbers:
        await _confirm(hospital, one, "13900001201")
    phone = Phone(platform, "13900001201")
    early = _hidden(await phone.ask())
    skipped = await phone.client.post("/resident/sign-in/choose", data=early | {"digits": numbers[0][-4:]})
    assert skipped.status_code == 401  # nothing was proved yet
    fields = _hidden(await phone.enter(await phone.ask(), await phone.code()))
    for _ in range(5):
        await phone.client.post("/resident/sign-in/choose", data=fields | {"digits": "0000"})
    late = await phone.client.post("/resident/sign-in/choose", data=fields | {"digits": numbers[0][-4:]})
    assert late.status_code == 401


async def test_a_newly_confirmed_number_takes_the_old_ones_place(platform: Platform, hospital: Institution) -> None:
    _, number = await _somebody(hospital, "13900001300")
    await _confirm(hospital, number, "13900001300")
    before = Phone(platform, "13900001300", "198.51.100.251")
    assert (await before.come_in()).status_code == 303
    await _confirm(hospital, number, "13900001300")
    assert (await before.client.get("/resident/")).status_code == 200, "the same number again ends nothing"
    await _confirm(hospital, number, "13900001301")
    assert (await before.client.get("/resident/")).status_code == 401, "who took the old number over is out"
    assert (await Phone(platform, "13900001301").come_in()).status_code == 303
    assert (await Phone(platform, "13900001300").come_in()).status_code == 403


async def test_floods_of_codes(platform: Platform, hospital: Institution) -> None:
    phone = Phone(platform, "13900001400")
    answers = [(await phone.ask()).status_code for _ in range(6)]
    assert answers[:3] == [200] * 3
    assert 429 in answers[3:]
    visitor = Visitor("0" * 32, "203.0.113.99", "")
    for n in range(61):
        await platform.access.phones.ask(visitor, f"1390002{n:04}", clock.now())
    late = await Phone(platform, "13900029999", network="203.0.113.99").ask()
    assert late.status_code == 429
    assert int(late.headers["retry-after"]) >= 1
    assert "too-many-attempts" in late.text


async def test_no_more_codes_than_the_deployment_may_send(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, platform: Platform
) -> None:
    data = tmp_path_factory.mktemp("few")
    (data / "keys.json").write_bytes((platform.data / "keys.json").read_bytes())
    (data / "keys.json").chmod(0o600)
    few = await Platform.start(database_url, data, notice_sender="file", codes_an_hour=1)
    answer = await Phone(few, "13900001500").ask()
    assert answer.status_code == 429
    assert "too-many-requests" in answer.text
    await few.stop()


async def test_where_low_assurance_is_enough_it_opens_the_record_and_nothing_to_others(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, platform: Platform, hospital: Institution
) -> None:
    data = tmp_path_factory.mktemp("low")
    (data / "keys.json").write_bytes((platform.data / "keys.json").read_bytes())
    (data / "keys.json").chmod(0o600)
    person, _ = await _somebody(hospital, "13900001600")
    low = await Platform.start(database_url, data, notice_sender="file", resident_assurance="low")
    phone = Phone(low, "13900001600")
    assert (await phone.come_in()).status_code == 303
    assert (await phone.client.get("/resident/record")).status_code == 200
    caller = await low.access.callers.caller("resident", phone.client.cookies["yima_resident"], clock.now())
    assert (caller.person, caller.assurance) == (person, "low")
    for act in (
        low.access.set_sharing(caller, "psychiatry", permit=True, now=clock.now()),
        low.access.families.give(
            caller, card_number="1", name="x", scopes=["show-code"], ends=clock.now(), now=clock.now()
        ),
    ):
        with pytest.raises(Refusal, match="assurance-too-low"):
            await act
    # At a deployment that asks for more, the same session is worth nothing.
    with pytest.raises(Refusal, match="assurance-too-low"):
        await platform.access.callers.caller("resident", phone.client.cookies["yima_resident"], clock.now())
    await low.stop()


async def test_nothing_readable_is_kept(platform: Platform, hospital: Institution) -> None:
    phone = Phone(platform, "13900001700")
    _, number = await _somebody(hospital, "13900001700")
    await _confirm(hospital, number, "13900001700")
    await phone.ask()
    code = await phone.code()
    assert code
    for table in ("phone_code", "proofed_phone", "attempt", "happening", "session"):
        rows = str([dict(row) for row in await platform.database.fetch(f"select * from authentication.{table}")])
        assert "13900001700" not in rows
        assert f"'{code}'" not in rows


async def test_only_staff_with_the_document_confirm(platform: Platform, hospital: Institution) -> None:
    _, number = await _somebody(hospital, "13900001800")
    access, now = platform.access, clock.now()
    staff = await directory.staff_caller(access.database, str(hospital.practitioner))
    app = Caller(kind="app", agent_id="x", institution=hospital.number)
    cases = [
        (staff, number, "13900001800", "step-up-needed"),
        (app, number, "13900001800", "right-needed"),
        (replace(staff, proved=now), resident_number(), "13900001800", "not-found"),
        (replace(staff, proved=now), number, "12", "field-invalid"),
    ]
    for caller, document, phone, code in cases:
        with pytest.raises(Refusal, match=code):
            await access.phones.confirm(caller, access.cards, Paper(RESIDENT_NUMBER, document), phone, now)


async def test_forms_of_elsewhere_and_next_to_elsewhere(platform: Platform, hospital: Institution) -> None:
    forged = await platform.client.post("/resident/sign-in", data={"phone": "13900001900"})
    assert forged.status_code == 403
    _, number = await _somebody(hospital, "13900001900")
    await _confirm(hospital, number, "13900001900")
    phone = Phone(platform, "13900001900")
    page = await phone.client.get("/resident/sign-in", params={"next": "//evil.example/"})
    assert "evil.example" not in page.text
    asked = await phone.client.post("/resident/sign-in", data=_hidden(page) | {"phone": phone.number})
    await platform.access.phones.sent()
    fields = _hidden(asked) | {"next": "https://evil.example/", "code": await phone.code()}
    came = await phone.client.post("/resident/sign-in/code", data=fields)
    assert came.headers["location"] == "/resident/"


async def test_where_no_messages_leave_it_is_said(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, platform: Platform
) -> None:
    data = tmp_path_factory.mktemp("none")
    (data / "keys.json").write_bytes((platform.data / "keys.json").read_bytes())
    (data / "keys.json").chmod(0o600)
    silent = await Platform.start(database_url, data)
    page = await silent.client.get("/resident/sign-in?lang=en")
    assert "not set up here" in page.text
    await silent.stop()


async def test_a_passkey_is_made_just_after_signing_in_and_by_who_is_surely_the_one(
    platform: Platform, hospital: Institution
) -> None:
    person, _ = await _somebody(hospital, "13900001901")
    access, now = platform.access, clock.now()
    sure = Caller(kind="resident", agent_id=ids.person_text(person), person=person, name_zh="x", proved=now)
    assert (await access.phones.passkey_offer(sure, "t", now)).options["user"]
    cases = [
        (replace(sure, assurance="low"), "assurance-too-low"),
        (replace(sure, proved=None), "step-up-needed"),
        (replace(sure, proved=now - timedelta(minutes=6)), "step-up-needed"),
        (replace(sure, kind="practitioner"), "sign-in-needed"),
    ]
    for caller, code in cases:
        with pytest.raises(Refusal, match=code):
            await access.phones.passkey_offer(caller, "t", now)
    visitor = Visitor("0" * 32, "203.0.113.7", "")
    for answer in ("{}", "x", '{"id": 1}'):
        with pytest.raises(Refusal, match="passkey-invalid"):
            await access.signing_in.enter("resident", visitor, Said(passkey=answer), now)


# --- proving it once more ---------------------------------------------------------------------------------------------


async def _left_open(platform: Platform, hospital: Institution, number: str) -> tuple[int, Phone]:
    """Somebody who came in by phone six minutes ago."""
    person, document = await _somebody(hospital, number)
    await _confirm(hospital, document, number)
    phone = Phone(platform, number)
    assert (await phone.come_in()).status_code == 303
    await platform.database.execute(
        "update authentication.session set proved = proved - interval '6 minutes' where subject = $1",
        ids.person_text(person),
    )
    return person, phone


async def _post(phone: Phone, path: str, **fields: str) -> httpx.Response:
    csrf = re.search(r'name="csrf" value="([^"]+)"', (await phone.client.get("/resident/choices")).text)
    assert csrf
    return await phone.client.post(path, data=fields | {"csrf": csrf[1]})


async def _once_more(phone: Phone, page: httpx.Response, *, number: str = "") -> tuple[httpx.Response, str]:
    """The page with the field for a code, and the code that came."""
    fields = _hidden(page) | {"again-phone": number or phone.number}
    answer = await phone.client.post("/resident/sign-in/again", data=fields)
    await phone.platform.access.phones.sent()
    assert "again-challenge" in answer.text, answer.text[-2000:]
    return answer, await phone.code()


GIVES = [
    ("/resident/choices", {"class": "hiv", "permit": "yes"}),
    ("/resident/decisions", {"class": "psychiatric", "permit": "yes"}),
    ("/resident/decisions", {"class": "all", "permit": "no", "withdraw": "yes"}),
    ("/resident/family/give", {"number": "x", "name": "y", "scope-record": "yes", "ends": "2030-01-01"}),
    ("/resident/passkey", {}),
]
"""What opens something to somebody, or a new way in."""
TAKES = [
    ("/resident/choices", {"class": "all", "permit": "no"}),
    ("/resident/decisions", {"class": "hiv", "permit": "no"}),
    ("/resident/decisions", {"class": "psychiatric", "permit": "yes", "withdraw": "yes"}),
]


async def test_what_gives_access_is_proved_once_more_and_what_takes_it_is_not(
    platform: Platform, hospital: Institution
) -> None:
    _, phone = await _left_open(platform, hospital, "13900002001")
    for path, fields in GIVES:
        answer = await _post(phone, path, **fields)
        assert (answer.status_code, "again-phone" in answer.text) == (403, True), (path, fields)
    download = await phone.client.get("/resident/record.json")
    assert (download.status_code, "again-phone" in download.text) == (403, True)
    for path, fields in TAKES:
        assert (await _post(phone, path, **fields)).status_code == 303, (path, fields)


@pytest.mark.parametrize("period", ["always", "week"])
async def test_a_no_is_not_taken_back_under_the_name_of_a_yes(
    platform: Platform, hospital: Institution, period: str
) -> None:
    """What a form says of the answer that it takes back is not believed; nor is a yes for a week a way round the no
    that counts again after it."""
    number = {"always": "13900002006", "week": "13900002007"}[period]
    person, phone = await _left_open(platform, hospital, number)
    about = {"class": "all", "institution": "0"}
    assert (await _post(phone, "/resident/decisions", **about, permit="no")).status_code == 303
    if period == "week":
        now = clock.now()
        surely = Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=now)
        ended = Standing("all", 0, permit=True, ends=now + timedelta(days=7))
        await platform.access.choices.decide(surely, [ended], now)
    answer = await _post(phone, "/resident/decisions", **about, permit="yes", withdraw="yes")
    assert (answer.status_code, "again-phone" in answer.text) == (403, True)
    low = Caller(kind="resident", agent_id=ids.person_text(person), person=person, assurance="low", proved=clock.now())
    with pytest.raises(Refusal, match="assurance-too-low"):
        await platform.access.choices.decide(low, [Standing("all", 0, permit=True)], clock.now(), withdrawn=True)


async def test_a_code_carries_the_act_on_and_renews_the_session(platform: Platform, hospital: Institution) -> None:
    person, phone = await _left_open(platform, hospital, "13900002002")
    refused = await _post(phone, "/resident/choices", **{"class": "hiv", "permit": "yes"})
    page, code = await _once_more(phone, refused)
    before = phone.client.cookies["yima_resident"]
    wrong = await phone.client.post(
        "/resident/sign-in/again", data=_hidden(page) | {"again-code": f"{(int(code) + 1) % 10**6:06}"}
    )
    assert (wrong.status_code, "code-wrong" in wrong.text or "again-challenge" in wrong.text) == (401, True)
    sent = _hidden(wrong) | {"again-code": code}
    onward = await phone.client.post("/resident/sign-in/again", data=sent)
    assert (onward.status_code, onward.headers["location"]) == (307, "/resident/choices")
    done = await phone.client.post(onward.headers["location"], data=sent)
    assert (done.status_code, done.headers["location"]) == (303, "/resident/choices?changed=hiv")
    with pytest.raises(Refusal, match="sign-in-needed"):
        await platform.access.callers.caller("resident", before, clock.now())
    caller = await platform.access.callers.caller("resident", phone.client.cookies["yima_resident"], clock.now())
    assert {one.cls for one in await platform.access.sharing(caller, clock.now()) if one.permit} == {"all", "hiv"}
    again = await phone.client.post("/resident/sign-in/again", data=sent)
    assert again.status_code == 401, "a code is good once"
    assert (caller.person, (await phone.client.get("/resident/record.json")).status_code) == (person, 200)


async def test_the_file_is_fetched_after_the_code(platform: Platform, hospital: Institution) -> None:
    _, phone = await _left_open(platform, hospital, "13900002003")
    page, code = await _once_more(phone, await phone.client.get("/resident/record.json"))
    onward = await phone.client.post("/resident/sign-in/again", data=_hidden(page) | {"again-code": code})
    assert (onward.status_code, onward.headers["location"]) == (303, "/resident/record.json")
    assert (await phone.client.get("/resident/record.json")).json()["resourceType"] == "Bundle"


async def test_nobody_elses_code_or_browser_proves_it(platform: Platform, hospital: Institution) -> None:
    _, phone = await _left_open(platform, hospital, "13900002004")
    _, other = await _left_open(platform, hospital, "13900002005")
    refused = await phone.client.get("/resident/record.json")
    foreign, _ = await _once_more(phone, refused, number=other.number)  # a code to somebody else's phone
    said = _hidden(foreign) | {"again-code": await other.code()}
    assert (await phone.client.post("/resident/sign-in/again", data=said)).status_code == 401
    page, code = await _once_more(phone, refused)
    theirs = _hidden(await other.client.get("/resident/record.json"))
    taken = theirs | {"again-challenge": _hidden(page)["again-challenge"], "again-code": code}
    assert (await other.client.post("/resident/sign-in/again", data=taken)).status_code == 401
    assert (await other.client.get("/resident/record.json")).status_code == 403
    nobody = httpx.AsyncClient(transport=httpx.ASGITransport(platform.app), base_url=BASE)
    assert (await nobody.post("/resident/sign-in/again", data=_hidden(page) | {"again-code": code})).status_code == 401

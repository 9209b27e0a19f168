"""Family, a lost card, a suspension, a guardian taken away on the resident's pages; the desk's counter; the operator's
two."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import orjson
import pytest
from portal_place import Place, form_token
from test_resident_pages import decode

from support import BASE, Platform, be_humans, patient, resident_number
from yima import authentication, directory, healthcode
from yima.mpi import RESIDENT_NUMBER
from yima.runtime import clock, ids
from yima.runtime.civil import civil_day

REMOVALS = "/operator/removals"
NATIONAL = "urn:oid:2.16.156.10011.1.3"
ENDS = (civil_day(clock.now()) + timedelta(days=200)).isoformat()


class Person:
    """Somebody new, signed in."""

    def __init__(self, place: Place, person: int, name: str, number: str) -> None:
        self.place, self.person, self.name, self.number = place, person, name, number
        self.text = ids.person_text(person)

    async def browser(self, lang: str = "zh", ease: bool = False) -> httpx.AsyncClient:
        return await self.place.enter(self.place.browser(lang=lang, ease=ease), "resident", self.text)

    async def post(self, path: str, page: str, **fields: str) -> httpx.Response:
        browser = await self.browser()
        csrf = form_token((await browser.get(page)).text)
        return await browser.post(path, data={"csrf": csrf, **fields})

    async def card(self) -> healthcode.Card:
        return await healthcode.card_of(self.place.access.database, self.person)


async def somebody(place: Place, born: str = "1985-03-14") -> Person:
    hospital = await place.platform.institution("F")
    number = resident_number(born)
    made = await hospital.create(patient(national=number, birthDate=born))
    return Person(place, Platform.person_of(f"Patient/{made['id']}"), made["name"][0]["text"], number)


async def mandate(one: Person, other: Person, *scopes: str) -> httpx.Response:
    card = await other.card()
    chosen = {f"scope-{scope}": "yes" for scope in scopes}
    return await one.post(
        "/resident/family/give",
        "/resident/family",
        name=other.name,
        number=card.shown_number,
        ends=ENDS,
        **chosen,
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("ease", [False, True])
async def test_every_page_in_every_mode(place: Place, lang: str, ease: bool) -> None:
    mother, child = await somebody(place, "1990-01-01"), await somebody(place, f"{clock.now().year - 5}-01-01")
    await place.access.families.register(child.person, mother.person, clock.now())
    browser = await mother.browser(lang, ease)
    whose = f"?for={child.text}"
    pages = ("family", "lost", "log", whose, f"lost{whose}", f"card{whose}", f"record{whose}")
    for path in (f"/resident/{name}" for name in pages):
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), path


async def test_a_mandate_is_given_used_and_ended(place: Place) -> None:
    elder, daughter = await somebody(place, "1948-08-08"), await somebody(place)
    answer = await mandate(elder, daughter, "show-code", "decide")
    assert (answer.status_code, answer.headers["location"]) == (303, "/resident/family?done=given")
    hers = await daughter.browser()
    page = (await hers.get("/resident/")).text
    assert f"/resident/?for={elder.text}" in page
    shown = (await hers.get(f"/resident/?for={elder.text}")).text
    assert f'data-for="{elder.text}"' in shown
    assert "正在出示" in shown
    text, _ = decode((await hers.get(f"/resident/code/now.svg?for={elder.text}")).text)
    person, _ = await healthcode.check(text, place.access.database, place.platform.keys, clock.now())
    assert person == elder.person
    batch = orjson.loads((await hers.get(f"/resident/code/batch?for={elder.text}")).content)
    assert len(batch["batch"]["slots"]) == 96
    assert (await hers.get(f"/resident/record?for={elder.text}")).status_code == 403, "not in the mandate"
    assert (
        await daughter.post("/resident/lost", "/resident/lost", event="report-lost", **{"for": elder.text})
    ).status_code == 303
    assert (await elder.card()).status == "lost"
    log = (await (await elder.browser()).get("/resident/log")).text
    assert f"{daughter.name}代您出示了健康码" in log
    assert f"{daughter.name}代您挂失了健康卡" in log
    own = (await hers.get("/resident/log")).text
    assert f"您代{elder.name}挂失了健康卡" in own
    assert f"您可以代 {elder.name} 办事了" in own
    token = re.search(r'name="mandate" value="([^"]+)"', (await hers.get("/resident/family")).text)
    assert token
    ended = await elder.post("/resident/family/end", "/resident/family", mandate=token[1])
    assert ended.status_code == 303
    assert (await hers.get(f"/resident/?for={elder.text}")).status_code == 403
    assert f"/resident/?for={elder.text}" not in (await hers.get("/resident/")).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"number": "1000 0000 0000 0096"}, "对不上"),
        ({"number": "12"}, "对不上"),
        ({"scope-show-code": ""}, "至少选一项"),
        ({"ends": "2020-01-01"}, "五年以内"),
        ({"ends": "soon"}, "五年以内"),
    ],
)
async def test_what_was_typed_is_kept(place: Place, fields: dict[str, str], said: str) -> None:
    one, other = await somebody(place), await somebody(place)
    right = {"name": other.name, "number": (await other.card()).number, "ends": ENDS, "scope-show-code": "yes"}
    answer = await one.post("/resident/family/give", "/resident/family", **(right | fields))
    assert answer.status_code in (404, 422)
    assert said in answer.text
    assert f'value="{other.name}"' in answer.text
    assert (await one.post("/resident/family/end", "/resident/family", mandate="x")).status_code == 404


PRIVATE = ("", "record", "card", "lost", "code/batch", "code/now.svg", "card.svg")


@pytest.mark.parametrize("path", [f"/resident/{name}" for name in PRIVATE])
async def test_a_stranger_opens_nothing(place: Place, path: str) -> None:
    one, other = await somebody(place), await somebody(place)
    browser = await one.browser()
    answer = await browser.get(path, params={"for": other.text})
    assert answer.status_code in (403, 404)
    assert other.name not in answer.text
    assert (await browser.get(path, params={"for": "nobody"})).status_code == 404


async def test_a_lost_card_is_reported_and_replaced(place: Place) -> None:
    who = await somebody(place)
    before, text = await who.card(), await place.printed(who.text)
    assert (await who.post("/resident/lost", "/resident/lost", event="report-lost")).status_code == 303
    browser = await who.browser()
    page = (await browser.get("/resident/")).text
    assert "健康卡已挂失" in page
    assert "data-forget" in page
    assert 'id="batch"' not in page
    assert (
        (await who.post("/resident/lost", "/resident/lost", event="reissue"))
        .headers["location"]
        .endswith("done=reissue")
    )
    after = await who.card()
    assert after.shown_number in (await browser.get("/resident/")).text
    assert after.number != before.number
    doctor = await place.caller(place.doctor)
    terminal = await place.terminal(place.doctor)
    with pytest.raises(Exception, match="code-cancelled"):
        await place.access.scan(doctor, text, terminal=terminal, step="010101", purpose="treatment", now=clock.now())
    log = (await browser.get("/resident/log")).text
    assert "您挂失了健康卡" in log
    assert "您换了新码，旧码作废" in log
    assert (await who.post("/resident/lost", "/resident/lost", event="suspend")).status_code == 422
    browser.headers["content-type"] = "application/x-www-form-urlencoded"
    assert (await browser.post("/resident/lost", content="event=cancel")).status_code == 403


async def test_a_stolen_phone_is_replaced_with_all_that_its_thief_may_have_made(place: Place) -> None:
    """A passkey and an app outlast a new number; at the counter they end where the person says that it was stolen."""
    who, access, now = await somebody(place), place.access, clock.now()
    maker = await place.platform.institution("F")
    app = directory.PatientApp(
        client_id=f"diary-{who.text}", institution_id=maker.number, name_zh="日记", name_en="Diary",
        redirect_uris=("https://diary.example/back",),
    )  # fmt: skip
    terms = directory.Terms(["patient/*.rs"], False, {"redirect_uri": "x", "challenge": "x"})
    async with access.database.transaction() as c:
        await directory.register_patient_app(c, app)
        await access.sign_in.grants.give(c, who.person, app.client_id, terms, now)
        await authentication.kept_account(c, access.vault, "resident", who.text, now)
    desk = await place.enter(place.browser(), "clinician", place.doctor)
    page = (await desk.get("/clinician/counter")).text
    form = {"csrf": form_token(page), "system": RESIDENT_NUMBER, "value": who.number, "phone": "13900009001"}
    for stolen, left in (({}, True), ({"stolen": "yes"}, False), ({"stolen": "yes"}, False)):
        assert (await desk.post("/clinician/counter/phone", data=form | stolen)).status_code == 200
        assert (await authentication.account_of(access.database, "resident", who.text) is not None) is left
        assert (await access.sign_in.grants.of_persons([who.person], now))[0].ended_by == ("" if left else "resident")
    log = (await (await who.browser()).get("/resident/log")).text
    assert log.count("您的通行密钥和其他登录方式已同时移除") == log.count("您授权的1个应用已停止") == 1


async def operators(place: Place) -> list[httpx.AsyncClient]:
    async with place.access.database.transaction() as c:
        for code in ("op-1", "op-2"):
            await directory.register_operator(c, directory.Operator(code, f"员{code}", code, frozenset({"suspend"})))
    await be_humans(place.access.database, place.access.vault, "op-1", "op-2")
    return [await place.enter(place.browser(), "operator", code) for code in ("op-1", "op-2", "operator")]


async def test_two_people_suspend_and_the_holder_reads_why(place: Place) -> None:
    who, (one, two, dashboard) = await somebody(place), await operators(place)
    assert (await dashboard.get("/operator/suspensions")).status_code == 403
    page = (await one.get("/operator/suspensions")).text
    number = (await who.card()).number
    form = {
        "csrf": form_token(page),
        "number": number,
        "basis": "identity-misuse",
        "reason": "有人冒用此身份就诊",
        "days": "5",
    }
    for wrong in ({"days": "40"}, {"days": "x"}, {"reason": "short"}, {"basis": "health"}, {"number": "1"}):
        refused = await one.post("/operator/suspensions", data=form | wrong)
        assert refused.status_code == 422, wrong
    assert (await one.post("/operator/suspensions", data=form)).status_code == 303
    page = (await one.get("/operator/suspensions")).text
    assert "您提出的，须另一人批准" in page
    assert who.name not in page
    suspension = re.search(r'name="suspension" value="([^"]+)"', page)
    assert suspension
    own = {"csrf": form_token(page), "suspension": suspension[1]}
    again = await one.post("/operator/suspensions/approve", data=own)
    assert (again.status_code, "second-person-needed" in again.text) == (403, True)
    other = {"csrf": form_token((await two.get("/operator/suspensions")).text), "suspension": suspension[1]}
    assert (await two.post("/operator/suspensions/approve", data=other)).status_code == 303
    resident = await who.browser()
    page = (await resident.get("/resident/")).text
    for said in (
        "健康码已暂停使用",
        "有人冒用此身份就诊",
        "身份被他人冒用",
        "不同意？",
        "看病不受影响",
        "批准暂停健康卡",
    ):
        assert said in page, said
    assert 'id="batch"' not in page
    assert (await who.post("/resident/lost", "/resident/family", event="reissue")).status_code == 409
    public = place.browser()
    counts = orjson.loads((await public.get("/public/standing.json")).content)
    assert counts["suspended"]["identity-misuse"] is None
    assert counts["least"] == 10
    assert "少于 10" in (await public.get("/public/standing")).text
    assert (await two.post("/operator/suspensions/end", data=other)).status_code == 303
    assert 'id="batch"' in (await resident.get("/resident/")).text
    assert "最近结束" in (await one.get("/operator/suspensions")).text


async def test_the_counter_replaces_prints_and_records(place: Place) -> None:
    elder, son = await somebody(place, "1944-04-04"), await somebody(place)
    desk = await place.enter(place.browser(), "clinician", place.doctor)
    page = (await desk.get("/clinician/counter")).text
    form = {"csrf": form_token(page), "system": NATIONAL, "value": elder.number}
    assert (await desk.post("/clinician/counter", data=form | {"value": resident_number()})).status_code == 404
    found = await desk.post("/clinician/counter", data=form)
    assert elder.name in found.text
    assert "补卡" in found.text
    before = await elder.card()
    done = await desk.post("/clinician/counter/card", data=form | {"event": "reissue"})
    assert "已补卡" in done.text
    assert (await elder.card()).number != before.number
    printed = await desk.post("/clinician/counter/print", data=form)
    text, level = decode(re.search(r'desk-paper-qr">(<svg.*?</svg>)', printed.text, re.DOTALL)[1])  # type: ignore[index]
    assert (text, level) == (await place.printed(elder.text), "Q")
    assert elder.number not in str(printed.url)
    terminal = await place.terminal(place.doctor)
    scanned = await desk.post(
        "/clinician/scan", data={"csrf": form["csrf"], "code": text, "terminal": terminal, "step": "010101"}
    )
    link = re.search(r"/clinician/counter/visit/[\w-]+", scanned.text)
    assert link
    page = (await desk.get(link[0])).text
    said = {
        "csrf": form["csrf"], "visit": link[0].rpartition("/")[2], "kind": "given", "evidence": "in-person",
        "agent-system": NATIONAL, "agent-value": son.number, "system": NATIONAL, "value": elder.number,
        "scope-show-code": "yes", "ends": ENDS,
    }  # fmt: skip
    assert (await desk.post("/clinician/counter/mandate", data=said | {"value": ""})).status_code == 403
    assert (await desk.post("/clinician/counter/mandate", data=said | {"ends": ""})).status_code == 422
    assert (await desk.post("/clinician/counter/mandate", data=said)).status_code == 303
    assert f"/resident/?for={elder.text}" in (await (await son.browser()).get("/resident/")).text
    log = (await (await elder.browser()).get("/resident/log")).text
    assert "换了新码，旧码作废" in log
    assert "当面核对了身份证件" in log
    assert f"{son.name} 可以代您办事了" in log
    assert BASE


async def test_two_people_take_a_guardian_away_and_two_undo_it(place: Place) -> None:
    father, child = await somebody(place), await somebody(place, f"{clock.now().year - 5}-01-01")
    await place.access.families.register(child.person, father.person, clock.now())
    one, two, dashboard = await operators(place)
    assert (await dashboard.get(REMOVALS)).status_code == 403
    page = (await one.get(REMOVALS)).text
    form = {
        "csrf": form_token(page), "number": (await child.card()).number, "agent": (await father.card()).shown_number,
        "basis": "guardianship-revoked", "reference": "某某区人民法院（2026）民特1号",
        "reason": "法院认定其侵害被监护人权益", "until": f"{clock.now().year + 3}-05-01",
    }  # fmt: skip
    for wrong in ({"until": "soon"}, {"until": "2020-01-01"}, {"basis": "x"}, {"number": "1"}, {"reference": ""}):
        assert (await one.post(REMOVALS, data=form | wrong)).status_code == 422, wrong
    assert (await one.post(REMOVALS, data=form | {"agent": form["number"]})).status_code == 422
    by_document = form | {"agent": father.number, "agent-kind": NATIONAL, "agent-name": "欧阳远"}
    answer = await one.post(REMOVALS, data=by_document)
    assert (answer.status_code, "欧阳远" in answer.text) == (404, True), "what was typed stands there"
    assert (await one.post(REMOVALS, data=by_document | {"agent-name": father.name})).status_code == 303
    page = (await one.get(REMOVALS)).text
    assert "您提出的，须另一人批准" in page
    assert father.name not in page
    assert child.name not in page
    held = re.search(r'name="removal" value="([^"]+)"', page)
    assert held

    async def post(who: object, act: str, **fields: str) -> int:
        token = form_token((await who.get(REMOVALS)).text)  # type: ignore[attr-defined]
        said = {"csrf": token, "removal": held[1], **fields}
        return int((await who.post(f"{REMOVALS}/{act}", data=said)).status_code)  # type: ignore[attr-defined]

    assert [await post(one, "approve"), await post(two, "approve"), await post(two, "withdraw")] == [403, 303, 404]
    for side, said in (
        (father, f"依据法律文书，您不得再代 {child.name} 办事"),
        (child, f"依据法律文书，{father.name} 不得再代您办事"),
    ):
        browser = await side.browser()
        log = (await browser.get("/resident/log")).text
        for words in (said, "撤销监护人资格的判决", form["reference"], form["reason"], "之前不得再次授权"):
            assert words in log, words
        assert said in (await browser.get("/resident/")).text, "told where notices stand"
    browser = await father.browser()
    assert (await browser.get(f"/resident/?for={child.text}")).status_code == 403
    counts = orjson.loads((await place.browser().get("/public/removals.json")).content)
    assert counts["removed"]["guardianship-revoked"] is None
    assert "少于 10" in (await place.browser().get("/public/removals")).text
    assert "The order: court and number" in (await one.get(f"{REMOVALS}?lang=en")).text
    done = [await post(two, "propose-undo", reason=said) for said in ("x", "二审改判，原裁判已撤销")]
    assert done == [422, 303]
    assert [await post(two, "undo"), await post(one, "undo")] == [403, 303]
    assert (await browser.get(f"/resident/?for={child.text}")).status_code == 200
    assert "决定已撤销" in (await browser.get("/resident/log")).text

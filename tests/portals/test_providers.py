"""Sign-in by an OpenID provider: binding, coming in, proving it once more, leaving; and what a provider, a browser and
somebody between them may try. The provider is a forger (`support.forger`); a certified one is tried in
`tests/clients/test_openid_provider.py`."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from click.testing import Result
from entrance import COMMAND, Entrance, fields_of
from joserfc import jwk
from typer.testing import CliRunner

from support import Platform, patient
from support.forger import CITY, CLIENT, MFA, SECRET, Forger, Lies
from yima import authentication
from yima.authentication.external import Provider
from yima.cli.providers import sign_in_commands
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

_REFRESH = re.compile(r'<meta http-equiv="refresh" content="0;url=([^"]*)">')
_CODE = re.compile(r"<code>([a-z-]+)</code>")


def provider(forger: Forger, provider_id: str = "city", kind: str = "practitioner", **facts: Any) -> Provider:
    """The forger as it is registered."""
    usual: dict[str, Any] = {
        "issuer": forger.base, "client_id": CLIENT, "secret": SECRET, "name_zh": "市统一认证", "name_en": "City ID",
        "levels": {MFA: 2, CITY: 1},
    }  # fmt: skip
    return Provider(provider_id=provider_id, kind=kind, **(usual | facts))


@dataclass(slots=True)
class Way:
    """A browser's way by the provider at one door."""

    entrance: Entrance
    forger: Forger
    role: str = "clinician"
    name: str = "city"

    async def leave(self, browser: httpx.AsyncClient, page: str = "", fields: dict[str, str] | None = None) -> str:
        """Press the button of a page, the sign-in page's unless another is given; where the browser is sent."""
        action = f"/{self.role}/sign-in/with/{self.name}"
        text = page or (await browser.get(f"/{self.role}/sign-in")).text
        away = await browser.post(action, data=fields_of(text, action) | (fields or {}))
        assert away.status_code == 200, away.text
        return sent_to(away)

    async def back(self, browser: httpx.AsyncClient, address: str) -> httpx.Response:
        """Follow the provider back."""
        parts = urlsplit(address)
        return await browser.get(f"{parts.path}?{parts.query}")

    async def come_in(self, browser: httpx.AsyncClient) -> httpx.Response:
        """All of it."""
        return await self.back(browser, self.forger.authorize(await self.leave(browser)))


def sent_to(away: httpx.Response) -> str:
    """Where the page sends the browser by itself."""
    found = _REFRESH.search(away.text)
    assert found, away.text
    return unescape(found[1])


def code_in(answer: httpx.Response) -> str:
    """The stable code on a page."""
    found = _CODE.search(answer.text)
    return found[1] if found else ""


@pytest.fixture(scope="module")
def forger() -> Iterator[Forger]:
    made = Forger()
    yield made
    made.stop()


@pytest.fixture(scope="module")
async def entrance(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, forger: Forger
) -> AsyncIterator[Entrance]:
    """A development server, for a provider on loopback; with the provider for each kind of people."""
    platform = await Platform.start(
        database_url, tmp_path_factory.mktemp("entrance"), password_memory_kib=1024, development=True
    )
    register, now = platform.access.provider_register, clock.now()
    await register.register(COMMAND, provider(forger), now)
    await register.register(COMMAND, provider(forger, "city-op", "operator"), now)
    await register.register(COMMAND, provider(forger, "city-id", "resident"), now)
    yield Entrance(platform, await platform.institution("H"))
    await platform.stop()


@pytest.fixture
def way(entrance: Entrance, forger: Forger) -> Way:
    forger.lies, forger.acr, forger.auth_age, forger.sid = Lies(), MFA, 0, ""
    return Way(entrance, forger)


@pytest.fixture(autouse=True)
async def forgotten(entrance: Entrance) -> None:
    """No failure counts from one test to the next."""
    await entrance.platform.database.execute("delete from authentication.attempt")


async def enrolled(way: Way, sub: str, code: str = "") -> tuple[str, httpx.AsyncClient]:
    """A new doctor who bound this subject by an invitation, signed in by that; their number and browser."""
    made = await way.entrance.doctor(code or f"P{secrets.token_hex(3)}")
    _, invitation = await way.entrance.invited("practitioner", made.subject)
    browser, way.forger.sub = way.entrance.browser(), sub
    answer = await opened(way, browser, invitation)
    back = await way.back(browser, way.forger.authorize(await way.leave(browser, answer.text)))
    assert (back.status_code, back.headers.get("location")) == (303, "/clinician/"), back.text
    return made.subject, browser


async def opened(way: Way, browser: httpx.AsyncClient, invitation: str) -> httpx.Response:
    """The page of an invitation."""
    page = await browser.get(f"/{way.role}/sign-in/enrol")
    fields = fields_of(page.text, f"/{way.role}/sign-in/enrol") | {"invitation": invitation}
    return await browser.post(f"/{way.role}/sign-in/enrol", data=fields)


@pytest.fixture(scope="module")
async def known(entrance: Entrance, forger: Forger) -> str:
    """The number of a doctor whom the provider calls `known`."""
    subject, _ = await enrolled(Way(entrance, forger), "known")
    return subject


# --- the ways --------------------------------------------------------------------------------------------------------


async def test_from_the_invitation_to_the_end(way: Way) -> None:
    """Bound by an invitation, in, out, in again; the log says by what; the password of before is gone."""
    subject, browser = await enrolled(way, "doctor-1")
    page = await browser.get("/clinician/my-sign-in")
    assert "City ID" in page.text
    assert "no password" in page.text.lower()
    out = await browser.post("/clinician/sign-out", data=fields_of(page.text, "/clinician/sign-out"))
    assert f'href="{way.forger.base}/end?client_id=yima+at+the+city"' in out.text
    assert (await browser.get("/clinician/")).status_code == 401
    address = await way.leave(browser, fields={"next": "/clinician/counter"})
    asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
    assert asked["scope"] == "openid"
    assert asked["code_challenge_method"] == "S256"
    assert asked["acr_values"] == MFA
    assert asked["redirect_uri"].endswith("/clinician/sign-in/from/city")
    assert "prompt" not in asked
    back = await way.back(browser, way.forger.authorize(address))
    assert back.headers["location"] == "/clinician/counter"
    lines = await way.entrance.platform.database.fetch(
        "select basis, detail from audit.event where action = 'sign-in' and agent_id = $1 order by recorded, event_id",
        subject,
    )
    assert [row["basis"] for row in lines if '"signed-in"' in row["detail"]] == ["oidc", "oidc"]
    assert all("doctor-1" not in str(dict(row)) for row in lines)
    kept = await way.entrance.platform.database.fetch("select * from authentication.provider_subject")
    assert kept
    assert b"doctor-1" not in b"".join(row["subject"] for row in kept)


async def test_one_more_way_and_one_less(way: Way) -> None:
    """Signed in by password: the provider is added, used, and taken away; it may be the last way of nobody."""
    person = await way.entrance.doctor("D70")
    browser = way.entrance.browser()
    await way.entrance.enter(browser, person)
    page, add = await browser.get("/clinician/my-sign-in"), "/clinician/my-sign-in/providers/city"
    way.forger.sub = "doctor-70"
    away = await browser.post(add, data=fields_of(page.text, add))
    asked = parse_qs(urlsplit(sent_to(away)).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"]), "whoever sits there signs in there now"
    back = await way.back(browser, way.forger.authorize(sent_to(away)))
    assert back.headers["location"] == "/clinician/my-sign-in?done=provider-added"
    assert (await way.come_in(other := way.entrance.browser())).status_code == 303
    page = await browser.get("/clinician/my-sign-in")
    again = await browser.post(add, data={"csrf": fields_of(page.text, "/clinician/sign-out")["csrf"]})
    assert code_in(again) == "provider-bound"
    drop = "/clinician/my-sign-in/remove-provider"
    assert (await browser.post(drop, data=fields_of(page.text, drop))).status_code == 303
    assert (await other.get("/clinician/")).status_code == 401, "the sessions it opened have ended"
    assert code_in(await way.come_in(way.entrance.browser())) == "provider-unbound"
    _, lone = await enrolled(way, "lone")
    page = await lone.get("/clinician/my-sign-in")
    assert code_in(await lone.post(drop, data=fields_of(page.text, drop))) == "last-way"


async def test_an_act_is_proved_once_more_there_and_carried_on(way: Way) -> None:
    _, browser = await enrolled(way, "doctor-2")
    await way.entrance.platform.database.execute(
        "update authentication.session set proved = proved - interval '6 minutes'"
    )
    page, anew = await browser.get("/clinician/my-sign-in"), "/clinician/my-sign-in/anew"
    asked = await browser.post(anew, data=fields_of(page.text, anew))
    assert asked.status_code == 403
    again = "/clinician/sign-in/again"
    fields = fields_of(asked.text, again) | {"again-provider": "city"}
    cookie = dict(browser.cookies)["yima_clinician"]
    way.forger.auth_age = 600
    old = await way.back(browser, way.forger.authorize(sent_to(await browser.post(again, data=fields))))
    assert code_in(old) == "provider-answer-invalid", "who signed in there ten minutes ago proves nothing now"
    way.forger.auth_age, way.forger.sub = 0, "known"
    other = await way.back(browser, way.forger.authorize(sent_to(await browser.post(again, data=fields))))
    assert code_in(other) == "provider-unbound", "somebody else's sign-in there"
    way.forger.sub = "doctor-2"
    on = await way.back(browser, way.forger.authorize(sent_to(await browser.post(again, data=fields))))
    assert on.status_code == 200, on.text
    assert dict(browser.cookies)["yima_clinician"] != cookie
    done = await browser.post(anew, data=fields_of(on.text, anew))
    assert (done.status_code, done.headers["location"].partition("#")[0]) == (303, "/clinician/sign-in/enrol")


async def test_who_came_in_by_an_old_sign_in_there_proves_it_again_for_what_weighs_more(way: Way, known: str) -> None:
    way.forger.sub, way.forger.auth_age = "known", 3600
    browser = way.entrance.browser()
    assert (await way.come_in(browser)).status_code == 303
    page, anew = await browser.get("/clinician/my-sign-in"), "/clinician/my-sign-in/anew"
    assert (await browser.post(anew, data=fields_of(page.text, anew))).status_code == 403


async def test_a_proof_of_some_minutes_ago_is_as_old_as_the_provider_says(way: Way) -> None:
    """Proved there for the question asked, but the browser came back much later: it counts from then."""
    _, browser = await enrolled(way, "doctor-slow")
    database = way.entrance.platform.database
    await database.execute("update authentication.session set proved = proved - interval '20 minutes'")
    page, anew = await browser.get("/clinician/my-sign-in"), "/clinician/my-sign-in/anew"
    asked = await browser.post(anew, data=fields_of(page.text, anew))
    again = "/clinician/sign-in/again"
    sent = await browser.post(again, data=fields_of(asked.text, again) | {"again-provider": "city"})
    address = way.forger.authorize(sent_to(sent))
    await database.execute("update authentication.trip set made = made - interval '9 minutes'")
    way.forger.auth_age = 500
    on = await way.back(browser, address)
    way.forger.auth_age = 0
    assert on.status_code == 200, on.text
    assert (await browser.post(anew, data=fields_of(on.text, anew))).status_code == 403


async def test_a_sign_in_there_older_than_a_session_may_be_opens_none(way: Way, known: str) -> None:
    """`max_age` was asked for; that it was kept to is not left to the provider."""
    way.forger.sub, way.forger.auth_age = "known", 13 * 3600
    assert code_in(await way.come_in(way.entrance.browser())) == INVALID


async def test_operators(entrance: Entrance, forger: Forger, way: Way) -> None:
    person = await entrance.operator("op-ext", "accounts")
    _, invitation = await entrance.invited("operator", person.subject)
    at, browser = Way(entrance, forger, "operator", "city-op"), entrance.browser()
    forger.sub = "op"
    page = await opened(at, browser, invitation)
    back = await at.back(browser, forger.authorize(await at.leave(browser, page.text)))
    assert back.headers["location"] == "/operator/"
    assert (await browser.get("/operator/accounts")).status_code == 200


async def test_a_resident_adds_it_signed_in_and_comes_in_by_it(entrance: Entrance, forger: Forger, way: Way) -> None:
    made = await entrance.hospital.create(patient())
    person = ids.person_text(Platform.person_of(f"Patient/{made['id']}"))
    access, browser = entrance.platform.access, entrance.browser()
    async with entrance.platform.database.transaction() as c:
        cookie = await access.means.browsers.open(
            c, "resident", person, method="proofed-phone", device="", now=clock.now()
        )
    browser.cookies.set("yima_resident", cookie, path="/resident")
    add = "/resident/passkey/providers/city-id"
    page = await browser.get("/resident/passkey")
    forger.sub, forger.acr = "420000199001010018", CITY  # what the provider calls her is nobody's business here
    away = await browser.post(add, data=fields_of(page.text, add))
    at = Way(entrance, forger, "resident", "city-id")
    back = await at.back(browser, forger.authorize(sent_to(away)))
    assert back.headers["location"].startswith("/resident/passkey"), back.text
    fresh = entrance.browser()
    assert (await at.come_in(fresh)).headers["location"] == "/resident/"
    held = dict(fresh.cookies)["yima_resident"]
    shared = entrance.browser()
    assert (await at.come_in(shared)).status_code == 303
    page = await shared.get("/resident/help")
    out = await shared.post("/resident/sign-out", data=fields_of(page.text, "/resident/sign-out"))
    assert f'href="{forger.base}/end?' in out.text, "who sits there next must not come in by the sign-in left there"
    assert out.headers["clear-site-data"] == '"cache", "storage"'
    assert (await shared.get("/resident/")).status_code == 401
    caller = await access.callers.caller("resident", held, clock.now())
    assert (ids.person_text(caller.person), caller.assurance) == (person, "substantial")
    await entrance.platform.database.execute(
        "update authentication.session set proved = proved - interval '6 minutes' where subject = $1", person
    )
    page = await fresh.get("/resident/passkey")
    asked = await fresh.post("/resident/passkey", data=fields_of(page.text, "/resident/passkey"))
    fields = fields_of(asked.text, "/resident/sign-in/again") | {"again-provider": "city-id"}
    away = await fresh.post("/resident/sign-in/again", data=fields)
    on = await at.back(fresh, forger.authorize(sent_to(away)))
    done = await fresh.post("/resident/passkey", data=fields_of(on.text, "/resident/passkey"))
    assert (done.status_code, "data-passkey" in done.text) == (200, True), "proved there, and carried on"
    async with entrance.platform.database.transaction() as c:
        cookie = await access.means.browsers.open(
            c, "resident", person, method="proofed-phone", device="", now=clock.now()
        )
    browser.cookies.set("yima_resident", cookie, path="/resident")
    page = await browser.get("/resident/passkey")
    assert (await browser.post(f"{add}/remove", data=fields_of(page.text, f"{add}/remove"))).status_code == 303
    assert (await fresh.get("/resident/")).status_code == 401


# --- what a provider's answer may not be -----------------------------------------------------------------------------

ELSE = jwk.ECKey.generate_key("P-256")
INVALID, WEAK, GONE = "provider-answer-invalid", "provider-weak", "provider-unreachable"
FORGED: list[tuple[str, Lies, str]] = [
    ("nonce", Lies(claims={"nonce": "another"}), INVALID),
    ("nonce missing", Lies(claims={"nonce": None}), INVALID),
    ("alg none", Lies(alg="none"), INVALID),
    ("alg None", Lies(alg="None"), INVALID),
    ("HS256 with the client's secret", Lies(alg="HS256"), INVALID),
    ("HS256 with the client_id", Lies(alg="HS256-client"), INVALID),
    ("HS256 with the public key", Lies(alg="HS256-public"), INVALID),
    ("ES512", Lies(header={"alg": "ES512"}), INVALID),
    ("another key under this kid", Lies(key=ELSE), INVALID),
    ("a kid that is not published", Lies(header={"kid": "other"}), INVALID),
    ("a key in the token", Lies(key=ELSE, header={"kid": "x", "jwk": ELSE.as_dict(private=False)}), INVALID),
    ("keys elsewhere", Lies(key=ELSE, header={"kid": "x", "jku": "http://127.0.0.1:9/keys"}), INVALID),
    ("crit", Lies(header={"crit": ["b64"], "b64": False}), INVALID),
    ("a logout token", Lies(header={"typ": "logout+jwt"}), INVALID),
    ("aud another", Lies(claims={"aud": "another"}), INVALID),
    ("aud one more", Lies(claims={"aud": [CLIENT, "another"]}), INVALID),
    ("aud missing", Lies(claims={"aud": None}), INVALID),
    ("azp another", Lies(claims={"azp": "another"}), INVALID),
    ("iss another", Lies(claims={"iss": "https://other.example"}), INVALID),
    ("expired", Lies(claims={"exp": 1_700_000_000}), INVALID),
    ("exp missing", Lies(claims={"exp": None}), INVALID),
    ("exp true", Lies(claims={"exp": True}), INVALID),
    ("made long ago", Lies(claims={"iat": 1_700_000_000}), INVALID),
    ("made in a time to come", Lies(claims={"iat": 9_000_000_000}), INVALID),
    ("not yet", Lies(claims={"nbf": 9_000_000_000}), INVALID),
    ("auth_time to come", Lies(claims={"auth_time": 9_000_000_000}), INVALID),
    ("auth_time text", Lies(claims={"auth_time": "now"}), INVALID),
    ("another access token", Lies(claims={"at_hash": "AAAA"}), INVALID),
    ("sub missing", Lies(claims={"sub": None}), INVALID),
    ("sub a number", Lies(claims={"sub": 7}), INVALID),
    ("sub long", Lies(claims={"sub": "x" * 256}), INVALID),
    ("no token", Lies(id_token=""), INVALID),
    ("five parts", Lies(id_token="e30.e30.e30.e30.e30"), INVALID),
    ("no JSON", Lies(id_token="!.!.!"), INVALID),
    ("code refused", Lies(token=(400, b'{"error": "invalid_grant"}', "")), INVALID),
    ("token endpoint moved", Lies(token=(302, b"", "/elsewhere")), INVALID),
    ("token answer huge", Lies(token=(200, b"{" + b" " * 70_000 + b"}", "")), INVALID),
    ("token answer a list", Lies(token=(200, b"[]", "")), INVALID),
    ("iss of the answer missing", Lies(answer={"iss": None}), INVALID),
    ("iss of the answer another", Lies(answer={"iss": "https://other.example"}), INVALID),
    ("code missing", Lies(answer={"code": None}), INVALID),
    ("code of nobody", Lies(answer={"code": "guessed"}), INVALID),
    ("code long", Lies(answer={"code": "x" * 5000}), INVALID),
    ("state another", Lies(answer={"state": "another"}), INVALID),
    ("state missing", Lies(answer={"state": None}), INVALID),
    ("one factor", Lies(claims={"acr": CITY}), WEAK),
    ("factors not said", Lies(claims={"acr": None}), WEAK),
    ("refused there", Lies(answer={"error": "access_denied", "code": None}), "provider-denied"),
    ("nobody's sub", Lies(claims={"sub": "stranger"}), "provider-unbound"),
    ("sub in capitals", Lies(claims={"sub": "KNOWN"}), "provider-unbound"),
]  # fmt: skip


@pytest.mark.parametrize(("lies", "code"), [row[1:] for row in FORGED], ids=[row[0] for row in FORGED])
async def test_what_proves_nothing_opens_nothing(way: Way, known: str, lies: Lies, code: str) -> None:
    way.forger.sub, way.forger.lies = "known", lies
    browser = way.entrance.browser()
    answer = await way.come_in(browser)
    assert code_in(answer) == code, answer.text
    assert "yima_clinician" not in dict(browser.cookies)
    assert "/elsewhere" not in way.forger.hits, "redirects are not followed"


async def test_mfa_in_amr_is_two_factors(way: Way, known: str) -> None:
    way.forger.sub, way.forger.lies = "known", Lies(claims={"acr": None, "amr": ["pwd", "otp", "mfa"]})
    assert (await way.come_in(way.entrance.browser())).status_code == 303


# --- what a browser, or somebody between, may not do -----------------------------------------------------------------


async def test_an_answer_counts_once_in_its_own_browser_from_its_own_provider(way: Way, known: str) -> None:
    way.forger.sub = "known"
    mine, thief = way.entrance.browser(), way.entrance.browser()
    address = way.forger.authorize(await way.leave(mine))
    await thief.get("/clinician/sign-in")
    assert code_in(await way.back(thief, address)) == INVALID, "sign-in planted in another browser"
    mixed = address.replace("/from/city?", "/from/other?")
    await way.entrance.platform.access.provider_register.register(
        COMMAND, provider(way.forger, "other", issuer=f"{way.forger.base}/other"), clock.now()
    )
    assert code_in(await way.back(mine, mixed)) == INVALID, "an answer to another provider (mix-up)"
    assert code_in(await way.back(mine, address.replace("/clinician/", "/operator/"))) == "not-found"
    assert code_in(await way.back(mine, f"{address}&code=second")) == INVALID
    assert (await way.back(mine, address)).status_code == 303
    assert code_in(await way.back(mine, address)) == INVALID, "the same once more"
    spent = parse_qs(urlsplit(address).query)["code"][0]
    way.forger.lies = Lies(answer={"code": spent})
    assert code_in(await way.come_in(mine)) == INVALID, "a code of before under a fresh state"


async def test_another_browsers_trip_is_not_ended_in_somebody_elses_session(way: Way) -> None:
    """Whoever can plant the cookie of the sign-in page does not by that bind their own sub to the account that is
    signed in there: the id of their session is no token of a page."""
    owner, attacker = await way.entrance.doctor("D80"), await way.entrance.doctor("D81")
    await way.entrance.enter(mine := way.entrance.browser(), owner)
    await way.entrance.enter(theirs := way.entrance.browser(), attacker)
    page, add = await theirs.get("/clinician/my-sign-in"), "/clinician/my-sign-in/providers/city"
    way.forger.sub = "doctor-81"
    address = way.forger.authorize(sent_to(await theirs.post(add, data=fields_of(page.text, add))))
    planted = dict(theirs.cookies)["yima_clinician"].partition(".")[0]
    mine.cookies.set("yima_visitor", planted, path="/clinician/sign-in")
    assert code_in(await way.back(mine, address)) == INVALID
    assert not await way.entrance.platform.access.means.providers.account(
        provider(way.forger), "doctor-81", clock.now()
    )


async def test_a_provider_suspended_while_a_browser_comes_back_opens_nothing(
    way: Way, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sessions end as it is suspended; none is opened after that by an answer that was being looked at."""
    access, loop, answered = way.entrance.platform.access, asyncio.get_running_loop(), way.forger.token

    async def set_status(status: Literal["active", "suspended"]) -> None:
        await access.provider_register.set_status(COMMAND, "city", status, clock.now())

    def slowly(form: dict[str, str], authorization: str) -> tuple[int, bytes, str]:
        asyncio.run_coroutine_threadsafe(set_status("suspended"), loop).result(20)
        return answered(form, authorization)

    made = await way.entrance.doctor("D83")
    _, invitation = await way.entrance.invited("practitioner", made.subject)
    invited, browser = way.entrance.browser(), way.entrance.browser()
    page = await opened(way, invited, invitation)
    monkeypatch.setattr(way.forger, "token", slowly)
    try:
        way.forger.sub = "known"
        assert code_in(await way.come_in(browser)) == "not-found"
        await set_status("active")
        way.forger.sub = "doctor-83"
        address = way.forger.authorize(await way.leave(invited, page.text))
        assert code_in(await way.back(invited, address)) == "not-found"
    finally:
        await set_status("active")
    assert "yima_clinician" not in dict(browser.cookies) | dict(invited.cookies)
    assert await access.means.enrolment.invitation("practitioner", invitation, clock.now()), "nothing came of it"


@pytest.mark.parametrize("name", ["a%00b", "%F0%9F%98%80", "a%0D%0Ab", "x" * 300])
async def test_a_provider_of_no_name(way: Way, name: str) -> None:
    answer = await way.entrance.browser().get(f"/clinician/sign-in/from/{name}?state=a&code=b")
    assert (answer.status_code, code_in(answer)) == (404, "not-found")


async def test_an_answer_too_late(way: Way, known: str) -> None:
    way.forger.sub, browser = "known", way.entrance.browser()
    address = way.forger.authorize(await way.leave(browser))
    await way.entrance.platform.database.execute("update authentication.trip set expires = made")
    assert code_in(await way.back(browser, address)) == INVALID


async def test_tries_are_counted_on_the_network(way: Way, known: str) -> None:
    browser = way.entrance.browser(address="203.0.113.77")
    for _ in range(61):
        answer = await browser.get("/clinician/sign-in/from/city?state=guessed&code=guessed")
    again = await browser.get("/clinician/sign-in/from/city?state=guessed&code=guessed")
    assert code_in(answer) == INVALID
    assert (again.status_code, code_in(again)) == (429, "too-many-attempts")


async def test_a_form_of_another_browser_leads_nowhere(way: Way) -> None:
    browser, other = way.entrance.browser(), way.entrance.browser()
    await other.get("/clinician/sign-in")
    action = "/clinician/sign-in/with/city"
    fields = fields_of((await browser.get("/clinician/sign-in")).text, action)
    assert (await other.post(action, data=fields)).status_code == 403


# --- whose sub it is -------------------------------------------------------------------------------------------------


async def test_a_sub_is_one_persons(way: Way, known: str) -> None:
    """Whose invitation it may be: a sub that is somebody's already is not bound, and the invitation still stands."""
    made = await way.entrance.doctor("D71")
    _, invitation = await way.entrance.invited("practitioner", made.subject)
    browser, way.forger.sub = way.entrance.browser(), "known"
    page = await opened(way, browser, invitation)
    back = await way.back(browser, way.forger.authorize(await way.leave(browser, page.text)))
    assert code_in(back) == "provider-bound"
    assert "yima_clinician" not in dict(browser.cookies)
    access = way.entrance.platform.access
    found = await access.means.enrolment.invitation("practitioner", invitation, clock.now())
    assert found.subject == made.subject
    assert await access.means.providers.account(provider(way.forger), "known", clock.now())
    assert (await way.come_in(way.entrance.browser())).status_code == 303, "the first stays in"


@pytest.mark.parametrize("lies", [Lies(claims={"acr": CITY}), Lies(claims={"auth_time": None})], ids=["weak", "when"])
async def test_what_would_not_do_to_come_in_does_not_bind(way: Way, lies: Lies) -> None:
    made = await way.entrance.doctor(f"W{secrets.token_hex(3)}")
    _, invitation = await way.entrance.invited("practitioner", made.subject)
    browser, way.forger.sub, way.forger.lies = way.entrance.browser(), "weak", lies
    page = await opened(way, browser, invitation)
    back = await way.back(browser, way.forger.authorize(await way.leave(browser, page.text)))
    assert code_in(back) in (WEAK, INVALID)
    assert not await way.entrance.platform.access.means.providers.account(provider(way.forger), "weak", clock.now())


async def test_an_institutions_provider_is_for_its_staff(way: Way) -> None:
    other = await way.entrance.platform.institution("H")
    register = way.entrance.platform.access.provider_register
    await register.register(COMMAND, provider(way.forger, "house", institution=other.number), clock.now())
    made = await way.entrance.doctor("D72")
    _, invitation = await way.entrance.invited("practitioner", made.subject)
    page = await opened(way, browser := way.entrance.browser(), invitation)
    assert "/sign-in/with/city" in page.text
    assert "/sign-in/with/house" not in page.text
    action = "/clinician/sign-in/with/city"
    sent = await browser.post("/clinician/sign-in/with/house", data=fields_of(page.text, action))
    assert code_in(sent) == "not-found"
    await register.remove(COMMAND, "house", clock.now())


async def test_who_is_no_longer_let_in_by_a_provider_that_changed_is_out(way: Way) -> None:
    """Registered anew for other staff, or proving less: the sessions that it opened before have ended."""
    register, other = way.entrance.platform.access.provider_register, await way.entrance.platform.institution("H")
    await register.register(COMMAND, provider(way.forger, "ward"), clock.now())
    made = await way.entrance.doctor("D82")
    _, invitation = await way.entrance.invited("practitioner", made.subject)
    at = Way(way.entrance, way.forger, name="ward")
    page, way.forger.sub = await opened(at, browser := way.entrance.browser(), invitation), "doctor-82"
    back = await at.back(browser, way.forger.authorize(await at.leave(browser, page.text)))
    assert back.headers["location"] == "/clinician/"
    await register.register(COMMAND, provider(way.forger, "ward", name_en="Ward ID"), clock.now())
    assert (await browser.get("/clinician/")).status_code == 200, "another name changes nothing"
    await register.register(COMMAND, provider(way.forger, "ward", institution=other.number), clock.now())
    assert (await browser.get("/clinician/")).status_code == 401
    assert code_in(await at.come_in(browser)) == "provider-unbound"
    await register.remove(COMMAND, "ward", clock.now())


async def test_suspended_people_institutions_and_providers(way: Way) -> None:
    subject, browser = await enrolled(way, "doctor-3")
    access, now = way.entrance.platform.access, clock.now()
    await access.accounts.suspend(COMMAND, "practitioner", subject, now)
    assert (await browser.get("/clinician/")).status_code == 401
    assert code_in(await way.come_in(browser)) == "account-suspended", "as by every other way"
    await access.accounts.resume(COMMAND, "practitioner", subject, now)
    assert (await way.come_in(browser)).status_code == 303
    address = way.forger.authorize(await way.leave(other := way.entrance.browser()))
    await access.provider_register.set_status(COMMAND, "city", "suspended", now)
    assert (await browser.get("/clinician/")).status_code == 401, "its sessions end"
    assert code_in(await way.back(other, address)) == "not-found"
    assert "/sign-in/with/city" not in (await other.get("/clinician/sign-in")).text
    await access.provider_register.set_status(COMMAND, "city", "active", now)
    assert (await way.come_in(browser)).status_code == 303
    await way.entrance.platform.database.execute(
        "update directory.institution set status = 'suspended' where institution_id = $1", way.entrance.hospital.number
    )
    try:
        assert code_in(await way.come_in(way.entrance.browser())) == "institution-suspended"
    finally:
        await way.entrance.platform.database.execute(
            "update directory.institution set status = 'active' where institution_id = $1",
            way.entrance.hospital.number,
        )


# --- what a provider publishes ---------------------------------------------------------------------------------------

PUBLISHED: list[tuple[str, dict[str, Any]]] = [
    ("moved", {"raw": (302, b"", "/.well-known/openid-configuration")}),
    ("huge", {"raw": (200, b"{}" + b" " * 70_000, "")}),
    ("broken", {"raw": (500, b"{}", "")}),
    ("html", {"raw": (200, b"<html>", "")}),
    ("list", {"raw": (200, b"[]", "")}),
    ("another-issuer", {"issuer": "https://other.example"}),
    ("no-issuer", {"issuer": None}),
    ("token-elsewhere", {"token_endpoint": "https://other.example/token"}),
    ("keys-elsewhere", {"jwks_uri": "http://127.0.0.1:9/keys"}),
    ("keys-inside", {"jwks_uri": "http://169.254.169.254/latest"}),
    ("keys-file", {"jwks_uri": "file:///etc/passwd"}),
    ("authorize-script", {"authorization_endpoint": "javascript:alert(1)"}),
    ("authorize-breaks-out", {"authorization_endpoint": 'http://127.0.0.1/"><script>'}),
    ("authorize-number", {"authorization_endpoint": 7}),
    ("plain-only", {"code_challenge_methods_supported": ["plain"]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "document"), PUBLISHED, ids=[row[0] for row in PUBLISHED])
async def test_a_document_that_is_not_believed(way: Way, name: str, document: dict[str, Any]) -> None:
    way.forger.documents[f"/{name}"] = document
    register = way.entrance.platform.access.provider_register
    one = provider(way.forger, name, issuer=f"{way.forger.base}/{name}")
    with pytest.raises(Refusal, match=GONE):
        await register.register(COMMAND, one, clock.now())
    assert name not in {held.provider_id for held in await register.registered(COMMAND)}


@pytest.mark.parametrize("keys", ["/keys-huge", "/keys-moved", "/none"])
async def test_keys_that_cannot_be_had(way: Way, known: str, keys: str) -> None:
    name = keys.strip("/")
    way.forger.documents[f"/{name}"] = {"jwks_uri": way.forger.base + keys}
    one = provider(way.forger, name, issuer=f"{way.forger.base}/{name}")
    await way.entrance.platform.access.provider_register.register(COMMAND, one, clock.now())
    way.forger.sub, way.forger.lies = "known", Lies(answer={"iss": one.issuer}, claims={"iss": one.issuer})
    answer = await Way(way.entrance, way.forger, name=name).come_in(way.entrance.browser())
    assert code_in(answer) == GONE


@pytest.mark.parametrize(
    ("facts", "code"),
    [({"issuer": "http://city.example"}, "field-invalid"), ({"issuer": "https://10.0.0.1"}, GONE),
     ({"issuer": "https://169.254.169.254", "private": True}, GONE),
     ({"issuer": "https://x.example?a=b"}, "field-invalid"),
     ({"issuer": "ftp://x.example"}, "field-invalid"), ({"provider_id": "Ä b"}, "field-invalid"),
     ({"provider_id": "../x"}, "field-invalid")],
)  # fmt: skip
async def test_what_is_not_registered(way: Way, facts: dict[str, Any], code: str) -> None:
    name = facts.pop("provider_id", "never")
    with pytest.raises(Refusal, match=code):
        await way.entrance.platform.access.provider_register.register(
            COMMAND, provider(way.forger, name, **facts), clock.now()
        )


async def test_only_the_command_line_keeps_the_register(way: Way) -> None:
    caller = way.entrance.hospital.doctor()
    with pytest.raises(Refusal, match="right-needed"):
        await way.entrance.platform.access.provider_register.register(caller, provider(way.forger), clock.now())
    with pytest.raises(Refusal, match="field-invalid"):  # an issuer never changes under those who are bound to it
        await way.entrance.platform.access.provider_register.register(
            COMMAND, provider(way.forger, issuer=f"{way.forger.base}/changed"), clock.now()
        )


async def test_the_secret_is_sealed_and_its_key_goes_over(way: Way) -> None:
    database, access = way.entrance.platform.database, way.entrance.platform.access
    row = await database.fetchrow("select wrap, secret from authentication.provider where provider_id = 'city'")
    assert SECRET.encode() not in bytes(row["secret"])
    await authentication.rewrap_accounts(database, access.vault)
    after = await database.fetchrow("select wrap, secret from authentication.provider where provider_id = 'city'")
    assert (after["wrap"], after["secret"]) != (row["wrap"], b"")
    found = await access.means.providers.find("city")
    assert found
    assert found.secret == SECRET
    assert SECRET not in repr(found)


async def test_the_commands(way: Way, tmp_path: Path) -> None:
    """`yima sign-in provider`: registered, listed, changed, suspended, removed; mistakes are said, no secret is."""
    loop, access = asyncio.get_running_loop(), way.entrance.platform.access

    def run(_data: Path | None, work: Callable[..., Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(access), loop).result(30)

    async def say(*args: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, sign_in_commands(run), ["provider", *args])

    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    words = ["--issuer", way.forger.base, "--client-id", CLIENT, "--name-zh", "院内", "--name-en", "House"]
    staff = [*words, "--for", "staff", "--institution", way.entrance.hospital.code, "--acr", "a=b=2", "--private"]
    added = await say("add", "by-command", *staff, "--client-secret-file", str(secret))
    assert "/clinician/sign-in/from/by-command" in added.stdout, added.output
    assert "/oauth/providers/by-command/logout" in added.stdout
    kept = await access.means.providers.find("by-command")
    assert kept
    assert (kept.secret, dict(kept.levels), kept.private) == (SECRET, {"a=b": 2}, True)
    assert kept.institution == way.entrance.hospital.number
    assert "private_key_jwt" in (await say("add", "by-command", *words, "--for", "staff")).stdout
    assert (await say("suspend", "by-command")).exit_code == 0
    listed = (await say("list")).stdout
    row = next(line for line in listed.splitlines() if line.startswith("by-command\t"))
    assert row.split("\t")[1:3] == ["staff", "suspended"]
    assert SECRET not in listed
    for wrong in (["--for", "doctors"], ["--for", "residents", "--institution", "H"], ["--for", "staff", "--acr", "x"]):
        assert (await say("add", "wrong", *words, *wrong)).exit_code == 2
    assert (await say("resume", "by-command")).exit_code == (await say("remove", "by-command")).exit_code == 0
    gone = (await say("remove", "by-command")).exception
    assert isinstance(gone, Refusal)
    assert gone.code == "not-found"


# --- leaving there ---------------------------------------------------------------------------------------------------


async def test_back_channel_logout(way: Way) -> None:
    way.forger.sid = "s-1"
    _, first = await enrolled(way, "doctor-4")
    way.forger.sid = "s-2"
    assert (await way.come_in(second := way.entrance.browser())).status_code == 303
    address, client = "/oauth/providers/city/logout", way.entrance.platform.client

    async def said(token: str) -> tuple[int, str]:
        answer = await client.post(address, data={"logout_token": token})
        return answer.status_code, answer.json().get("code", "") if answer.content else ""

    forger, bad = way.forger, (400, "logout-token-invalid")
    assert await said(forger.logout_token()) == bad, "nobody named"
    assert await said(forger.logout_token(sid="s-1", nonce="n")) == bad
    assert await said(forger.logout_token(sid="s-1", events={})) == bad
    assert await said(forger.logout_token(sid="s-1", aud="another")) == bad
    assert await said(forger.logout_token(sid="s-1", jti=None)) == bad
    assert await said(forger.id_token({"sub": "doctor-4", "nonce": "n"})) == bad
    assert await said("x") == bad
    forger.lies = Lies(key=ELSE)
    assert await said(forger.logout_token(sid="s-1")) == bad
    forger.lies = Lies()
    assert (await client.post("/oauth/providers/nobody/logout", data={"logout_token": "x"})).status_code == 404
    assert [(await one.get("/clinician/")).status_code for one in (first, second)] == [200, 200]
    token = forger.logout_token(sid="s-1")
    assert await said(token) == (200, "")
    assert [(await one.get("/clinician/")).status_code for one in (first, second)] == [401, 200]
    assert await said(token) == bad, "each counts once"
    assert await said(forger.logout_token(sub="doctor-4")) == (200, "")
    assert (await second.get("/clinician/")).status_code == 401


async def test_who_left_there_is_out_also_where_the_provider_did_not_name_its_session(way: Way) -> None:
    """An ID token without `sid`, a logout token with `sub` and `sid`: which session it was cannot be told, so it ends.
    And a session proved anew there is that one of the provider's from then on."""
    client, out = way.entrance.platform.client, "/oauth/providers/city/logout"
    _, nameless = await enrolled(way, "doctor-5")
    way.forger.sid = "s-9"
    named = way.entrance.browser()
    assert (await way.come_in(named)).status_code == 303
    gone = await client.post(out, data={"logout_token": way.forger.logout_token(sub="doctor-5", sid="s-other")})
    assert gone.status_code == 200
    assert [(await one.get("/clinician/")).status_code for one in (nameless, named)] == [401, 200]
    way.forger.sid = "s-10"
    await way.entrance.platform.database.execute(
        "update authentication.session set proved = proved - interval '6 minutes'"
    )
    page, anew, again = (
        await named.get("/clinician/my-sign-in"),
        "/clinician/my-sign-in/anew",
        "/clinician/sign-in/again",
    )
    asked = await named.post(anew, data=fields_of(page.text, anew))
    sent = await named.post(again, data=fields_of(asked.text, again) | {"again-provider": "city"})
    assert (await way.back(named, way.forger.authorize(sent_to(sent)))).status_code == 200
    assert (await client.post(out, data={"logout_token": way.forger.logout_token(sid="s-10")})).status_code == 200
    assert (await named.get("/clinician/")).status_code == 401

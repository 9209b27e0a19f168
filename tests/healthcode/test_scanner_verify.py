"""The browser's verifier and Python's, side by side: real signers, real lists, and what a forger may try, by table."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest

from support.credentials import EMERGENCY, HOLDER, Issuing
from yima.healthcode import base45, offline, trust
from yima.healthcode.offline import claims, cose, hc1, shc
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

BASE = "http://127.0.0.1:8420"
NOW = datetime(2026, 3, 2, 9, 7, 3, tzinfo=UTC)
FAMILIES = ("ES256", "SM2")

VERIFY = """
import { readRoots, readStatusList, readTrustList } from "./offline/trust.js";
import { verifyOffline } from "./offline/verify.js";
const roots = readRoots(input.roots);
const held = async ({ trust, status }, now) => {
  const trusts = [];
  for (const text of trust) trusts.push(await readTrustList(text, roots, now));
  const signers = new Map(trusts.flatMap((one) => [...one.signers]));
  const lists = new Map();
  for (const text of status) { const one = await readStatusList(text, signers, now); lists.set(one.number, one); }
  const issued = Math.min(...trusts.map((one) => one.issued));
  return { issued, signer: (id) => signers.get(id), status: (n) => lists.get(n) };
};
const out = [];
for (const set of input.sets) {
  const lists = await held(set, set.at);
  for (const { text, now } of set.cases) {
    const refused = (e) => { if (!e.code) throw e; return { refused: e.code, why: e.why }; };
    out.push(await verifyOffline(text, lists, now).catch(refused));
  }
}
console.log(JSON.stringify(out));
"""


@dataclass(frozen=True)
class Lists:
    """What a scanner fetched at one moment."""

    at: datetime
    roots: str
    trust: tuple[str, ...]
    status: tuple[str, ...]

    def python(self) -> tuple[Any, Any]:
        """The same for Python's verifier."""
        roots = trust.read_roots(self.roots)
        read = [trust.read_trust_list(text, roots, self.at) for text in self.trust]
        signers = [one for found in read for one in found.signers.values()]
        by_id = trust.Trust(0, self.at, self.at, {one.key_id: one for one in signers})
        found = [trust.read_status_list(text.encode(), by_id, self.at) for text in self.status]
        return offline.trust_of(signers), offline.lists_of((one.uri, one) for one in found)


async def fetched(publisher: trust.Publisher, at: datetime) -> Lists:
    """Everything a scanner fetches."""
    lists = [(await publisher.trust_list(family, at)).body.decode() for family in FAMILIES]  # type: ignore[arg-type]
    uris = await publisher.aggregation(at)
    numbers = [int(uri.rpartition("/")[2]) for uri in uris]
    status = [(await publisher.status_list(number, trust.JWT, at)).body.decode() for number in numbers]
    return Lists(at, (await publisher.roots(at)).body.decode(), tuple(lists), tuple(status))


@pytest.fixture(scope="module")
def issuing(db: Database, keys: FileKeyStore) -> Issuing:
    """The deployment."""
    return Issuing(db, keys, BASE)


def unix(moment: datetime) -> int:
    return int(moment.timestamp())


@dataclass(frozen=True)
class Case:
    """A text, the moment at which it is scanned, and what must be said of it: a refusal, or empty for valid."""

    name: str
    text: str
    expected: str = ""
    after: timedelta = timedelta()


def judged(run: Callable[[str, Any], Any], lists: Lists, cases: list[Case]) -> list[dict[str, Any]]:
    """What the browser's verifier says."""
    shown = [{"text": case.text, "now": unix(NOW + case.after)} for case in cases]
    sets = [{"trust": lists.trust, "status": lists.status, "at": unix(lists.at), "cases": shown}]
    return list(run(VERIFY, {"roots": lists.roots, "sets": sets}))


def by_python(lists: Lists, cases: list[Case]) -> list[str]:
    """What Python's verifier says: the code of its refusal, or empty."""
    known, standing = lists.python()
    out = []
    for case in cases:
        try:
            offline.verify(case.text, known, standing, NOW + case.after)
            out.append("")
        except Refusal as refusal:
            out.append(refusal.code)
    return out


def resigned(signer: trust.Signer, payload: bytes, header: dict[int, Any] | None = None, outer: Any = None) -> str:
    """An `HC1:` text with another payload or header, properly signed by that signer."""
    number = cose.algorithm_number(signer.algorithm)
    protected = cbor2.dumps({cose.ALG: number, cose.KEY_ID: signer.key_id} if header is None else header)
    message = cose.Sign1(protected, {}, {}, payload, b"")
    signature = signer.key.sign(message.signed())
    return hc1.encode(cbor2.dumps(cbor2.CBORTag(18, [protected, outer or {}, payload, signature])))


def message_of(text: str) -> bytearray:
    """The signed message behind a text, to be changed."""
    return bytearray(hc1.decode(text))


def changed(text: str, at: int) -> str:
    """One bit of the message turned over."""
    message = message_of(text)
    message[at] ^= 1
    return hc1.encode(bytes(message))


async def good_cases(issuing: Issuing) -> list[Case]:
    """Every form in every family."""
    cases = []
    for family in FAMILIES:
        cases.append(Case(f"identity {family}", (await issuing.card(NOW, algorithm=family))[0]))
        cases.append(Case(f"emergency {family}", (await issuing.card(NOW, algorithm=family, emergency=EMERGENCY))[0]))
        cases.append(Case(f"device {family}", (await issuing.phone(NOW, family)).code(NOW)))
    return [*cases, Case("health card", (await issuing.health_card(NOW))[0])]


async def test_every_form_of_both_families_is_believed(run, issuing: Issuing, db: Database, keys: FileKeyStore) -> None:
    cases = await good_cases(issuing)
    lists = await fetched(trust.Publisher(db, keys, BASE), NOW)
    found = judged(run, lists, cases)
    assert [one.get("refused", "") for one in found] == by_python(lists, cases) == [""] * len(cases), found
    said = dict(zip((case.name for case in cases), found, strict=True))
    for family in FAMILIES:
        identity = said[f"identity {family}"]
        assert (identity["name"], identity["latinName"], identity["born"]) == (
            HOLDER.name,
            HOLDER.latin_name,
            "1990-05-07",
        )
        assert (identity["sex"], identity["card"]) == ("female", HOLDER.card_number)
        assert (identity["kind"], identity["expires"]) == ("identity", unix(NOW + timedelta(days=90)))
        assert (identity["issuer"], identity["old"]) == (BASE, False)
        emergency = said[f"emergency {family}"]["emergency"]
        assert emergency == {
            "blood": EMERGENCY.blood_group,
            "allergies": list(EMERGENCY.allergies),
            "conditions": list(EMERGENCY.conditions),
            "medicines": list(EMERGENCY.medicines),
            "contact": EMERGENCY.contact,
        }
        device = said[f"device {family}"]
        assert (device["name"], device["born"], device["sex"], device["shown"]) == (
            "张小梅",
            "1990",
            "female",
            unix(NOW),
        )
    card = said["health card"]
    assert (card["name"], card["born"], card["sex"], card["entries"]) == ("张小梅", "1990-05-07", "female", 1)


NOT_OURS = (
    "", " ", "hello", "HC1", "hc1:AAA", "HC1：AAA", "HC1:", "HC1:AAAA", "shc:/", "shc:/1", "shc:/99", "YM2:",
    "YM2:AAA", "https://example.invalid/HC1:", "\u0000", "HC1:" + "A" * 20000,
)  # fmt: skip


async def test_forgeries_are_refused_with_the_right_word(
    run, issuing: Issuing, db: Database, keys: FileKeyStore
) -> None:
    text, _ = await issuing.card(NOW)
    sm2, _ = await issuing.card(NOW, algorithm="SM2")
    phone = await issuing.phone(NOW)
    card, _ = await issuing.health_card(NOW)
    signer, other = await issuing.signer("identity", NOW), await issuing.signer("device", NOW)
    whole = message_of(text)
    payload = cose.read(bytes(whole)).payload
    held = cbor2.loads(payload)
    code = phone.code(NOW)
    raw = bytearray(base45.decode(code[4:]))

    def device(at: int, value: int) -> str:
        return "YM2:" + base45.encode(bytes(raw[:at]) + bytes([value]) + bytes(raw[at + 1 :]))

    digits = card.removeprefix("shc:/")
    card_changed = "shc:/" + digits[:-40] + ("32" if digits[-40:-38] != "32" else "33") + digits[-38:]
    stranger = resigned(signer, payload, {1: -7, 4: bytes(8)})

    def said(**claim: Any) -> str:
        number = {"issued": 6, "begins": 5, "ours": claims.YIMA, "eu": claims.HCERT}
        return resigned(signer, cbor2.dumps(held | {number[name]: value for name, value in claim.items()}))

    cases = [
        *(Case(f"not ours: {one[:12]!r}", one, "code-unreadable") for one in NOT_OURS),
        Case("code of the platform", "YM1:ABC", "code-needs-network"),
        Case("cut short", text[:-9], "code-unreadable"),
        Case("one character changed", text[:40] + ("A" if text[40] != "A" else "B") + text[41:], "code-unreadable"),
        Case("two joined", text + text, "code-unreadable"),
        Case("lower case", "HC1:" + text[4:].lower(), "code-unreadable"),
        Case("bytes after the stream", "HC1:" + base45.encode(zlib.compress(bytes(whole)) + b"\0"), "code-unreadable"),
        Case("bytes after the message", hc1.encode(bytes(whole) + b"\0"), "code-unreadable"),
        Case("bomb", hc1.encode(bytes(2_000_000))[:7000], "code-unreadable"),
        Case("not COSE", hc1.encode(cbor2.dumps({1: 2})), "code-unreadable"),
        Case("unknown algorithm", resigned(signer, payload, {1: -8888, 4: signer.key_id}), "code-unreadable"),
        Case("no algorithm", resigned(signer, payload, {4: signer.key_id}), "code-unreadable"),
        Case("critical", resigned(signer, payload, {1: -7, 2: [99], 99: 1, 4: signer.key_id}), "code-unreadable"),
        Case("key id unprotected only", resigned(signer, payload, {1: -7}, {4: signer.key_id}), "code-unreadable"),
        Case("unknown key id", stranger, "code-issuer-unknown"),
        Case("other family", resigned(signer, payload, {1: -65537, 4: signer.key_id}), "code-issuer-unknown"),
        Case("signed by a device signer", resigned(other, payload), "code-issuer-unknown"),
        Case("payload changed", changed(text, whole.index(payload) + 9), "code-signature-invalid"),
        Case("signature changed", changed(text, len(whole) - 1), "code-signature-invalid"),
        Case("SM2 signature changed", changed(sm2, len(message_of(sm2)) - 1), "code-signature-invalid"),
        Case("signature of zeros", hc1.encode(bytes(whole[:-64]) + bytes(64)), "code-signature-invalid"),
        Case("signature short", hc1.encode(bytes(whole[:-66]) + b"X?" + bytes(whole[-63:])), "code-signature-invalid"),
        Case("no claims of ours", resigned(signer, cbor2.dumps({1: BASE})), "code-unreadable"),
        Case("EU claims under our key", said(eu={1: {}}), "code-unreadable"),
        Case("unknown kind", said(ours={0: 9, 1: "x"}), "code-unreadable"),
        Case("no such day", said(ours={0: 1, 1: "x", 2: 19900231}), "code-unreadable"),
        Case("name is no text", said(ours={0: 1, 1: 5}), "code-unreadable"),
        Case("after its signer", text, "code-signer-invalid", timedelta(days=4000)),
        Case("expired", text, "code-expired", timedelta(days=90)),
        Case("from the future", said(issued=unix(NOW) + 31), "credential-not-yet-valid"),
        Case("not before", said(begins=unix(NOW) + 31), "credential-not-yet-valid"),
        Case("within the skew", said(issued=unix(NOW) + 29)),
        Case("phone's code, old", code, "code-expired", timedelta(seconds=75)),
        Case("phone's code, just in time", code, "", timedelta(seconds=74)),
        Case("phone's clock ahead", phone.code(NOW + timedelta(seconds=31)), "clock-skew"),
        Case("phone's certificate over", phone.code(NOW + timedelta(days=7)), "code-expired", timedelta(days=7)),
        Case("phone's signature", device(len(raw) - 1, raw[-1] ^ 1), "code-signature-invalid"),
        Case("phone's time", device(len(raw) - 65, raw[-65] ^ 1), "code-signature-invalid"),
        Case("certificate's name", device(56, raw[56] ^ 1), "code-signature-invalid"),
        Case("certificate's index", device(19, raw[19] ^ 1), "code-signature-invalid"),
        Case("another phone's key", device(40, raw[40] ^ 1), "code-signature-invalid"),
        Case("no version", device(0, 0x21), "code-unreadable"),
        Case("no sex", device(54, (raw[54] & 0xF0) | 5), "code-unreadable"),
        Case("no hours", "YM2:" + base45.encode(bytes(raw[:13]) + bytes(2) + bytes(raw[15:])), "code-unreadable"),
        Case("signer's key id", device(3, raw[3] ^ 1), "code-issuer-unknown"),
        Case("control character in the name", device(55, 7), "code-unreadable"),
        Case("phone's code too long", "YM2:" + base45.encode(bytes(raw) + bytes(60)), "code-unreadable"),
        Case("health card changed", card_changed, "code-signature-invalid"),
        Case("health card cut", "shc:/" + digits[:-3], "code-unreadable"),
        Case("health card of others", shc.encode(shc.decode(card).replace("eyJ", "eyK", 1)), "code-unreadable"),
    ]  # fmt: skip
    lists = await fetched(trust.Publisher(db, keys, BASE), NOW)
    found = [one.get("refused", "") for one in judged(run, lists, cases)]
    expected = {case.name: case.expected for case in cases}
    assert dict(zip(expected, found, strict=True)) == expected
    assert dict(zip(expected, by_python(lists, cases), strict=True)) == expected


async def test_lists_decide_as_they_age(run, issuing: Issuing, db: Database, keys: FileKeyStore) -> None:
    good, _ = await issuing.card(NOW)
    revoked, place = await issuing.card(NOW)
    await issuing.revoke(place, NOW)
    lists = await fetched(trust.Publisher(db, keys, BASE), NOW)
    hour, day = timedelta(hours=1), timedelta(days=1)
    cases = [
        Case("fresh", good),
        Case("a day", good, "", day),
        Case("seven days less an hour", good, "", 7 * day - 2 * hour),
        Case("seven days", good, "status-list-stale", 7 * day),
        Case("revoked", revoked, "credential-revoked"),
        Case("revoked, by an old list", revoked, "credential-revoked", 8 * day),
        Case("forged, by an old list", changed(good, 60), "code-signature-invalid", 8 * day),
        Case("a clock set back", good, "clock-skew", -hour),
    ]
    found = judged(run, lists, cases)
    assert [one.get("refused", "") for one in found] == [case.expected for case in cases]
    assert [one.get("old") for one in found[:3]] == [False, True, True]
    # Python has no opinion on the age of the trust list itself, which is what a clock set back shows first.
    assert by_python(lists, cases[:-1]) == [case.expected for case in cases[:-1]]


async def test_a_signer_that_is_not_valid_yet(run, issuing: Issuing, db: Database, keys: FileKeyStore) -> None:
    text, _ = await issuing.card(NOW)
    lists = await fetched(trust.Publisher(db, keys, BASE), NOW)
    early = VERIFY.replace(
        "signer: (id) => signers.get(id)", "signer: (id) => ({ ...signers.get(id), notBefore: now + 31 })"
    )
    case = {"text": text, "now": unix(NOW)}
    sets = [{"trust": lists.trust, "status": lists.status, "at": unix(NOW), "cases": [case]}]
    found = run(early, {"roots": lists.roots, "sets": sets})
    assert [one.get("refused") for one in found] == ["code-signer-invalid"]


async def test_without_lists_nothing_is_believed(run, issuing: Issuing) -> None:
    text, _ = await issuing.card(NOW)
    out = run(
        'import { verifyOffline } from "./offline/verify.js";\n'
        "console.log(JSON.stringify(await verifyOffline(input.text, undefined, input.now).catch((e) => e.code)));",
        {"text": text, "now": unix(NOW)},
    )
    assert out == "lists-missing"


async def test_a_revoked_signer_takes_its_credentials_along(
    run, issuing: Issuing, db: Database, keys: FileKeyStore
) -> None:
    later = NOW + timedelta(days=1)
    text, _ = await issuing.card(later)
    signer = await issuing.signer("identity", later)
    async with db.transaction() as c:
        await trust.revoke_signer(c, signer.key_id, reason="test", by="operator", now=later)
    lists = await fetched(trust.Publisher(db, keys, BASE), later)
    cases = [Case("of a revoked signer", text, "code-signer-invalid", timedelta(days=1))]
    assert (
        [one.get("refused") for one in judged(run, lists, cases)] == by_python(lists, cases) == ["code-signer-invalid"]
    )


LISTS = """
import { readRoots, readStatusList, readTrustList } from "./offline/trust.js";
const tried = async (work) => {
  try { await work(); return "believed"; } catch (e) { if (e.code) return e.code; throw e; }
};
const known = await readTrustList(input.trust[0], readRoots(input.roots), input.now);
const out = [];
for (const { text, roots = input.roots, now = input.now, seen = 0 } of input.trusts) {
  out.push(await tried(() => readTrustList(text, readRoots(roots), now, seen)));
}
for (const { text, now = input.now } of input.statuses) {
  out.push(await tried(() => readStatusList(text, known.signers, now)));
}
console.log(JSON.stringify(out));
"""


async def test_lists_of_others_are_not_believed(run, issuing: Issuing, db: Database, keys: FileKeyStore) -> None:
    now = NOW + timedelta(days=2)  # the test before this one published lists of the day between
    publisher = trust.Publisher(db, keys, BASE)
    lists = await fetched(publisher, now)
    text, status = lists.trust[0], lists.status[0]
    head, body, signature = text.split(".")
    wrong = signature[:-2] + ("AA" if signature[-2:] != "AA" else "QQ")
    blocks = lists.roots.split("-----END CERTIFICATE-----")
    one_root = blocks[1] + "-----END CERTIFICATE-----" if len(blocks) > 2 else lists.roots
    trusts = [
        {"text": text},
        {"text": lists.trust[1]},
        {"text": text, "seen": 10_000},
        {"text": f"{head}.{body}.{wrong}"},
        {"text": f"{head}.{body[:-4]}AAAA.{signature}"},
        {"text": f"{lists.trust[1].split('.')[0]}.{body}.{signature}"},
        {"text": text, "now": unix(now) - 3600},
        {"text": text, "now": unix(now + timedelta(days=9000))},
        {"text": status},
        {"text": "a.b.c"},
        {"text": text, "roots": one_root},
        {"text": lists.trust[1], "roots": one_root},
    ]
    statuses = [
        {"text": status},
        {"text": status[:-2] + ("AA" if status[-2:] != "AA" else "QQ")},
        {"text": status, "now": unix(now) - 3600},
        {"text": text},
        {"text": ""},
    ]
    given = {"roots": lists.roots, "now": unix(now), "trust": lists.trust, "trusts": trusts, "statuses": statuses}
    found = run(LISTS, given)
    assert found[:2] == ["believed", "believed"]
    assert found[2:10] == ["not-trusted"] * 8
    assert sorted(found[10:12]) == ["believed", "not-trusted"], "a root counts for its own family only"
    assert found[12:] == ["believed", *["not-trusted"] * 4]

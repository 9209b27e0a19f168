"""The trust list and the status lists as a scanner reads them: forgeries, age, and the draft's own examples."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cbor2
import cwt
import pytest
from authorities import BASE, House
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from deployments import NOW
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk
from joserfc import jws as other_jws

from yima.crypto import ALGORITHMS, Algorithm
from yima.healthcode import trust
from yima.healthcode.trust import jws, statuslist
from yima.healthcode.trust.certificate import key_id_of
from yima.runtime.errors import Refusal

HOUSES = {algorithm: House(algorithm) for algorithm in ALGORITHMS}
HOUSE = HOUSES["ES256"]
URI = f"{BASE}/.well-known/status-lists/1"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_trust_list_is_read(algorithm: Algorithm) -> None:
    house = HOUSES[algorithm]
    read = house.known()
    assert (read.version, read.issued, read.next_update) == (5, NOW, NOW + timedelta(days=1))
    assert {one.use for one in read.signers.values()} == set(trust.USES)
    one = read.by_key_id(key_id_of(house.signer("identity")[1]))
    assert one is not None
    assert (one.algorithm, one.use, one.revoked, one.status_list) == (algorithm, "identity", None, URI)
    message = b"a credential"
    assert one.key.verify(message, house.signer("identity")[0].sign(message))
    assert read.by_key_id(bytes(8)) is None


def test_another_library_verifies_the_trust_list() -> None:
    certificate = x509.load_der_x509_certificate(HOUSE.signer("trust-list")[1])
    key = jwk.ECKey.import_key(certificate.public_key())  # type: ignore[arg-type]  # the union has more kinds of key
    registry = other_jws.JWSRegistry(algorithms=["ES256"])
    registry.max_header_length = registry.max_payload_length = (
        1 << 20
    )  # a header with a chain is longer than its default
    token = other_jws.deserialize_compact(HOUSE.trust_list(), key, registry=registry)
    assert token.headers()["typ"] == "trust-list+jwt"
    assert b'"version":5' in token.payload


def _resigned(change: Callable[[dict[str, Any]], object]) -> str:
    """A list that its rightful signer signed, with something wrong in what it says."""
    claims = HOUSE.claims()
    change(claims)
    return HOUSE.trust_list(claims)


def _entry(name: str, value: object) -> str:
    return _resigned(lambda claims: claims["signers"][0].update({name: value}))


def _moved_signature() -> str:
    head, payload, _ = HOUSE.trust_list().split(".")
    return f"{head}.{payload}.{HOUSE.trust_list(HOUSE.claims(version=4)).split('.')[2]}"


def _foreign_chain() -> str:
    other = House(seed=8)
    return other.trust_list()


def _own_key_in_our_name() -> str:
    """The attacker signs with a key of their own and shows our chain."""
    other, chain = House(seed=8), HOUSE.trust_list()
    header = dict(jws.read(chain).header)
    return jws.sign(other.signer("trust-list")[0], {k: v for k, v in header.items() if k != "alg"}, HOUSE.claims())


def _foreign_signer_slipped_in() -> str:
    other = House(seed=8)
    return HOUSE.trust_list(
        HOUSE.claims([HOUSE.row("trust-list"), other.row("identity") | {"issuer": key_id_of(HOUSE.issuer)}])
    )


FORGED: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "not a token": lambda: "a.b.c",
    "two joined": lambda: HOUSE.trust_list() * 2,
    "cut short": lambda: HOUSE.trust_list()[:-5],
    "no signature algorithm": lambda: HOUSE.trust_list(alg="none"),
    "another algorithm": lambda: HOUSE.trust_list(alg="HS256"),
    "critical header": lambda: HOUSE.trust_list(crit=["b64"]),
    "another type": lambda: HOUSE.trust_list(typ="statuslist+jwt"),
    "no chain": lambda: HOUSE.trust_list(x5c=[]),
    "chain is no text": lambda: HOUSE.trust_list(x5c=[1, 2]),
    "chain not base64": lambda: HOUSE.trust_list(x5c=["?", "?"]),
    "signature of another version": _moved_signature,
    "signer of another use": lambda: HOUSE.trust_list(use="identity"),
    "foreign root": _foreign_chain,
    "own key in our name": _own_key_in_our_name,
    "foreign signer in it": _foreign_signer_slipped_in,
    "signer under another id": lambda: _entry("kid", jws.encode(bytes(8))),
    "signer for another use": lambda: _entry("use", "shc"),
    "signer of another algorithm": lambda: _entry("alg", "SM2"),
    "signer without issuer": lambda: _entry("issuer", jws.encode(bytes(8))),
    "signer without certificate": lambda: _entry("certificate", ""),
    "no version": lambda: _resigned(lambda claims: claims.pop("version")),
    "version is text": lambda: _resigned(lambda claims: claims.update(version="5")),
    "time of no calendar": lambda: _resigned(lambda claims: claims.update(iat=1 << 62)),
    "from the future": lambda: HOUSE.trust_list(HOUSE.claims(now=NOW + timedelta(minutes=6))),
    "its own signer is not in it": lambda: HOUSE.trust_list(HOUSE.claims([HOUSE.row("identity")])),
    "its own signer is revoked": lambda: HOUSE.trust_list(HOUSE.claims([HOUSE.row("trust-list", revoked=NOW)])),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_trust_list_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        trust.read_trust_list(FORGED[name](), HOUSE.roots, NOW)
    assert refused.value.code == "trust-list-invalid"


@pytest.mark.parametrize(("seen", "accepted"), [(0, True), (5, True), (6, False)])
def test_a_list_older_than_one_seen_is_refused(seen: int, accepted: bool) -> None:
    if accepted:
        assert trust.read_trust_list(HOUSE.trust_list(), HOUSE.roots, NOW, seen).version == 5
        return
    with pytest.raises(Refusal) as refused:
        trust.read_trust_list(HOUSE.trust_list(), HOUSE.roots, NOW, seen)
    assert refused.value.code == "trust-list-old"


def test_a_revoked_signer_is_named_and_not_good() -> None:
    rows = [HOUSE.row("trust-list"), HOUSE.row("identity", revoked=NOW)]
    read = trust.read_trust_list(HOUSE.trust_list(HOUSE.claims(rows)), HOUSE.roots, NOW)
    one = read.by_key_id(rows[1]["key_id"])
    assert one is not None
    assert one.revoked == NOW
    assert not one.good_at(NOW - timedelta(days=1)), "whenever it signed"


@pytest.mark.parametrize(("days", "good"), [(-1, False), (0, True), (365, True), (366, False)])
def test_a_signer_is_good_within_its_dates(days: int, good: bool) -> None:
    one = HOUSE.known().by_key_id(key_id_of(HOUSE.signer("identity")[1]))
    assert one is not None
    assert one.good_at(NOW + timedelta(days=days)) is good


@pytest.mark.parametrize(
    ("age", "word"),
    [(0, "fresh"), (23, "fresh"), (24, "stale"), (167, "stale"), (168, "refuse"), (9999, "refuse")],
)
def test_age_in_hours(age: int, word: str) -> None:
    now = NOW + timedelta(hours=age)
    assert HOUSE.known().freshness(now) == word
    assert trust.read_status_list(HOUSE.status_list([]), HOUSE.known(), NOW).freshness(now) == word


def test_roots_are_read_from_pem() -> None:
    pem = x509.load_der_x509_certificate(HOUSE.root).public_bytes(Encoding.PEM).decode()
    assert trust.read_roots(pem * 2) == HOUSE.roots * 2
    for bad in ("", "nothing", pem[:-40]):
        with pytest.raises(Refusal):
            trust.read_roots(bad)


# --- status lists ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("form", [trust.JWT, trust.CWT])
def test_a_status_list_is_read(algorithm: Algorithm, form: str) -> None:
    house = HOUSES[algorithm]
    read = trust.read_status_list(house.status_list([0, 9, 63], form=form), house.known(), NOW)
    assert [index for index in range(64) if read.is_revoked(index)] == [0, 9, 63]
    assert (read.uri, read.version, read.issued, read.bits) == (URI, 3, NOW, 1)
    assert (read.expires, read.ttl) == (NOW + timedelta(days=7), timedelta(hours=1))
    assert read.is_revoked(64), "of a place that the list has not, nothing good is said"
    assert read.is_revoked(-1)


def test_the_number_of_sm2_is_agreed_on() -> None:
    house, number = HOUSES["SM2"], -70123
    key, certificate = house.signer("status-list")
    times = statuslist.Times(NOW, NOW + timedelta(days=7), timedelta(hours=1))
    said = statuslist.cwt_claims(URI, 1, times, statuslist.compress(bytes(8)), URI)
    data = statuslist.sign_cwt(key, key_id_of(certificate), said, number)
    assert trust.read_status_list(data, house.known(), NOW, number).uri == URI
    with pytest.raises(Refusal):
        trust.read_status_list(data, house.known(), NOW)


@pytest.mark.parametrize(("begins", "ends"), [(1, 300), (-300, -1)], ids=["not yet valid", "expired"])
def test_signers_out_of_date_sign_no_lists(begins: int, ends: int) -> None:
    house = House(seed=9)
    dates = [NOW + timedelta(days=day) for day in (begins, ends)]
    for use in ("trust-list", "status-list"):
        house.signer(use, begins=dates[0], ends=dates[1])
    with pytest.raises(Refusal, match="trust-list-invalid"):
        house.known()
    del house.made["trust-list"]
    known = house.known()  # its own signer is in date, the other one is not
    for form in (trust.JWT, trust.CWT):
        with pytest.raises(Refusal, match="status-list-invalid"):
            trust.read_status_list(house.status_list([], form=form), known, NOW)


# draft-ietf-oauth-status-list, section 4.1 and appendix "Test vectors for Status List encoding"
VECTORS: list[tuple[int, str, dict[int, int]]] = [
    (1, "eNrbuRgAAhcBXQ", {0: 1, 1: 0, 3: 1, 4: 1, 5: 1, 7: 1, 8: 1, 9: 1, 12: 0, 13: 1, 14: 0, 15: 1}),
    (2, "eNo76fITAAPfAgc", {0: 1, 1: 2, 2: 0, 3: 3, 4: 0, 5: 1, 6: 0, 7: 1, 8: 1, 9: 2, 10: 3, 11: 3}),
    (
        1,
        "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAA"
        "AAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb",
        dict.fromkeys([0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345], 1),
    ),
]


@pytest.mark.parametrize(("bits", "lst", "expected"), VECTORS)
def test_the_drafts_examples(bits: int, lst: str, expected: dict[int, int]) -> None:
    said = {"bits": bits, "lst": lst}
    read = trust.read_status_list(HOUSE.status_list([], status_list=said), HOUSE.known(), NOW)
    assert {index: read.status(index) for index in expected} == expected
    places = len(read.content) * 8 // bits
    assert sum(read.status(index) != 0 for index in range(places)) == sum(value != 0 for value in expected.values())
    if bits == 1:
        revoked = [index for index, value in expected.items() if value]
        assert statuslist.pack(places, revoked) == read.content
        assert zlib.decompress(statuslist.compress(read.content)) == read.content


@given(st.sets(st.integers(0, 511)))
def test_the_order_of_bits(revoked: set[int]) -> None:
    content = statuslist.pack(512, revoked)
    # Section 4.1: from the lowest bit of the first byte on; said once more, in another way.
    whole = int.from_bytes(content, "little")
    assert {index for index in range(512) if whole >> index & 1} == revoked


def test_another_library_reads_the_cwt() -> None:
    data = HOUSE.status_list([5], form=trust.CWT)
    key_id = key_id_of(HOUSE.signer("status-list")[1])
    public = HOUSE.signer("status-list")[0].public
    key = cwt.COSEKey.new({1: 2, 3: -7, -1: 1, -2: public.x, -3: public.y, 2: key_id})
    protected, _, payload = cwt.COSE.new().decode_with_headers(data, key)
    claims = cbor2.loads(payload)
    assert protected[16] == "application/statuslist+cwt"
    assert (claims[2], claims[6], claims[65534]) == (URI, int(NOW.timestamp()), 3600)
    assert zlib.decompress(claims[65533]["lst"])[0] == 1 << 5


def test_another_library_reads_the_jwt() -> None:
    certificate = x509.load_der_x509_certificate(HOUSE.signer("status-list")[1])
    key = jwk.ECKey.import_key(certificate.public_key())  # type: ignore[arg-type]  # the union has more kinds of key
    token = other_jws.deserialize_compact(HOUSE.status_list([1]), key, algorithms=["ES256"])
    assert token.headers()["typ"] == "statuslist+jwt"


def _changed(data: bytes, at: int) -> bytes:
    whole = bytearray(data)
    whole[at] ^= 1
    return bytes(whole)


def _bomb() -> bytes:
    return HOUSE.status_list([], status_list={"bits": 1, "lst": jws.encode(zlib.compress(bytes(1 << 22)))})


CWT_LIST, JWT_LIST = HOUSE.status_list([1], form=trust.CWT), HOUSE.status_list([1])
BAD_LISTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": "状态".encode,
    "a trust list": lambda: HOUSE.trust_list().encode(),
    "signer of another use": lambda: HOUSE.status_list([], use="identity"),
    "signer of another use, CWT": lambda: HOUSE.status_list([], form=trust.CWT, use="identity"),
    "foreign signer": lambda: House(seed=8).status_list([]),
    "foreign signer, CWT": lambda: House(seed=8).status_list([], form=trust.CWT),
    "signature changed": lambda: _changed(JWT_LIST, -3),
    "signature changed, CWT": lambda: _changed(CWT_LIST, -3),
    "a bit changed, CWT": lambda: _changed(CWT_LIST, -80),
    "bytes after it, CWT": lambda: CWT_LIST + b"\0",
    "cut short, CWT": lambda: CWT_LIST[:-1],
    "a bomb": _bomb,
    "three bits": lambda: HOUSE.status_list([], status_list={"bits": 3, "lst": "eNrbuRgAAhcBXQ"}),
    "not zlib": lambda: HOUSE.status_list([], status_list={"bits": 1, "lst": "AAAA"}),
    "not base64url": lambda: HOUSE.status_list([], status_list={"bits": 1, "lst": "eNrbuRgAAhcBXQ=="}),
    "no list": lambda: HOUSE.status_list([], status_list=None),
    "from the future": lambda: HOUSE.status_list([], iat=int(NOW.timestamp()) + 301),
    "time of no calendar": lambda: HOUSE.status_list([], iat=1 << 60),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_bad_status_list_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        trust.read_status_list(BAD_LISTS[name](), HOUSE.known(), NOW)
    assert refused.value.code == "status-list-invalid"


@given(st.binary(max_size=200), st.booleans())
def test_noise_is_refused(noise: bytes, tagged: bool) -> None:
    with pytest.raises(Refusal):
        trust.read_status_list((b"\xd2" if tagged else b"") + noise, HOUSE.known(), NOW)


def test_a_list_of_a_revoked_signer_is_refused() -> None:
    rows = [HOUSE.row("trust-list"), HOUSE.row("status-list", revoked=NOW)]
    known = trust.read_trust_list(HOUSE.trust_list(HOUSE.claims(rows)), HOUSE.roots, NOW)
    for form in (trust.JWT, trust.CWT):
        with pytest.raises(Refusal):
            trust.read_status_list(HOUSE.status_list([], form=form), known, NOW)


def _delta(*, since: int = 3, version: int = 4, revoked: list[int] | None = None, uri: str = URI) -> bytes:
    key, certificate = HOUSE.signer("status-list")
    later = NOW + timedelta(hours=2)
    times = statuslist.Times(later, later + timedelta(days=7), timedelta(hours=1))
    said = statuslist.delta_claims(uri, since, version, times, revoked or [])
    return statuslist.sign_jwt(key, key_id_of(certificate), trust.DELTA, said)


def test_changes_bring_a_list_up_to_date() -> None:
    held = trust.read_status_list(HOUSE.status_list([1]), HOUSE.known(), NOW)
    later = NOW + timedelta(hours=3)
    now = trust.read_status_delta(_delta(revoked=[8, 9]), held, HOUSE.known(), later)
    assert [index for index in range(64) if now.is_revoked(index)] == [1, 8, 9]
    assert (now.version, now.issued) == (4, NOW + timedelta(hours=2))
    assert not held.is_revoked(8), "the list held before is not touched"


@pytest.mark.parametrize(
    "changes",
    [
        {"since": 4, "version": 5}, {"since": 1, "version": 2}, {"revoked": [64]}, {"revoked": [-1]},
        {"uri": f"{BASE}/.well-known/status-lists/2"},
    ],
)  # fmt: skip
def test_changes_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    held = trust.read_status_list(HOUSE.status_list([1]), HOUSE.known(), NOW)
    with pytest.raises(Refusal) as refused:
        trust.read_status_delta(_delta(**changes), held, HOUSE.known(), NOW + timedelta(hours=3))
    assert refused.value.code == "status-list-invalid"

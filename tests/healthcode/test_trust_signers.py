"""Signers take turns, sign so much and no more, and are the same for every worker; the log of what they signed."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import datetime, timedelta

import asyncpg
import pytest
from deployments import NOW, SeededKeys

from yima.crypto import Algorithm, SigningKey, signing_key
from yima.healthcode import trust
from yima.healthcode.trust.certificate import Use
from yima.healthcode.trust.signers import signer_key
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id

KEYS = SeededKeys(31)
PROOFED = trust.Proofing("resident", "platform", "sign-in", "substantial")
DAY = timedelta(days=1)
SMALL = trust.Rules(cap=40, status_bits=64)
"""Forty credentials, sixty-four places: as full as a real list gets, and more."""


async def turn(
    db: Database, use: Use, now: datetime = NOW, rules: trust.Rules = SMALL, algorithm: Algorithm = "ES256"
) -> trust.Signer:
    """Whose turn it is."""
    return await db.retry(lambda c: trust.signer(c, KEYS, algorithm, use, now, rules))


async def given(
    db: Database, signer: trust.Signer, *, person: int = 0, kind: trust.CredentialKind = "identity", now: datetime = NOW
) -> trust.StatusRef:
    """A place for one more credential."""
    person = person or new_person_id()
    async with db.transaction() as c:
        return await trust.allot(c, person, kind, signer.key_id, now + 30 * DAY, PROOFED, now)


@pytest.mark.parametrize("algorithm", ["ES256", "SM2"])
async def test_the_first_use_makes_the_whole_tree(db: Database, algorithm: Algorithm) -> None:
    signer = await turn(db, "facility", algorithm=algorithm)
    authorities = {one.level: one for one in await trust.authorities(db, [algorithm])}
    root = trust.read_certificate(authorities["root"].certificate)
    chain = [trust.read_certificate(one) for one in signer.chain]
    trust.check_chain(chain, [root], NOW)
    assert (chain[0].der, chain[0].use, chain[0].key) == (signer.certificate, "facility", signer.key.public)
    assert chain[0].key_id == signer.key_id
    assert signer.ends == NOW + 90 * DAY
    assert signer.not_after >= signer.ends + 366 * DAY, "what it signs on its last day lives for a year"


async def test_the_next_signer_is_known_before_it_signs(db: Database) -> None:
    first = await turn(db, "device")
    assert (await turn(db, "device", NOW + 89 * DAY)).key_id == first.key_id
    waiting = [one for one in await trust.signers(db, NOW) if one.use == "device" and one.state == "waiting"]
    second = await turn(db, "device", NOW + 90 * DAY)
    assert [one.key_id for one in waiting] == [second.key_id]
    assert second.not_after >= second.ends + 366 * DAY
    states = {one.key_id: one.state for one in await trust.signers(db, NOW + 90 * DAY) if one.use == "device"}
    assert states[first.key_id] == "resting"
    assert sorted(states.values()) == ["resting", "signing", "waiting"]


async def test_a_worker_whose_clock_is_behind_begins_no_other(db: Database) -> None:
    first = await turn(db, "trust-list", NOW + timedelta(seconds=2))
    assert (await turn(db, "trust-list", NOW)).key_id == first.key_id


async def test_after_a_long_silence_a_signer_with_a_whole_life_begins(db: Database) -> None:
    await turn(db, "shc")
    late = NOW + 400 * DAY
    signer = await turn(db, "shc", late)
    assert signer.ends == late + 90 * DAY
    assert signer.not_after >= signer.ends + 366 * DAY


async def test_workers_that_start_at_once_make_one_signer(db: Database) -> None:
    # `status-list` is asked for by no other test of this module.
    found = await asyncio.gather(*(turn(db, "status-list") for _ in range(8)))
    assert len({one.key_id for one in found}) == 1
    assert len([one for one in await trust.signers(db, NOW) if one.use == "status-list"]) == 2


async def test_the_cap_is_never_passed_and_places_are_given_once(db: Database) -> None:
    first = await turn(db, "identity")
    refs = await asyncio.gather(*(given(db, first) for _ in range(40)))
    assert len({ref.index for ref in refs}) == 40
    assert all(ref.list == first.number and 0 <= ref.index < 64 for ref in refs)
    with pytest.raises(Refusal) as refused:
        await given(db, first)
    assert refused.value.code == "overloaded"
    second = await turn(db, "identity")
    assert second.key_id != first.key_id
    assert (await given(db, second)).list == second.number
    signed = {one.key_id: one.signed for one in await trust.signers(db, NOW)}
    assert (signed[first.key_id], signed[second.key_id]) == (40, 1)


async def test_a_place_is_given_back_with_the_transaction(db: Database) -> None:
    signer = await turn(db, "identity")
    before = next(one.signed for one in await trust.signers(db, NOW) if one.key_id == signer.key_id)

    async def fail_after_allotting() -> None:
        async with db.transaction() as c:
            await trust.allot(c, new_person_id(), "identity", signer.key_id, NOW + DAY, PROOFED, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_allotting()
    assert next(one.signed for one in await trust.signers(db, NOW) if one.key_id == signer.key_id) == before


async def test_what_is_refused(db: Database) -> None:
    signer = await turn(db, "shc", NOW + 500 * DAY)
    now, soon = NOW + 500 * DAY, NOW + 501 * DAY
    table: list[tuple[trust.CredentialKind, bytes, datetime, datetime, str]] = [
        ("shc", bytes(8), soon, now, "signer-unknown"),
        ("identity", signer.key_id, soon, now, "signer-unknown"),
        ("shc", signer.key_id, signer.ends + 2 * DAY, signer.ends, "signer-unknown"),
        ("shc", signer.key_id, now, now, "field-invalid"),
        ("shc", signer.key_id, signer.not_after + DAY, now, "field-invalid"),
    ]
    for kind, key_id, expires, at, code in table:
        with pytest.raises(Refusal) as refused:
            async with db.transaction() as c:
                await trust.allot(c, new_person_id(), kind, key_id, expires, PROOFED, at)
        assert refused.value.code == code, (kind, expires)


async def test_a_revoked_signer_signs_no_more(db: Database) -> None:
    lost = await turn(db, "identity", NOW + 600 * DAY)
    now = NOW + 601 * DAY
    async with db.transaction() as c:
        await trust.revoke_signer(c, lost.key_id, reason="the key was copied", by="operator:test", now=now)
    assert (await turn(db, "identity", now)).key_id != lost.key_id
    with pytest.raises(Refusal):
        await given(db, lost, now=now)
    standing = next(one for one in await trust.signers(db, now) if one.key_id == lost.key_id)
    assert (standing.state, standing.reason) == ("revoked", "the key was copied")
    with pytest.raises(Refusal) as refused:
        async with db.transaction() as c:
            await trust.revoke_signer(c, lost.key_id, reason="again", by="operator:test", now=now)
    assert refused.value.code == "signer-unknown"


async def test_rotation_by_hand(db: Database) -> None:
    now = NOW + 700 * DAY
    first = await turn(db, "identity", now)
    second = await db.retry(lambda c: trust.rotate(c, KEYS, "ES256", "identity", now + DAY, SMALL, by="operator:test"))
    assert second.key_id != first.key_id
    assert (await turn(db, "identity", now + DAY)).key_id == second.key_id
    acts = await db.fetch("select act, by_whom from healthcode.signer_event where key_id = $1", second.key_id)
    assert {(row["act"], row["by_whom"]) for row in acts} == {("made", "platform"), ("begun", "operator:test")}


async def test_credentials_are_logged_seen_and_revoked(db: Database) -> None:
    person, stranger = new_person_id(), new_person_id()
    signer = await turn(db, "device")
    refs = [await given(db, signer, person=person, kind="device") for _ in range(3)]
    other = await given(db, signer, person=stranger, kind="device")
    held = await trust.credentials_of(db, person, NOW)
    assert {one.ref for one in held} == set(refs)
    assert {(one.kind, one.key_id, one.proofing, one.revoked) for one in held} == {
        ("device", signer.key_id, PROOFED, None)
    }
    async with db.transaction() as c:
        assert not await trust.revoke_credential(c, stranger, refs[0], NOW, "holder"), "not theirs"
        assert await trust.revoke_credential(c, person, refs[0], NOW, "holder")
        assert not await trust.revoke_credential(c, person, refs[0], NOW, "holder"), "there is no second time"
        assert await trust.revoke_of(c, person, NOW, "lost") == 2
        assert await trust.revoke_of(c, person, NOW, "lost") == 0
    assert {one.reason for one in await trust.credentials_of(db, person, NOW)} == {"holder", "lost"}
    assert [one.revoked for one in await trust.credentials_of(db, stranger, NOW) if one.ref == other] == [None]
    assert await trust.credentials_of(db, person, NOW + 31 * DAY) == []


async def test_concurrent_revocations_raise_the_version_one_after_the_other(db: Database) -> None:
    signer = await turn(db, "device")
    people = [new_person_id() for _ in range(6)]
    for person in people:
        await given(db, signer, person=person, kind="device")

    async def lose(person: int) -> int:
        return await db.retry(lambda c: trust.revoke_of(c, person, NOW))

    before = await _version(db, signer)
    assert sorted(await asyncio.gather(*(lose(person) for person in people * 2))) == [0] * 6 + [1] * 6
    later = "select version from healthcode.revocation where list = $1 and version > $2"
    versions = [row["version"] for row in await db.fetch(later, signer.number, before)]
    assert len(set(versions)) == 6
    assert max(versions) <= await _version(db, signer)


async def _version(db: Database, signer: trust.Signer) -> int:
    row = await db.fetchrow("select status_version from healthcode.signer where number = $1", signer.number)
    return int(row["status_version"])


@pytest.mark.parametrize("table", ["issuance", "revocation", "status_index", "signer_event", "trust_list", "authority"])
@pytest.mark.parametrize("change", ["update healthcode.{} set {} = {}", "delete from healthcode.{}"])
async def test_the_logs_cannot_be_changed(db: Database, table: str, change: str) -> None:
    column = {"issuance": "kind", "revocation": "reason", "status_index": "holder", "signer_event": "reason"}.get(
        table, "algorithm"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(change.format(table, column, column))


class Device:
    """A key store that signs by itself and gives no secret out, as an HSM."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def secret(self, name: str) -> bytes:
        """Never for these keys."""
        raise AssertionError(name)

    def signing_key(self, algorithm: Algorithm, name: str) -> SigningKey:
        """A key of which only `sign` leaves the device."""
        self.asked.append(name)
        return signing_key(algorithm, hashlib.sha256(name.encode()).digest())


async def test_a_device_may_hold_the_keys(db: Database) -> None:
    device, now = Device(), NOW + 2000 * DAY
    signer = await db.retry(lambda c: trust.signer(c, device, "ES256", "facility", now))
    assert {name.split("/")[2] for name in device.asked} == {"issuer", "signer"}, "the root is not needed any more"
    assert signer.key.public.verify(b"x", signer.key.sign(b"x"))
    assert trust.read_certificate(signer.certificate).key == signer.key.public


async def test_another_deployment_has_other_keys(db: Database) -> None:
    ours = await turn(db, "facility")
    assert signer_key(SeededKeys(32), "ES256", ours.number).public != ours.key.public
    assert signer_key(SeededKeys(31), "ES256", ours.number).public == ours.key.public

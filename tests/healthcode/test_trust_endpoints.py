"""The public lists over HTTP, from a running platform: a scanner that pins the roots believes them and nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest

from support import Platform, code_of
from yima.crypto import Algorithm
from yima.healthcode import trust
from yima.runtime import clock
from yima.runtime.ids import new_person_id

LIST = "/.well-known/trust-list"
PROFILES: dict[Algorithm, str] = {"ES256": "es256", "SM2": "sm2"}
PROOFED = trust.Proofing("resident", "platform", "sign-in", "substantial")


async def scanner(platform: Platform, algorithm: Algorithm) -> trust.Trust:
    """What a scanner knows after it fetched roots and trust list."""
    roots = trust.read_roots((await platform.client.get("/.well-known/trust-roots")).text)
    text = (await platform.client.get(f"{LIST}?profile={PROFILES[algorithm]}")).text
    return trust.read_trust_list(text, roots, clock.now())


async def issue(platform: Platform, algorithm: Algorithm, person: int = 0) -> tuple[int, trust.StatusRef]:
    """A credential of a new person: who, and its place."""
    person, now = person or new_person_id(), clock.now()
    async with platform.database.transaction() as c:
        signer = await trust.signer(c, platform.keys, algorithm, "identity", now)
        place = await trust.allot(c, person, "identity", signer.key_id, now + timedelta(days=9), PROOFED, now)
    return person, place


async def revoke(platform: Platform, person: int) -> None:
    """End every credential of that person; wait until no worker believes the old list any more."""
    async with platform.database.transaction() as c:
        assert await trust.revoke_of(c, person, clock.now()) > 0
    await asyncio.sleep(1.1)


@pytest.mark.parametrize("algorithm", PROFILES)
@pytest.mark.parametrize("form", [trust.JWT, trust.CWT])
async def test_a_revocation_reaches_the_scanner(platform: Platform, algorithm: Algorithm, form: str) -> None:
    known = await scanner(platform, algorithm)
    assert known.freshness(clock.now()) == "fresh"
    assert {one.use for one in known.signers.values()} == set(trust.USES) - ({"shc"} if algorithm == "SM2" else set())
    person, place = await issue(platform, algorithm)
    signer = next(one for one in known.signers.values() if one.status_list == place.uri(platform.base))
    before = await platform.client.get(signer.status_list, headers={"accept": form})
    assert (before.status_code, before.headers["content-type"]) == (200, form)
    held = trust.read_status_list(before.content, known, clock.now())
    assert held.uri == signer.status_list
    assert not held.is_revoked(place.index)
    await revoke(platform, person)
    after = await platform.client.get(signer.status_list, headers={"accept": form})
    assert trust.read_status_list(after.content, known, clock.now()).is_revoked(place.index)
    assert after.headers["etag"] != before.headers["etag"]
    changes = await platform.client.get(f"{signer.status_list}?since={held.version}")
    assert changes.headers["content-type"] == trust.DELTA
    brought = trust.read_status_delta(changes.content, held, known, clock.now())
    assert brought.content == trust.read_status_list(after.content, known, clock.now()).content


@pytest.mark.parametrize(
    "path", [LIST, f"{LIST}?profile=sm2", "/.well-known/trust-roots", "/.well-known/status-lists/1"]
)
async def test_what_is_unchanged_is_not_sent_again(platform: Platform, path: str) -> None:
    await platform.client.get(LIST)
    first = await platform.client.get(path)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"].startswith("public, max-age=")
    for asked in (first.headers["etag"], f'"other", {first.headers["etag"]}', "*"):
        again = await platform.client.get(path, headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await platform.client.get(path, headers={"if-none-match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, trust.JWT), ("*/*", trust.JWT), ("application/*", trust.JWT), (trust.CWT, trust.CWT),
        (f"{trust.JWT};q=0.2, {trust.CWT}", trust.CWT), (f"{trust.CWT};q=0.5, */*;q=0.1", trust.CWT),
        (f"{trust.JWT};q=0, */*", trust.CWT), ("text/html, */*;q=0.8", trust.JWT), ("text/html", ""), ("a;b=c", ""),
        (f"{trust.JWT};q=0", ""), (f"{trust.JWT};q=zwei", ""),
    ],
)  # fmt: skip
async def test_the_form_is_negotiated(platform: Platform, accept: str | None, expected: str) -> None:
    await platform.client.get(LIST)
    request = platform.client.build_request("GET", "/.well-known/status-lists/1")
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    answer = await platform.client.send(request)
    assert answer.headers.get("content-type") == (expected or "application/problem+json")
    if expected:
        assert answer.headers["vary"] == "Accept"
    else:
        assert (answer.status_code, code_of(answer)) == (406, "not-acceptable")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/.well-known/status-lists/999999", 404, "not-found"),
        ("/.well-known/status-lists/0", 404, "not-found"),
        ("/.well-known/status-lists/-1", 404, "not-found"),
        ("/.well-known/status-lists/9999999999999999999", 404, "not-found"),
        ("/.well-known/status-lists/99999999999", 404, "not-found"),
        ("/.well-known/status-lists/%EF%BC%91", 404, "not-found"),  # a full-width 1
        ("/.well-known/status-lists/x", 404, "not-found"),
        ("/.well-known/status-lists/1?since=", 422, "field-invalid"),
        ("/.well-known/status-lists/1?since=-1", 422, "field-invalid"),
        ("/.well-known/status-lists/1?since=99999", 422, "field-invalid"),
        ("/.well-known/status-lists/1?time=1686925000", 501, "not-implemented"),
        (f"{LIST}?profile=rsa", 422, "field-invalid"),
    ],
)
async def test_what_is_refused(platform: Platform, path: str, status: int, code: str) -> None:
    await platform.client.get(LIST)
    answer = await platform.client.get(path)
    assert (answer.status_code, code_of(answer)) == (status, code)


async def test_every_list_is_found_from_the_aggregation(platform: Platform) -> None:
    known = [await scanner(platform, algorithm) for algorithm in PROFILES]
    listed = (await platform.client.get("/.well-known/status-lists")).json()["status_lists"]
    named = {one.status_list for trusted in known for one in trusted.signers.values()}
    assert listed
    assert set(listed) <= named
    for uri in listed:
        assert (await platform.client.get(uri)).status_code == 200


async def test_a_flood_builds_nothing(platform: Platform) -> None:
    publisher = platform.access.publisher
    await platform.client.get(LIST)
    await platform.client.get("/.well-known/status-lists/1")
    built = publisher.built
    answers = await asyncio.gather(*(platform.client.get("/.well-known/status-lists/1") for _ in range(300)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert publisher.built == built


async def test_two_workers_publish_the_same(platform: Platform) -> None:
    other = trust.Publisher(platform.database, platform.keys, platform.base)
    now = clock.now()
    here = await platform.client.get(LIST)
    assert (await other.trust_list("ES256", now)).body == here.content
    lists = await asyncio.gather(*(p.status_list(1, trust.JWT, now) for p in (other, platform.access.publisher)))
    assert lists[0].etag == lists[1].etag


async def test_the_version_rises_with_every_change_and_every_day(platform: Platform) -> None:
    publisher = platform.access.publisher
    roots, now = trust.read_roots((await publisher.roots(clock.now())).body.decode()), clock.now()

    async def fetched(later: timedelta) -> trust.Trust:
        fresh = trust.Publisher(platform.database, platform.keys, platform.base)
        text = (await fresh.trust_list("ES256", now + later)).body.decode()
        return trust.read_trust_list(text, roots, now + later)

    first = await fetched(timedelta())
    assert (await fetched(timedelta(hours=1))).version == first.version
    lost = next(one for one in await trust.signers(platform.database, now) if one.use == "facility")
    async with platform.database.transaction() as c:
        await trust.revoke_signer(c, lost.key_id, reason="lost", by="operator:test", now=now)
    second = await fetched(timedelta(hours=1))
    assert second.version == first.version + 1
    named = second.by_key_id(lost.key_id)
    assert named is not None
    assert named.revoked == now.replace(microsecond=0)
    third = await fetched(timedelta(hours=14))
    assert third.version == second.version + 1
    assert third.issued > second.issued


async def test_a_lists_own_signer_revoked(platform: Platform) -> None:
    known = await scanner(platform, "SM2")
    listed = next(one for one in known.signers.values() if one.use == "identity" and one.status_list)
    number = listed.status_list.rpartition("/")[2]
    signing = next(
        one for one in await trust.signers(platform.database, clock.now())
        if (one.use, one.algorithm, one.state) == ("status-list", "SM2", "signing")
    )  # fmt: skip
    await platform.client.get(f"/.well-known/status-lists/{number}")
    async with platform.database.transaction() as c:
        await trust.revoke_signer(c, signing.key_id, reason="lost", by="operator:test", now=clock.now())
    await asyncio.sleep(1.1)
    known = await scanner(platform, "SM2")
    answer: httpx.Response = await platform.client.get(f"/.well-known/status-lists/{number}")
    assert trust.read_status_list(answer.content, known, clock.now()), "signed again by the next key"

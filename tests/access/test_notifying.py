"""Notices to residents: queued by the watch, sent by the deployment's gateway, tried again, bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from support import Institution, Platform, be_humans, patient, resident_number
from support.gateway import MessageGateway, message_gateway
from yima import healthcode
from yima.access import Order
from yima.directory import Caller
from yima.runtime import clock, jobs

SECRET = "a secret of thirty-two characters"
QUEUE = 3


@pytest.fixture(scope="module")
def gateway() -> Iterator[MessageGateway]:
    with message_gateway() as running:
        yield running


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory, gateway: MessageGateway) -> Any:
    running = await Platform.start(
        database_url, tmp_path_factory.mktemp("notices"), development=True, notice_sender="webhook",
        notice_webhook=gateway.url, notice_webhook_secret=SECRET, notice_queue=QUEUE,
    )  # fmt: skip
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("N")


async def visited(hospital: Institution, phone: str, national: str | None = None) -> int:
    """Somebody with a phone whose code was just scanned."""
    made = await hospital.create(patient(national=national, telecom=[{"system": "phone", "value": phone}]))
    person = Platform.person_of(f"Patient/{made['id']}")
    await hospital.visit(person)
    return person


async def waiting(platform: Platform) -> int:
    async with platform.database.transaction() as c:
        return await jobs.waiting(c, "notice", 100)


async def test_a_notice_is_tried_again_and_says_nothing(
    platform: Platform, hospital: Institution, gateway: MessageGateway
) -> None:
    privacy, number, now = platform.access.privacy, resident_number(), clock.now()
    await visited(hospital, "00000000011", number)
    assert (await privacy.watch(clock.now())).notices == 1
    gateway.status = 503
    assert await privacy.deliver(clock.now()) == 0
    assert await privacy.deliver(clock.now()) == 0, "not before the pause is over"
    assert (len(gateway.got), await waiting(platform)) == (1, 1)
    gateway.status = 204
    assert await privacy.deliver(now + timedelta(seconds=10)) == 1
    (first, said), (second, _) = gateway.got
    assert first["webhook-id"] == second["webhook-id"], "so that a gateway drops what it has sent"
    body = json.loads(said)
    assert "00000000011".endswith(body["data"]["to"])
    assert body["data"].keys() == {"to", "text"}
    assert number not in said.decode()
    assert hospital.code not in said.decode(), "never where, never who"
    assert await privacy.deliver(now + timedelta(hours=1)) == 0
    assert (await privacy.watch(clock.now())).notices == 0, "once for a visit"


async def test_both_sides_hear_that_an_order_took_a_mandate_away(
    platform: Platform, hospital: Institution, gateway: MessageGateway
) -> None:
    access, now = platform.access, clock.now()
    people = [
        patient(birthDate=born, telecom=[{"system": "phone", "value": f"0000000002{n}"}])
        for n, born in enumerate(("1985-03-14", f"{now.year - 6}-01-01"))
    ]
    father, child = [Platform.person_of(f"Patient/{(await hospital.create(one))['id']}") for one in people]
    await access.families.register(child, father, now)
    await be_humans(platform.database, access.vault, "op-1", "op-2")
    one, two = (
        Caller(kind="operator", agent_id=code, rights=frozenset({"suspend"}), proved=now) for code in ("op-1", "op-2")
    )
    numbers = [(await healthcode.card_of(platform.database, person)).number for person in (child, father)]
    order = Order(*numbers, "guardianship-revoked", "某某区人民法院（2026）民特1号", "法院认定其侵害权益", None)
    made = await access.removals.propose(one, order, now)
    assert (await access.privacy.watch(clock.now())).notices == 0, "nobody is warned"
    await access.removals.approve(two, made, clock.now())
    assert (await access.privacy.watch(clock.now())).notices == 2
    assert await access.privacy.deliver(clock.now()) == 2


async def test_the_queue_is_bounded_and_gives_up(
    platform: Platform, hospital: Institution, gateway: MessageGateway
) -> None:
    privacy = platform.access.privacy
    for n in range(QUEUE + 2):
        await visited(hospital, f"000000001{n:02d}")
    assert (await privacy.watch(clock.now())).notices == QUEUE
    assert await waiting(platform) == QUEUE
    gateway.status, now = 500, clock.now()
    for n in range(12):
        await privacy.deliver(now + timedelta(hours=2 * n))
    assert await waiting(platform) == 0
    assert not await jobs.dead(platform.database), "given up and counted; nothing for an operator to clear away"

"""`yima register gateway` and the demo's apps: what the command does, without a process for each case."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support import Institution, Platform
from yima.cli import registering
from yima.runtime import clock
from yima.runtime.errors import Refusal


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


async def register(hospital: Institution, app_id: str = "app", family: str = "card", **options: Any) -> Any:
    given = {"terminals": (hospital.terminal,), "dialect": "national", "rights": ()} | options
    return await registering.gateway(hospital.platform.access, hospital.code, app_id, family, **given)


async def test_secrets_are_made_shown_once_and_kept_sealed(hospital: Institution) -> None:
    made = await register(hospital, dialect="shenzhen", rights=("organisations",))
    assert len(bytes.fromhex(made.sm4_key)) == len(bytes.fromhex(made.app_secret)) == 16
    assert made.app_secret not in repr(made)
    row = await hospital.platform.database.fetchrow("select * from directory.gateway_app where app_id = 'app'")
    assert made.app_secret.encode() not in bytes(row["secret"])
    found = await hospital.platform.access.gateway.apps.app("app", "card", clock.now())
    assert (found.secret, found.cipher_key.hex(), found.dialect) == (made.app_secret, made.sm4_key, "shenzhen")
    assert found.rights == {"organisations"}
    assert found.secret not in repr(found)
    assert (await register(hospital)).app_secret != made.app_secret


async def test_the_demo_gets_an_app_of_each_family(hospital: Institution) -> None:
    said = await registering.demo_gateway(hospital.platform.access, hospital.code)
    assert set(said) == {"app_id", "app_secret", "sm4_key", "term_id", "open_platform"}
    assert set(said["open_platform"]) == {"app_id", "app_secret", "hospital_id"}
    assert said["open_platform"]["hospital_id"] == hospital.code


async def test_an_app_is_suspended_and_works_again(hospital: Institution) -> None:
    await register(hospital, "on-and-off")
    access = hospital.platform.access
    for seconds, status in ((10, "suspended"), (20, "active")):
        await registering.gateway_status(access, "on-and-off", status)
        later = clock.now() + timedelta(seconds=seconds)  # beyond what a worker remembers
        assert (await access.gateway.apps.app("on-and-off", "card", later)).active is (status == "active")
    for app_id, status, code in (("nobody", "active", "not-found"), ("on-and-off", "away", "field-invalid")):
        with pytest.raises(Refusal) as caught:
            await registering.gateway_status(access, app_id, status)
        assert caught.value.code == code


WRONG: dict[str, dict[str, Any]] = {
    "no terminal": {"terminals": ()},
    "a terminal of another institution": {"terminals": ("ELSEWHERE",)},
    "another family": {"family": "soap"},
    "a right that there is not": {"rights": ("everything",)},
    "an app id with a blank": {"app_id": "a b"},
    "no app id": {"app_id": ""},
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_named(hospital: Institution, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        await register(hospital, **WRONG[name])
    assert caught.value.code == "field-invalid"


async def test_another_institutions_app_a_dialect_and_an_institution_that_there_is_not(hospital: Institution) -> None:
    await register(hospital, "taken")
    other = await hospital.platform.institution("B")
    for work, code in (
        (register(other, "taken"), "field-invalid"),
        (register(hospital, dialect="atlantis"), "setting-invalid"),
        (registering.demo_gateway(hospital.platform.access, "NOWHERE"), "field-invalid"),
    ):
        with pytest.raises(Refusal) as caught:
            await work
        assert caught.value.code == code

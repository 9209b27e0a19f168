"""What was stopped at an institution, shown to its data protection officer and to nobody else."""

from __future__ import annotations

from datetime import timedelta

from support import Platform
from yima import directory, oversight
from yima.runtime import clock


async def test_the_officer_of_an_institution_sees_its_stops_and_nobody_elses(platform: Platform) -> None:
    here, elsewhere = await platform.institution("A"), await platform.institution("B")
    access, now = platform.access, clock.now()
    async with platform.database.transaction() as c:
        officers = [
            await directory.register_practitioner(
                c, directory.Practitioner(0, at, "P1", "周宁", "Zhou Ning", "", "", "", role="protection-officer")
            )
            for at in (here.number, elsewhere.number)
        ]
        left = directory.Practitioner(0, here.number, "D9", "韩冰", "Han Bing", "", "", "")
        await directory.set_practitioner_status(c, await directory.register_practitioner(c, left), "suspended")
        lifted = now - timedelta(days=2)
        await oversight.put_stop(c, here.practitioner, here.number, "glass-unexplained", 3, "platform", lifted)
        await directory.stop_practitioner(c, here.practitioner)
    await directory.set_terminal_status(platform.database, here.terminal, "suspended")

    async def page(officer: int, lang: str = "zh") -> str:
        ticket = access.callers.open_ticket(access.callers.ticket("clinician", str(officer)))
        cookie = access.callers.session(*ticket, now)
        headers = {"cookie": f"yima_clinician={cookie}; yima_lang={lang}"}
        first = await platform.client.get("/clinician/", headers=headers)
        assert first.headers["location"] == "/clinician/stops", "they scan nobody"
        answer = await platform.client.get("/clinician/stops", headers=headers)
        assert answer.status_code == 200
        return answer.text

    said = await page(officers[0])
    for word in ("工号 D1", "无法解释的紧急调阅 3 次", "第 1 号", "联系平台运营方", "韩冰", here.terminal):
        assert word in said, word
    assert "3 emergency accesses that nothing explains" in await page(officers[0], "en")
    other = await page(officers[1])
    assert "没有人员或终端被暂停" in other
    assert "工号 D1" not in other

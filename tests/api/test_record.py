"""/record: the overview as plain JSON, of what the asker may see, and on the person's log."""

from __future__ import annotations

import pytest
from town import Town, build

from support import Platform, assert_refused
from yima.runtime import ids


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await build(platform)


async def test_home_timeline_stages_and_quality(town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    about = f"/record/{town.sam_at_a.patient.removeprefix('Patient/')}"
    home = (await town.b.call("GET", about, visit=visit)).json()
    assert {"tags", "basics", "services", "problems", "suggestions", "withheld"} <= home.keys()
    assert [one["class"] for one in home["withheld"]] == ["psychiatric"]
    sources = {source for one in home["problems"] for source in (one["source"], *one["others"])}
    assert sources == {town.sam_at_b.condition}  # A's note is closed to B: not even as a source of a line
    timeline = (await town.b.call("GET", f"{about}/timeline", visit=visit)).json()
    assert timeline["total"] == len(timeline["episodes"]) == 3
    assert town.sam_at_a.condition not in str(timeline)
    year = timeline["episodes"][0]["start"][:4]
    for asked, total in ((f"?year={year}", 3), ("?year=1999", 0), ("?kind=birth", 0), ("?_count=1", 3)):
        found = (await town.b.call("GET", f"{about}/timeline{asked}", visit=visit)).json()
        assert (found["total"], len(found["episodes"])) == (total, 1 if "_count" in asked else total)
    stages = (await town.b.call("GET", f"{about}/stages", visit=visit)).json()
    assert stages["stages"] == []
    quality = (await town.b.call("GET", f"{about}/quality", visit=visit)).json()
    assert next(one["code"] for one in quality["parts"] if one["expected"] and not one["count"]) == "contacts"


async def test_who_may_not_see_learns_nothing(town: Town) -> None:
    about = f"/record/{town.ann.patient.removeprefix('Patient/')}"
    assert_refused(await town.b.call("GET", about), 404, "not-found")
    assert_refused(await town.b.call("GET", f"/record/{ids.new_resource_id(town.ann.person)}"), 404, "not-found")
    assert_refused(await town.a.call("GET", f"{about}/timeline?shape=round"), 400, "search-parameter-unknown")
    assert_refused(await town.a.call("GET", f"{about}/timeline?_count=many"), 400, "search-value-invalid")
    own = (await town.a.call("GET", about)).json()  # its own submissions, its own psychiatric note among them
    assert town.ann.condition in str(own["problems"])


async def test_the_read_is_on_the_persons_log(platform: Platform, town: Town) -> None:
    async def lines() -> int:
        row = await platform.database.fetchrow(
            "select count(*) from audit.event where person_id = $1 and action = 'read'", town.ann.person
        )
        return int(row[0])

    before = await lines()
    await town.a.call("GET", f"/record/{town.ann.patient.removeprefix('Patient/')}/quality")
    await town.a.call("GET", f"/fhir/{town.ann.patient}/$summary")
    assert await lines() == before + 2

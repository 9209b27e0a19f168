"""The closed lists: two languages, forms of codes, and how scenes refine steps."""

from __future__ import annotations

import re

import pytest

from yima import healthcode
from yima.healthcode import (
    CHANNELS,
    COST_TYPES,
    DEPARTMENTS,
    SCENES,
    STEPS,
    VISIT_TYPES,
    department_of,
    scene_fits,
    step_of,
)

TABLES = {name: table for name in healthcode.__all__ if isinstance(table := getattr(healthcode, name), dict)}


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_its_code_and_both_languages(name: str) -> None:
    for code, term in TABLES[name].items():
        assert term.code == code
        assert re.search("[\u4e00-\u9fff]", term.zh)
        assert re.search("[a-z]", term.en)
    assert len({term.zh for term in TABLES[name].values()}) == len(TABLES[name])


def test_the_forms_of_the_codes() -> None:
    assert all(re.fullmatch(r"\d{6}", code) for code in set(STEPS) - set(SCENES))
    assert all(re.fullmatch(r"0[12]01\d{3,4}", code) for code in SCENES)
    assert all(re.fullmatch(r"\d{4}", code) for table in (CHANNELS, DEPARTMENTS, COST_TYPES) for code in table)
    assert set(VISIT_TYPES) == set("IOEHT")


def test_scenes_refine_the_steps_and_may_stand_for_them() -> None:
    assert set(SCENES) <= set(STEPS)
    for code, scene in SCENES.items():
        assert scene.step in set(STEPS) - set(SCENES)
        assert step_of(code) == scene.step
        assert scene_fits(scene.step, code)
        assert scene_fits(code, code)
    assert step_of("010103") == "010103"


@pytest.mark.parametrize(
    ("step", "scene", "fits"),
    [
        ("010101", "0101012", True),
        ("010105", "0101012", False),
        ("0101011", "0101012", False),
        ("000000", "0201032", True),
        ("010101", "0201032", False),
        ("010101", "0101019", False),
        ("010101", "", False),
    ],
)
def test_which_scene_fits_which_step(step: str, scene: str, fits: bool) -> None:
    assert scene_fits(step, scene) is fits


def test_an_institutions_own_department_stands_under_a_national_one() -> None:
    assert department_of("0300") is DEPARTMENTS["0300"]
    assert department_of("030001") is DEPARTMENTS["0300"]
    assert department_of("9999") is None

"""The matching model: how much every level speaks for or against one person. A versioned JSON file; the same in real
time and in bulk. Reading it is the only I/O here: the file in the wheel, or the one that the deployment has chosen."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from yima.mpi.compare import LEVELS
from yima.mpi.normalise import VERSION
from yima.runtime.errors import Refusal

_VERSION: Final = re.compile(r"[^/\\*?\[\x00-\x1f]{1,64}")
NEWEST: Final = "2026.2"
"""The model that decides where a deployment has not chosen one of its own."""


class Weight(msgspec.Struct, frozen=True):
    """How often a level is seen among pairs of one person (`m`) and among pairs of two (`u`); both in (0, 1]."""

    m: float
    u: float

    @property
    def bits(self) -> float:
        """log2(m / u): how much the level speaks for one person, or below 0 against."""
        return math.log2(self.m / self.u)


class Names(msgspec.Struct, frozen=True):
    """How common names are: 290,000 people are called 张伟, so that the same name says less of them."""

    rare: float
    """Of a name that is not in `frequency`."""
    frequency: dict[str, float] = {}
    """`Fields.name` -> share of the people who have it."""


class Thresholds(msgspec.Struct, frozen=True):
    """Probabilities at and above which a pair may be linked automatically or is shown to a steward; and by how many
    bits the best candidate must lead the next."""

    automatic: float
    review: float
    margin: float


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model file as it stands."""

    version: str
    normaliser: int
    """Version of the normaliser whose fields it was made for."""
    made: str
    by: str
    """`reasoned`, or the engine and data it was trained with."""
    note: str
    prior: float
    """Chance that two people drawn at random are one: 1 / size of the population."""
    comparisons: dict[str, dict[str, Weight]]
    names: Names
    thresholds: Thresholds

    def __hash__(self) -> int:
        return hash(self.version)  # what it holds is compared as a whole; dictionaries have no hash

    def bits(self, comparison: str, level: str, name: str = "") -> float:
        """The weight of a level in bits; 0 of `unknown`. `name`: the shared name, its frequency is the u of `exact`."""
        if level == "unknown":
            return 0.0
        weight = self.comparisons[comparison][level]
        if comparison == "name" and level == "exact":
            return math.log2(weight.m / self.names.frequency.get(name, self.names.rare))
        return weight.bits

    @property
    def prior_bits(self) -> float:
        """log2 of the prior odds."""
        return math.log2(self.prior / (1 - self.prior))


def read_model(text: bytes | str) -> Model:
    """A model file, checked. Refusal `model-invalid` names what is wrong."""
    try:
        model = msgspec.json.decode(text, type=Model)
    except msgspec.DecodeError as error:
        raise Refusal("model-invalid", field="model", reason=str(error)) from error
    if {name: tuple(levels) for name, levels in model.comparisons.items()} != LEVELS:
        raise Refusal("model-invalid", field="comparisons", reason="comparisons and levels are those of mpi/compare.py")
    check_version(model.version)
    for name, levels in model.comparisons.items():
        for level, weight in levels.items():
            if not (0 < weight.m <= 1 and 0 < weight.u <= 1):
                raise Refusal("model-invalid", field=f"{name}.{level}", reason="m and u lie above 0 and not above 1")
    shares = (model.prior, model.names.rare, *model.names.frequency.values())
    bounds = (model.thresholds.review, model.thresholds.automatic)
    if not all(0 < share < 1 for share in shares) or not 0 < bounds[0] <= bounds[1] < 1 or model.thresholds.margin < 0:
        raise Refusal("model-invalid", field="model", reason="a share or threshold is out of its range")
    return model


def check_version(version: str) -> None:
    """Refusal `model-invalid` for what cannot be the name of a file and of a folder."""
    if not _VERSION.fullmatch(version):
        reason = r"1 to 64 characters, none of / \ * ? [ and no control characters"
        raise Refusal("model-invalid", field="version", reason=reason)


_chosen: list[Model] = []
"""The deployment's own model, of the whole process; empty for the one of the wheel."""


def read_model_file(path: Path) -> Model:
    """A model file for this version's normaliser. Refusals `input-unreadable`, `model-invalid`."""
    if not path.is_file():
        raise Refusal("input-unreadable", field=str(path), reason="there is no such file")
    model = read_model(path.read_bytes())
    if model.normaliser != VERSION:
        reason = f"it was made for normaliser {model.normaliser}, this is {VERSION}"
        raise Refusal("model-invalid", field="normaliser", reason=reason)
    return model


def use_model(path: Path | None) -> None:
    """From now on this process decides by the model in a file; None: by the one of the wheel.

    Refusals as of `read_model_file`.
    """
    _chosen[:] = [read_model_file(path)] if path else []


def model_named(version: str = "") -> Model:
    """A model of the wheel; without a version the one that decides. Refusal `model-invalid` where there is none."""
    return _chosen[0] if _chosen and not version else _of_wheel(version or NEWEST)


@lru_cache(8)
def _of_wheel(version: str) -> Model:
    file = files(__package__).joinpath("models", f"{version}.json")
    if not version.replace(".", "").isalnum() or not file.is_file():
        raise Refusal("model-invalid", field=version[:32], reason="there is no model of this version")
    return read_model(file.read_bytes())


def differences(old: Model, new: Model) -> dict[str, tuple[float, float]]:
    """What changed between two models, in bits a level (prior and thresholds as they are): name -> (old, new).

    Differences below a thousandth are left out; so are name frequencies, of which only the number is given.
    """
    before, after = _flat(old), _flat(new)
    return {key: (before[key], after[key]) for key in before if abs(before[key] - after[key]) >= 0.001}


def _flat(model: Model) -> dict[str, float]:
    levels: Mapping[str, float] = {
        f"{name}.{level}": weight.bits for name, rows in model.comparisons.items() for level, weight in rows.items()
    }
    bounds = model.thresholds
    return {
        **levels,
        "prior": model.prior_bits,
        "names.rare": math.log2(model.names.rare),
        "names.known": float(len(model.names.frequency)),
        "automatic": bounds.automatic,
        "review": bounds.review,
        "margin": bounds.margin,
    }

"""Rooms are reached through their faces, documented, and spoken of in the words of the glossary.

import-linter (`[tool.importlinter]` in pyproject.toml) proves the order of the rooms; here is what it cannot say.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re

import pytest
from house import ROOMS, SOURCE, Module, imports, modules

FACELESS = {"runtime"}
"""A closed list of files, imported by name; its packages (`postgres`) have faces of their own."""
EXCEPTIONS: dict[tuple[str, str], str] = {}
"""(importing module, imported module) -> why it may pass by the face. Ideally empty."""
PURE = (
    "yima.consent.classes", "yima.consent.decide", "yima.exchange.bundle", "yima.fhir", "yima.healthcode.base45",
    "yima.healthcode.codec", "yima.healthcode.keyring", "yima.healthcode.number",
    "yima.healthcode.national.envelope", "yima.healthcode.national.ids", "yima.healthcode.national.qr",
    "yima.healthcode.national.sm", "yima.healthcode.national.tables", "yima.healthcode.national.token",
    "yima.healthcode.profiles",
    "yima.healthcode.tables", "yima.mpi.compare", "yima.mpi.decide",
    "yima.mpi.documents", "yima.mpi.explain", "yima.mpi.fields", "yima.mpi.heard", "yima.mpi.keys", "yima.mpi.match",
    "yima.mpi.names", "yima.mpi.normalise", "yima.mpi.places", "yima.mpi.registration", "yima.mpi.score",
    "yima.oversight.scoring",
    "yima.records.overview", "yima.synth", "yima.terminology.concept", "yima.terminology.grammar",
    "yima.terminology.pattern", "yima.terminology.tree",
)  # fmt: skip
IMPURE = {
    "urllib.request", "urllib.error", "os", "time", "random", "secrets", "uuid", "pathlib", "tempfile", "shutil",
    "io",
}  # fmt: skip
MAY = {
    ("yima.healthcode.number", "secrets"): "only the default of an argument: a test gives its own",
    ("yima.synth.render.bundle", "uuid"): "uuid5, a digest of a name; nothing of it is random",
    ("yima.synth.write", "pathlib"): "the one module of the city that writes files",
}
SYNONYMS = {
    "citizen": "resident", "ehr": "record", "emr": "record", "empi": "mpi", "qrcode": "code", "tenant": "institution",
    "hospital": "institution", "physician": "practitioner", "doctor": "practitioner",
    "user": "resident, practitioner or app",
    "util": "the thing's own name", "utils": "the thing's own name", "helper": "the thing's own name",
    "helpers": "the thing's own name", "manager": "the thing's own name", "constants": "the thing's own name",
}  # fmt: skip
"""Words for which docs/glossary.md has another, or which name nothing."""


def _inner_faces() -> list[str]:
    """Packages inside a room that say what they offer: faces of their own (`healthcode.trust`, `mpi.bulk`)."""
    found = (path for path in SOURCE.glob("*/*/__init__.py") if path.parent.parent.name not in FACELESS)
    return sorted(f"yima.{p.parent.parent.name}.{p.parent.name}" for p in found if "__all__" in p.read_text("utf-8"))


INNER_FACES = _inner_faces()


def _face_of(name: str) -> str:
    """The module through which others reach `name`: the room, a package in it with a face, or for runtime the file."""
    parts = name.split(".")
    inner = ".".join(parts[:3])
    return inner if parts[1] in FACELESS or inner in INNER_FACES else ".".join(parts[:2])


def test_rooms_are_reached_through_their_faces() -> None:
    past = {
        (module.name, target): line
        for module in modules().values()
        for line, target in imports(module)
        if target.startswith("yima.") and target.split(".")[1] in ROOMS
        if target.split(".")[1] != module.room and target != _face_of(target)
    }
    assert sorted(past) == sorted(EXCEPTIONS), f"imports past a face, with their lines: {past}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_page_about_itself(room: str) -> None:
    page = SOURCE / room / "README.md"
    assert page.is_file(), f"{room} has no README.md (purpose, invariants, flow)"
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 120, "one page"


FACES = [*(f"yima.{room}" for room in ROOMS if room not in FACELESS), *INNER_FACES]


@pytest.mark.parametrize("where", FACES)
def test_every_name_of_a_face_is_explained(where: str) -> None:
    face = importlib.import_module(where)
    assert face.__all__, "a face says what it offers"
    for name in face.__all__:
        value = getattr(face, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert inspect.getdoc(value), f"{where}.{name} has no docstring"


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in FACELESS])
def test_a_face_only_gathers_names(room: str) -> None:
    allowed = (ast.ImportFrom, ast.Import, ast.Assign, ast.AnnAssign, ast.Expr)
    extra = [type(node).__name__ for node in modules()[f"yima.{room}"].tree.body if not isinstance(node, allowed)]
    assert not extra, f"code in yima/{room}/__init__.py: {extra}"


def _pure() -> list[Module]:
    return [m for m in modules().values() if any(m.name == name or m.name.startswith(f"{name}.") for name in PURE)]


def test_pure_modules_take_time_chance_and_bytes_as_arguments() -> None:
    assert len(_pure()) > 60
    found = {
        (module.name, target): line
        for module in _pure()
        for line, target in imports(module)
        if target in IMPURE and (module.name, target) not in MAY
        if (module.room, target) != ("synth", "random")  # `Random` of a seed is what the city is made of
    }
    assert not found, found


def test_pure_modules_read_no_clock_and_open_no_file() -> None:
    calls = re.compile(r"\b(open|input|print|\w+\.now|\w+\.today|\w+\.utcnow)$")
    found = [
        f"{module.name}:{node.lineno} {ast.unparse(node.func)}"
        for module in _pure()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and calls.match(ast.unparse(node.func))
    ]
    assert not found, found


def _names(module: Module) -> list[tuple[int, str]]:
    named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return [(node.lineno, node.name) for node in ast.walk(module.tree) if isinstance(node, named)]


def test_names_use_the_words_of_the_glossary() -> None:
    found = []
    for module in modules().values():
        if module.room == "synth":
            continue  # it tells stories of doctors and hospitals, and FHIR never sees those names
        named = [(0, module.name.rpartition(".")[2]), *_names(module)]
        for line, name in named:
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}
            found += [f"{module.name}:{line} {name}: say {SYNONYMS[word]}" for word in words & SYNONYMS.keys()]
    assert not found, found

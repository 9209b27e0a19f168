"""What is measured, by name, in the order of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from bench.cases.asking import asking
from bench.cases.inside import codec, inside
from bench.cases.log import log
from bench.cases.offline import offline_credentials
from bench.cases.primitives import drawing, primitives
from bench.cases.reading import everything, read, search
from bench.cases.storage import disk, extract
from bench.cases.trust import status
from bench.cases.verify import verify
from bench.cases.writing import bundles, create, load
from bench.measure import Line
from bench.stage import Stage

CASES: Final[dict[str, Callable[[Stage], Awaitable[list[Line]]]]] = {
    "verify": verify,
    "codec": codec,
    "primitives": primitives,
    "drawing": drawing,
    "offline": offline_credentials,
    "read": read,
    "search": search,
    "create": create,
    "bundle": bundles,
    "load": load,
    "disk": disk,
    "extract": extract,
    "everything": everything,
    "inside": inside,
    "asking": asking,
    "log": log,
    "status": status,
}
"""Each takes the stage and gives its lines; BenchError when anything failed."""

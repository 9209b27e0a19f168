"""Train the dictionary with which records pack content: `src/yima/records/content_1.dict`, 32 KB.

    .venv/bin/python tools/content_dictionary.py [FILE]     (default: into the current directory)

The same file comes out each time from the same synth and the same libzstd (1.5.7). A dictionary that rows were packed
with is never replaced: without it they do not open. Another one is a second file with the next number (`NUMBER`), which
each frame names.

Only people of `yima.synth` are in it: nobody's record.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import zstandard

from yima import fhir, synth
from yima.runtime import ids

NUMBER = 32_769
"""Numbers from 32,768 on are nobody's (Zstandard, RFC 8878, section 5): this is the first of ours."""
SIZE = 32 * 1024
RESIDENTS, SEED = 60, 20_261
EACH = 900
"""So many of a type at most: half of all resources are Observations."""
SEGMENT, PIECE = 512, 8


def main() -> None:
    """Write the dictionary."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "content_1.dict")
    trained = zstandard.train_dictionary(SIZE, samples(), dict_id=NUMBER, k=SEGMENT, d=PIECE, f=20, accel=1)
    target.write_bytes(trained.as_bytes())
    sys.stdout.write(f"{target}: {len(trained.as_bytes())} bytes, number {trained.dict_id()}\n")


def samples() -> list[bytes]:
    """Resources as they are stored."""
    chance = random.Random(SEED)  # noqa: S311  reproducible, not secret
    everything = [
        row for visit in synth.visits(synth.city(RESIDENTS, SEED)) for row in _stored(visit.bundle, visit, chance)
    ]
    chance.shuffle(everything)
    seen: Counter[str] = Counter()
    kept = []
    for kind, content in everything:
        seen[kind] += 1
        if seen[kind] <= EACH:
            kept.append(content)
    return kept


def _stored(bundle: dict[str, Any], visit: synth.Visit, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """The resources of a visit with ids, references and meta like those that the server sets."""
    home = ids.PersonId(chance.getrandbits(50))
    text = orjson.dumps(bundle).decode()
    for entry in bundle["entry"]:
        name = f"{entry['resource']['resourceType']}/{ids.new_resource_id(home, chance.getrandbits)}"
        text = text.replace(f'"{entry["fullUrl"]}"', f'"{name}"')
    for entry in orjson.loads(text)["entry"]:
        kind, name = entry["fullUrl"].split("/")
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=chance.randrange(300 * 86_400_000))
        meta = {
            "versionId": "1",
            "lastUpdated": at.isoformat(timespec="milliseconds"),
            "source": f"urn:yima:institution:{visit.institution}",
        }
        yield kind, fhir.encode({"resourceType": kind, "id": name, "meta": meta} | _without_head(entry["resource"]))


def _without_head(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key not in ("resourceType", "id", "meta")}


if __name__ == "__main__":
    main()

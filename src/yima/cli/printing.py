"""`yima code card`: a person's printed card as a PDF file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from yima import healthcode
from yima.cli.running import with_access
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

if TYPE_CHECKING:
    from yima.access import Access

_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")


def code_card(
    person: Annotated[str, typer.Argument(help="Person id, as in demo.json.")],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The PDF file to write.")],
    size: Annotated[str, typer.Option("--size", help="id1 (bank card, two sides) or a6 (large type).")] = "id1",
    data: Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")] = None,
) -> None:
    """Write a person's printed card, with the static code, as a PDF. It is on their log."""
    number = ids.person_from_text(person)
    if number is None:
        raise Refusal("field-invalid", field="PERSON", expected="a person id of ten characters")
    if size not in healthcode.CARD_SIZES:
        raise Refusal("field-invalid", field="--size", expected=" or ".join(healthcode.CARD_SIZES))
    out.write_bytes(with_access(data, lambda access: _made(access, number, size)))
    typer.echo(out)


async def _made(access: Access, person: PersonId, size: str) -> bytes:
    now = clock.now()
    card = await access.printing.printed_card(_CALLER, person, now)
    return healthcode.card_pdf([card], size, now=now, font=access.printing.font)

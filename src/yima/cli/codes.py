"""`yima code` and `yima verify-offline`: showing codes and credentials as text, and judging them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from yima import healthcode, mpi
from yima.cli.printing import code_card
from yima.cli.running import with_access
from yima.crypto import ALGORITHMS, Algorithm
from yima.directory import Caller
from yima.healthcode import offline, trust
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text
from yima.runtime.keys import FileKeyStore
from yima.runtime.settings import Settings, load

if TYPE_CHECKING:
    from yima.access import Access

code_app = typer.Typer(no_args_is_help=True, help="Show or verify a health code.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Shown = Literal["static", "dynamic", "identity", "emergency", "shc"]
PROFILES: Final[dict[str, Algorithm]] = {"es256": "ES256", "sm2": "SM2"}
_OPERATOR: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")
_LONGEST_FILE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Held:
    """What a verifier without network holds."""

    trust: offline.Trust
    lists: offline.Lists


async def text_of(access: Access, person: PersonId, kind: Shown, profile: str) -> str:
    """The text of a person's code or credential; a credential is a new one each time, and on the person's log.

    Refusals `card-not-found`, `field-invalid` for another profile, and those of a card that is not in force.
    """
    now = clock.now()
    if kind in ("static", "dynamic"):
        card = await healthcode.card_of(access.database, person)
        keys = FileKeyStore(access.settings.data / "keys.json")
        if kind == "static":
            return healthcode.static_text(card, keys)
        return healthcode.dynamic_text(keys, card.profile, person, now, card.generation)
    if profile not in PROFILES or (kind == "shc" and profile != "es256"):
        raise Refusal("field-invalid", field="--profile", expected="es256" if kind == "shc" else " or ".join(PROFILES))
    algorithm, make = PROFILES[profile], access.credentials
    if kind == "identity":
        return (await make.identity(_OPERATOR, now, person=person, algorithm=algorithm)).text
    if kind == "emergency":  # whoever runs this was asked for it by the holder: the issuance log says on whose word
        return (await make.emergency(_OPERATOR, now, chosen=True, person=person, algorithm=algorithm)).text
    return (await make.health_card(_OPERATOR, now, person=person)).text


async def check_code(access: Access, text: str) -> dict[str, Any]:
    """What a code says, without redeeming it. Refusals as a terminal would get them, but for the one use."""
    keys = FileKeyStore(access.settings.data / "keys.json")
    person, assurance = await healthcode.check(text, access.database, keys, clock.now())
    identity = await mpi.identity(access.database, access.vault, person)
    return {"person": person_text(person), "assurance": assurance, "name": identity.name if identity else None}


def scanned(text: str) -> str:
    """The text to judge: the argument, or for `-` what comes on standard input."""
    return sys.stdin.read(_LONGEST_FILE).rstrip("\r\n") if text == "-" else text


def judge(text: str, held: Held, chosen: Settings) -> dict[str, Any]:
    """What a credential says, as plain values. Refusals of `healthcode.offline.verify`."""
    policy = offline.Policy(
        warn=timedelta(hours=chosen.list_warn_hours),
        refuse=timedelta(hours=chosen.list_refuse_hours),
        sm2_algorithm=chosen.offline_sm2_algorithm,
    )
    return offline.verify(text, held.trust, held.lists, clock.now(), policy).as_json()


def held_in_files(
    files: Sequence[Path], roots: Path | None, lists: Sequence[Path], now: datetime, sm2_algorithm: int
) -> Held:
    """What files hold: trust lists as served, or JWK Sets of other issuers; and status lists as served.

    Refusals `trust-list-invalid`, `status-list-invalid`.
    """
    foreign, own = [], []
    for data in map(_read, files):
        if data.lstrip()[:1] == b"{":
            foreign.append(offline.foreign_trust(data))
        elif roots is None:
            own.append(trust.read_unpinned(data.decode("ascii", "replace")))
        else:
            pinned = trust.read_roots(_read(roots).decode("ascii", "replace"))
            own.append(trust.read_trust_list(data.decode("ascii", "replace").strip(), pinned, now))
    signers = {key_id: one for found in own for key_id, one in found.signers.items()}
    everyone = trust.Trust(0, now, now, signers)
    read = [trust.read_status_list(_list_of(path), everyone, now, sm2_algorithm) for path in lists]
    known = [offline.trust_of(signers.values()), *foreign]
    return Held(
        lambda key_id: next((found for one in known if (found := one(key_id))), None),
        offline.lists_of((one.uri, one) for one in read),
    )


def _list_of(path: Path) -> bytes:
    """A status list as served; an editor's line end after a JWT is left out, the bytes of a CWT are all its own."""
    data = _read(path)
    return data.strip() if data[:1] == b"e" else data


async def held_here(access: Access) -> Held:
    """What this deployment itself publishes."""
    now, publisher = clock.now(), access.publisher
    roots = trust.read_roots((await publisher.roots(now)).body.decode())
    signers: dict[bytes, trust.TrustedSigner] = {}
    for algorithm in ALGORITHMS:
        text = (await publisher.trust_list(algorithm, now)).body.decode()
        signers.update(trust.read_trust_list(text, roots, now).signers)
    everyone = trust.Trust(0, now, now, signers)
    lists = [int(uri.rpartition("/")[2]) for uri in await publisher.aggregation(now)]
    bodies = [(await publisher.status_list(one, trust.CWT, now)).body for one in lists]
    number = access.settings.offline_sm2_algorithm
    read = [trust.read_status_list(body, everyone, now, number) for body in bodies]
    return Held(offline.trust_of(signers.values()), offline.lists_of((one.uri, one) for one in read))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_LONGEST_FILE)


@code_app.command("show")
def code_show(  # noqa: PLR0913, PLR0917  each argument is an option of the command
    person: Annotated[str, typer.Argument(help="Person id, as in demo.json.")],
    static: Annotated[bool, typer.Option("--static", help="The printed code.")] = False,
    dynamic: Annotated[bool, typer.Option("--dynamic", help="The code of this moment (default).")] = False,
    identity: Annotated[bool, typer.Option("--identity", help="A new offline identity credential.")] = False,
    emergency: Annotated[bool, typer.Option("--emergency", help="A new emergency card.")] = False,
    shc: Annotated[bool, typer.Option("--shc", help="A new SMART Health Card with the vaccinations.")] = False,
    profile: Annotated[str, typer.Option(help="es256 or sm2: who signs a credential.")] = "es256",
    qr: Annotated[bool, typer.Option("--qr", help="Draw it in the terminal as well.")] = False,
    data: Data = None,
) -> None:
    """Print the text of a person's health code or of an offline credential made for them now."""
    said: dict[Shown, bool] = {
        "static": static, "dynamic": dynamic, "identity": identity, "emergency": emergency, "shc": shc,
    }  # fmt: skip
    wanted = [kind for kind, asked in said.items() if asked] or ["dynamic"]
    if len(wanted) > 1:
        raise typer.BadParameter("choose one of --static, --dynamic, --identity, --emergency, --shc")
    number = ids.person_from_text(person)
    if number is None:
        raise Refusal("field-invalid", field="PERSON", expected="a person id of ten characters")
    text = with_access(data, lambda access: text_of(access, number, wanted[0], profile.lower()))
    typer.echo(text)
    if qr:
        typer.echo(healthcode.qr_terminal(text))


@code_app.command("verify")
def code_verify(text: Annotated[str, typer.Argument(help="The scanned text.")], data: Data = None) -> None:
    """Check a code as a platform terminal would, without using it up; prints what it says."""
    shown = with_access(data, lambda access: check_code(access, text))
    typer.echo(json.dumps(shown, ensure_ascii=False))


code_app.command("card")(code_card)


def verify_offline(
    text: Annotated[str, typer.Argument(help="The scanned text, or - to read it from standard input.")],
    trust_files: Annotated[
        list[Path] | None,
        typer.Option("--trust", help="A file of /.well-known/trust-list, or a JWK Set of another issuer.", exists=True),
    ] = None,
    status_files: Annotated[
        list[Path] | None, typer.Option("--status", help="A file of /.well-known/status-lists/{n}.", exists=True)
    ] = None,
    roots: Annotated[
        Path | None, typer.Option(help="Pinned roots: a file of /.well-known/trust-roots.", exists=True)
    ] = None,
    data: Data = None,
) -> None:
    """Judge an offline credential. With --trust it needs no database and no network; exit status 0 means valid."""
    chosen = load({"data": data, "development": True})
    if trust_files:
        held = held_in_files(trust_files, roots, status_files or [], clock.now(), chosen.offline_sm2_algorithm)
    else:
        held = with_access(data, held_here)
    shown = judge(scanned(text), held, chosen)
    typer.echo(json.dumps(shown, ensure_ascii=False))

"""The settings of a process: typed, documented, from `yima.toml`, the environment and the command line.

Later sources win: default, file, environment (`YIMA_` and the name in capitals), command line. All mistakes are
reported together, with where they stand and what was expected; the wrong value itself is never repeated, because it
may be a secret. `docs/settings.md` is `describe()`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, cast

from yima.runtime.errors import Refusal
from yima.runtime.setting_rules import (
    Rule,
    ceilings,
    choice,
    ip_address,
    is_database_url,
    is_host,
    is_web_address,
    number,
    read_addresses,
    read_names,
    read_path,
    read_switch,
    text,
)

_PREFIX: Final = "YIMA_"
_FILE: Final = "yima.toml"
_CONTACT_CHARACTERS: Final = 200
_SECRET_CHARACTERS: Final = 32
_EMBEDDED_CONNECTIONS: Final = 96  # max_connections = 100; some stay free for migrations and for looking in


def _setting(default: object, rule: Rule, about: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"rule": rule, "about": about}, repr=not secret)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of one deployment. Frozen: made once by `load`, handed down as an argument."""

    data: Path = _setting(  # noqa: RUF009  it makes a field descriptor, as dataclasses.field does
        Path(".yima"),
        Rule("a path", read_path),
        "Directory of everything Yima keeps on this machine: keys, and the embedded PostgreSQL. "
        "A relative path starts at the working directory.",
    )
    host: str = _setting(
        "127.0.0.1",
        text("a host name or an IP address without brackets", is_host),
        "Address to listen on. Behind a proxy on this machine keep the default.",
    )
    port: int = _setting(8420, number(1, 65535), "TCP port to listen on.")
    base_url: str | None = _setting(
        None,
        text("an http or https address without a closing slash, query or user", is_web_address),
        "Address under which others reach this deployment; stands in tokens, links and FHIR references. "
        "Empty: made from `host` and `port`.",
    )
    database_url: str | None = _setting(
        None,
        text("postgresql://user:password@host:port/database", is_database_url),
        "PostgreSQL 15 or newer of your own. Empty: the embedded one, in `data`.",
        secret=True,
    )
    workers: int = _setting(1, number(1, 64), "Server processes.")
    pool_size: int = _setting(
        16, number(2, 100), "Database connections of one worker. The embedded PostgreSQL takes 96 in all."
    )
    log_format: Literal["json", "console"] = _setting("json", choice("json", "console"), "How log lines are written.")
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", choice("debug", "info", "warning", "error"), "The least important lines that are written."
    )
    language: Literal["zh", "en"] = _setting(
        "zh", choice("zh", "en"), "Language of pages and messages where the reader has not chosen one."
    )
    profile: Literal["INTL", "SM"] = _setting(
        "INTL",
        choice("INTL", "SM"),
        "Family of algorithms in health codes: `INTL` (P-256, SHA-256, AES) or `SM` (SM2, SM3, SM4).",
    )
    development: bool = _setting(
        False,
        Rule("true or false", read_switch),
        "Offers sign-in without a password as any of the synthetic users. Refused unless `host` is a loopback address.",
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        Rule("host names, separated by commas", read_names),
        "Further names under which requests are answered, besides those of `base_url` and `host`. "
        "A request for another name is refused.",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        ("127.0.0.1", "::1"),
        Rule("IP addresses, separated by commas", read_addresses),
        "Addresses of your own proxies, whose X-Forwarded-For says who asks. Let them set that header or add to it, "
        "never pass on what a client wrote alone.",
    )
    sign_in_rate: int = _setting(
        600,
        number(10, 1_000_000),
        "Requests a minute of one network address (a /64 of IPv6) to sign in: tokens, authorisation, introspection, "
        "revocation and the sign-in pages; so many at once too. A refused one counts ten times. Each worker counts for "
        "itself; more get 429.",
    )
    client_rate: int = _setting(
        600,
        number(10, 1_000_000),
        "Requests a minute to the same addresses of one client that proved itself by its key, from wherever; so many "
        "at once too.",
    )
    caller_rate: int = _setting(
        1000,
        number(0, 1_000_000),
        "Requests a second of one app or terminal in one worker, and twice as many at once, so that none takes all; "
        "0 for no limit.",
    )
    max_body_bytes: int = _setting(
        16 * 1024 * 1024,
        number(64 * 1024, 1024**3, " of bytes"),
        "Largest request body; a larger one gets 413 unread.",
    )
    max_bundle_entries: int = _setting(5000, number(1, 100_000), "Most entries of one Bundle; more get 413.")
    page_count_default: int = _setting(50, number(1, 1000), "Results on a page of a search that does not say `_count`.")
    page_count_max: int = _setting(1000, number(1, 10_000), "Most results on a page; a larger `_count` is cut to this.")
    update_create: Literal["sandbox", "all", "none"] = _setting(
        "sandbox",
        choice("sandbox", "all", "none"),
        "Who may create a resource by PUT under an id of its own choice (FHIR update as create). With `all` such ids "
        "are shared by all institutions, first come, first served: let clients use UUIDs.",
    )
    token_seconds: int = _setting(900, number(300, 3600, " of seconds"), "Life of an access token.")
    session_idle_minutes: int = _setting(
        30, number(5, 720, " of minutes"), "After how long without a request a browser must sign in again."
    )
    session_hours: int = _setting(
        12, number(1, 24, " of hours"), "How long a browser stays signed in, however busy it is."
    )
    password_memory_kib: int = _setting(
        19456,
        number(1024, 1024 * 1024, " of KiB"),
        "Memory that the hash of a password takes (Argon2id, two passes). Less than the default is for tests only.",
    )
    visit_seconds: int = _setting(
        8 * 3600, number(300, 7 * 86400, " of seconds"), "How long a scanned code opens the record to the institution."
    )
    break_glass_seconds: int = _setting(
        3600, number(300, 86400, " of seconds"), "How long an emergency access opens the record."
    )
    glass_review_days: int = _setting(
        7, number(1, 60, " of days"), "Days within which the privacy officer owes a verdict on each emergency access."
    )
    glass_unexplained: int = _setting(
        5,
        number(0, 1000),
        "Emergency accesses of one member of staff within `glass_unexplained_hours` that no care explains, from which "
        "on the next is refused and their access suspended; 0 for never. See docs/privacy-officer.md.",
    )
    glass_unexplained_hours: int = _setting(
        24, number(1, 24 * 31, " of hours"), "The time in which `glass_unexplained` counts."
    )
    glass_unjustified: int = _setting(
        2,
        number(0, 100),
        'Verdicts "not justified" on emergency accesses of one member of staff within a year, with which their access '
        "is suspended; 0 for never.",
    )
    signer_days: int = _setting(
        90, number(90, 184, " of days"), "How long one key signs offline credentials before the next takes its turn."
    )
    credential_days: int = _setting(
        366,
        number(1, 3660, " of days"),
        "How long an offline credential may live; the certificates of the keys that sign them outlive it.",
    )
    offline_device_days: int = _setting(
        7,
        number(1, 31, " of days"),
        "How long a phone may make codes for use without a network before it must ask for a new certificate.",
    )
    offline_sm2_algorithm: int = _setting(
        -65537,
        number(-(2**31), -65537),
        "COSE algorithm number of SM2 in offline credentials. None is registered; this one is from the private range, "
        "and all deployments that read each other's credentials must agree on it.",
    )
    list_warn_hours: int = _setting(
        24, number(1, 24 * 30, " of hours"), "Age from which a scanner says that its status list is old."
    )
    list_refuse_hours: int = _setting(
        168,
        number(2, 24 * 60, " of hours"),
        "Age at which a status list ends: a scanner with no newer one refuses offline credentials.",
    )

    national_dialect: str = _setting(
        "national",
        choice("national", "shenzhen", "sichuan"),
        "Code tables of the national card gateway for apps that name none of their own: a table of "
        "`healthcode/national/dialects.toml`.",
    )
    national_mindex_recipe: Literal["keyed", "sm3-type-number-name", "sm3-type-number"] = _setting(
        "keyed",
        choice("keyed", "sm3-type-number-name", "sm3-type-number"),
        "How the national card's person index id is made of document and name. The plain SM3 recipes can be reversed "
        "by trying every document number; choose one only to agree with a card system that uses it.",
    )
    national_code_seconds: int = _setting(
        300, number(30, 3600, " of seconds"), "Life of a dynamic code made for the national gateway."
    )
    card_font: Path | None = _setting(  # noqa: RUF009  it makes a field descriptor, as dataclasses.field does
        None,
        Rule("a path", read_path),
        "Font file with Chinese characters for printed cards (TrueType or OpenType; the first face of a collection). "
        "Empty: the fonts of this machine.",
    )
    matching_model: Path | None = _setting(  # noqa: RUF009  it makes a field descriptor, as dataclasses.field does
        None,
        Rule("a path", read_path),
        "Model file of the person index that `yima link train` made; try it with `yima mpi try-model` first. "
        "Empty: the model of this version.",
    )
    strangers_a_day: int = _setting(
        500,
        number(0, 1_000_000),
        "Persons a day of whom an institution with the right `demographics` may be told but did not register.",
    )
    record_versions_ceiling: int = _setting(
        50_000,
        number(100, 100_000_000),
        "Most versions of resources that one institution may store in one person's record; more get `record-full`. "
        "See docs/operations.md.",
    )
    record_mib_ceiling: int = _setting(
        256,
        number(1, 1_000_000),
        "Most MiB, as they are stored (packed), of one institution in one person's record.",
    )
    misses_a_day: int = _setting(
        100,
        number(10, 1_000_000),
        "Questions by a document's number ($match, $ihe-pix, search) a day that may find nobody; more are answered "
        "while at least one person is found for three misses. See docs/mpi.md.",
    )
    bulk_read_ceiling: int = _setting(
        60,
        number(1, 100_000),
        "Different persons in an hour from which on a member of the staff raises an alarm, whatever their habit; ten "
        "times as many for an app of which no habit is known. See docs/privacy-officer.md.",
    )
    institution_read_ceilings: tuple[tuple[str, int], ...] = _setting(
        (("*", 5_000), ("A", 10_000), ("B", 2_000), ("C", 2_000), ("D", 300)),
        ceilings(1, 1_000_000),
        "Different persons in an hour from which on an app, or an institution with all its apps and staff, raises an "
        "alarm, whatever its habit: by the first letter of the institution's class (WS 218), `*` for all others. Text "
        "as the default, or a TOML table.",
    )
    bulk_read_stop: bool = _setting(
        False,
        Rule("true or false", read_switch),
        "Whether a member of the staff above `bulk_read_ceiling` is suspended at once, until somebody resumes them.",
    )
    objection_days: int = _setting(
        15, number(1, 60, " of days"), 'Days within which the privacy officer owes an answer to "this looks wrong".'
    )
    resident_assurance: Literal["low", "substantial"] = _setting(
        "substantial",
        choice("low", "substantial"),
        "What a resident must have proved to come in by a code sent to a phone. `substantial`: a number that staff "
        "confirmed with the person's document in hand. `low`: also one that stands in a registration only; such a "
        "session opens the record, but gives nobody else access to it.",
    )
    codes_an_hour: int = _setting(
        2000, number(1, 10_000_000), "Most sign-in codes that are made for phones in an hour, all workers together."
    )
    notice_sender: Literal["none", "file", "webhook"] = _setting(
        "none",
        choice("none", "file", "webhook"),
        "How messages reach residents' phones (notices of visits and emergencies, one-time codes): `file` writes "
        "`notices.jsonl` in the data directory, for development; `webhook` posts each to `notice_webhook`.",
    )
    notice_webhook: str | None = _setting(
        None,
        text("an http or https address without a closing slash, query or user", is_web_address),
        "Address of the gateway that sends messages to phones. It is called as Standard Webhooks 1.0 says: "
        "docs/privacy-officer.md.",
    )
    notice_webhook_secret: str | None = _setting(
        None,
        text("at least 32 characters", lambda value: len(value) >= _SECRET_CHARACTERS),
        "What signs the calls of `notice_webhook`; the gateway keeps the same.",
        secret=True,
    )
    notice_queue: int = _setting(
        10_000,
        number(1, 1_000_000),
        "Most notices that wait for their turn; while so many do, further ones are dropped and counted: what they "
        "would say stands on each resident's own page anyway.",
    )
    suspension_days: int = _setting(
        30, number(1, 90, " of days"), "Longest suspension of a card; two people of the operator decide on one."
    )
    public_least: int = _setting(
        10,
        number(1, 1000),
        "A public count of persons that is smaller is shown as smaller than this, not as a number.",
    )
    contact: str = _setting(
        "",
        text(f"at most {_CONTACT_CHARACTERS} characters", lambda value: len(value) <= _CONTACT_CHARACTERS),
        "Whom people ask about this deployment, such as an office and its number; said to the staff of an institution "
        "that is suspended. Empty: the platform's operator.",
    )
    teen_privacy: bool = _setting(
        True,
        Rule("true or false", read_switch),
        "From 14 to 17 a guardian sees the card and the basics only; sensitive classes and decisions are the child's.",
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        address = ip_address(self.host)
        return self.host == "localhost" if address is None else address.is_loopback

    @property
    def public_url(self) -> str:
        """`base_url`, or the address made from host and port; without a closing slash."""
        if self.base_url:
            return self.base_url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def load(
    overrides: Mapping[str, object] | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """The settings of this process.

    `overrides` come from the command line: names of settings, and `config` for the file; None stands for "not given".
    The file is `config`, else `YIMA_CONFIG`, else `yima.toml` in the working directory where there is one.
    Refusal `setting-invalid` names the first mistake, `.also` the others.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    named = given.pop("config", None) or environment.get(f"{_PREFIX}CONFIG")
    path = Path(str(named)).expanduser() if named else (directory or Path.cwd()) / _FILE
    sources = [
        (str(path), _read_file(path, required=named is not None)),
        ("the environment", _from_environment(environment)),
        ("the command line", given),
    ]
    values: dict[str, Any] = {}
    mistakes: list[Refusal] = []
    for source, entries in sources:
        for name, value in entries.items():
            _take(values, mistakes, name, value, source)
    settings = Settings(**values)
    mistakes += _contradictions(settings)
    if mistakes:
        first, *others = mistakes
        first.also = tuple(others)
        raise first
    return settings


_FIELDS: Final[dict[str, Field[Any]]] = {item.name: item for item in fields(Settings)}


def _take(values: dict[str, Any], mistakes: list[Refusal], name: str, value: object, source: str) -> None:
    shown = f"{_PREFIX}{name.upper()}" if source == "the environment" else name
    if name not in _FIELDS:
        mistakes.append(_mistake(shown, "a name that docs/settings.md lists", source))
        return
    rule: Rule = _FIELDS[name].metadata["rule"]
    optional = _FIELDS[name].default is None
    try:
        values[name] = None if optional and value == "" else rule.read(value)
    except ValueError:
        mistakes.append(_mistake(shown, rule.expected, source))


def _mistake(name: str, expected: str, source: str) -> Refusal:
    return Refusal("setting-invalid", field=name, expected=expected, source=source)


def _read_file(path: Path, *, required: bool) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return {}
        raise _mistake("config", "a file that exists", str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _mistake("config", "a TOML file in UTF-8 that this account may read", str(path)) from error
    except tomllib.TOMLDecodeError as error:
        # The parser names line, column and at most a key, never a value.
        raise _mistake("config", f"well-formed TOML ({error})", str(path)) from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    # Names of the tooling (./dev, tests), not settings of the server.
    other = {"YIMA_CONFIG", "YIMA_BROWSER", "YIMA_TESTDATA"}
    return {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(_PREFIX) and name not in other
    }


def _contradictions(settings: Settings) -> Iterator[Refusal]:
    if settings.development and not settings.loopback:
        yield _mistake(
            "development", "false, or a loopback address as host (127.0.0.1, ::1, localhost)", "the settings together"
        )
    if settings.notice_sender == "webhook" and not (settings.notice_webhook and settings.notice_webhook_secret):
        yield _mistake("notice_webhook", "an address, and notice_webhook_secret beside it", "the settings together")
    if settings.list_warn_hours >= settings.list_refuse_hours:
        yield _mistake("list_warn_hours", "less than list_refuse_hours", "the settings together")
    if settings.page_count_default > settings.page_count_max:
        yield _mistake("page_count_default", "at most page_count_max", "the settings together")
    if settings.database_url is None and settings.workers * settings.pool_size > _EMBEDDED_CONNECTIONS:
        expected = f"workers x pool_size of at most {_EMBEDDED_CONNECTIONS} with the embedded PostgreSQL"
        yield _mistake("pool_size", expected, "the settings together")


def describe() -> str:
    """The page `docs/settings.md`, made from the fields."""
    lines = [
        "# Settings",
        "",
        "Written by `yima.runtime.settings.describe()`; a test keeps it true.",
        "",
        "Each setting can stand in a TOML file (`--config FILE` of `serve` and `migrate`, else `YIMA_CONFIG`, else",
        "`yima.toml` in the working directory), in the environment, and for some commands on the command line;",
        "the later of these wins.",
        "An unknown name or a wrong value stops the start, with every mistake named at once.",
        "",
    ]
    for item in fields(Settings):
        rule = cast(Rule, item.metadata["rule"])
        lines += [
            f"## `{item.name}`",
            "",
            item.metadata["about"],
            "",
            f"- environment: `{_PREFIX}{item.name.upper()}`",
            f"- expected: {rule.expected}",
            f"- default: {_shown(item.default)}",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


def _shown(value: object) -> str:
    if value is None or value is MISSING or value == ():
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple) and isinstance(value[0], tuple):
        return "`" + ", ".join(f"{name}={said}" for name, said in value) + "`"
    return f"`{value}`"

"""Settings: where they come from, which source wins, and how mistakes are told."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.runtime.errors import Refusal
from yima.runtime.settings import Settings, describe, load

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def mistakes(raised: Refusal) -> set[str]:
    return {str(refusal.field) for refusal in (raised, *raised.also)}


def test_defaults(tmp_path: Path) -> None:
    settings = load(environment={}, directory=tmp_path)
    assert settings == Settings()
    assert settings.public_url == "http://127.0.0.1:8420"
    assert settings.loopback
    assert not settings.development


def test_later_sources_win(tmp_path: Path) -> None:
    (tmp_path / "yima.toml").write_text(
        'port = 1001\nhost = "::1"\nlanguage = "en"\nallowed_hosts = ["A.example", "b"]'
    )
    settings = load(
        {"port": 1003, "host": None}, environment={"YIMA_PORT": "1002", "YIMA_WORKERS": "3"}, directory=tmp_path
    )
    assert (settings.port, settings.workers, settings.language) == (1003, 3, "en")
    assert settings.public_url == "http://[::1]:1003"
    assert settings.allowed_hosts == ("a.example", "b")


@pytest.mark.parametrize("way", ["override", "environment"])
def test_a_named_file(tmp_path: Path, way: str) -> None:
    path = tmp_path / "other.toml"
    path.write_text('language = "en"')
    if way == "override":
        settings = load({"config": path}, environment={"YIMA_CONFIG": "ignored"}, directory=tmp_path)
    else:
        settings = load(environment={"YIMA_CONFIG": str(path)}, directory=tmp_path)
    assert settings.language == "en"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "84.20"),
        ("port", ""),
        ("port", "٨٤٢٠x"),
        ("host", "a b"),
        ("host", ""),
        ("host", "127.0.0.1:8420"),
        ("base_url", "ftp://yima.example"),
        ("base_url", "https://yima.example/"),
        ("base_url", "https://user:word@yima.example"),
        ("base_url", "yima.example"),
        ("database_url", "mysql://u:p@h/d"),
        ("log_format", "xml"),
        ("language", "fr"),
        ("profile", "sm"),
        ("development", "maybe"),
        ("max_body_bytes", "-1"),
        ("token_seconds", "299"),
        ("token_seconds", "3601"),
        ("data", ""),
        ("data", "~no-such-account/x"),
        ("base_url", "https://yima.example:99999"),
        ("base_url", "http://[::1"),
    ],
)
def test_bad_values_are_named_not_shown(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(Refusal) as caught:
        load(environment={f"YIMA_{name.upper()}": value}, directory=tmp_path)
    assert caught.value.code == "setting-invalid"
    assert caught.value.field == f"YIMA_{name.upper()}"
    assert not caught.value.also
    if len(value) > 5:
        assert value not in caught.value.text("en") + caught.value.mend("en")


@pytest.mark.parametrize(
    "text", ["port = true", 'workers = "two"', "development = 1.5", "allowed_hosts = [1]", "host = 3", "data = {}"]
)
def test_bad_types_in_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "yima.toml").write_text(text)
    with pytest.raises(Refusal) as caught:
        load(environment={}, directory=tmp_path)
    assert caught.value.field == text.split(maxsplit=1)[0]
    assert str(tmp_path / "yima.toml") in caught.value.mend("zh")


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    (tmp_path / "yima.toml").write_text('port = "x"\ncolour = "red"')
    environment = {"YIMA_PROFILE": "none", "YIMA_DATABASE_URI": "postgresql://u:hunter2@h/d", "YIMA_BROWSER": "0"}
    with pytest.raises(Refusal) as caught:
        load({"workers": 0}, environment=environment, directory=tmp_path)
    assert mistakes(caught.value) == {"port", "colour", "YIMA_PROFILE", "YIMA_DATABASE_URI", "workers"}
    assert "hunter2" not in "".join(r.text("en") + r.mend("en") for r in (caught.value, *caught.value.also))


def test_secrets_are_not_in_the_representation() -> None:
    assert "hunter2" not in repr(Settings(database_url="postgresql://u:hunter2@h/d"))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104  that it is refused is the point
        ("::", False),
        ("yima.example", False),
        ("192.0.2.7", False),
    ],
)
def test_development_is_for_this_machine_only(tmp_path: Path, host: str, allowed: bool) -> None:
    environment = {"YIMA_DEVELOPMENT": "true", "YIMA_HOST": host}
    if allowed:
        assert load(environment=environment, directory=tmp_path).development
        return
    with pytest.raises(Refusal) as caught:
        load(environment=environment, directory=tmp_path)
    assert mistakes(caught.value) == {"development"}


def test_workers_share_the_embedded_connections(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        load({"workers": 8, "pool_size": 16}, environment={}, directory=tmp_path)
    assert mistakes(caught.value) == {"pool_size"}
    own = {"YIMA_DATABASE_URL": "postgresql://db.example/yima"}
    assert load({"workers": 8, "pool_size": 16}, environment=own, directory=tmp_path).workers == 8


def test_page_counts_must_agree(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        load({"page_count_max": 20}, environment={}, directory=tmp_path)
    assert mistakes(caught.value) == {"page_count_default"}


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b'secret-word\n= "x"'])
def test_an_unreadable_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "yima.toml").write_bytes(content)
    with pytest.raises(Refusal) as caught:
        load(environment={}, directory=tmp_path)
    assert mistakes(caught.value) == {"config"}
    assert "secret-word" not in caught.value.text("en")


def test_a_missing_named_file(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        load({"config": tmp_path / "none.toml"}, environment={}, directory=tmp_path)
    assert mistakes(caught.value) == {"config"}


def test_empty_means_not_set_where_a_setting_may_be_empty(tmp_path: Path) -> None:
    assert load(environment={"YIMA_DATABASE_URL": "", "YIMA_BASE_URL": ""}, directory=tmp_path) == Settings()


@given(st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(Settings)]), st.text(max_size=20)))
def test_any_text_is_taken_or_refused(values: dict[str, str]) -> None:
    environment = {f"YIMA_{name.upper()}": value for name, value in values.items()}
    with contextlib.suppress(Refusal):  # anything else is a fault
        load(environment=environment, directory=DOCS.parent)


def test_the_page_is_true() -> None:
    assert DOCS.read_text(encoding="utf-8") == describe()


def test_every_setting_is_documented() -> None:
    for item in dataclasses.fields(Settings):
        assert re.search(r"\w.*\.$", item.metadata["about"]), item.name

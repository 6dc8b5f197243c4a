"""How settings are read, and how everything wrong with them is told at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from apps.web.settings import Kind, Secret, Setting, SettingsInvalid, load, origin

PEM = "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----"


def read(kind: Kind, text: str, **rules: Any) -> Any:
    return load([Setting("NAME", kind, **rules)], {"NAME": text}, profile="production")["name"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", "a b", "a b"),
        ("port", "8080", 8080),
        ("seconds", "0", 0),
        ("count", "5", 5),
        ("url", "https://a.example/base/", "https://a.example/base"),
        ("url", "http://u:p@[::1]:8083", "http://u:p@[::1]:8083"),
        ("url", "sqlite+aiosqlite:////tmp/x.sqlite", "sqlite+aiosqlite:////tmp/x.sqlite"),
        ("flag", "true", True),
        ("flag", "0", False),
        ("secret", "s", Secret("s")),
        ("pem", PEM, Secret(PEM)),
        ("pem", PEM.replace("\n", "\\n"), Secret(PEM)),
    ],
)
def test_each_kind_reads_its_text(kind: Kind, text: str, value: Any) -> None:
    """PEM may be written into one line."""
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "rules"),
    [
        ("text", "a\0b", {}),
        ("port", "0", {}),
        ("port", "65536", {}),
        ("port", "80a", {}),
        ("seconds", "-1", {}),
        ("seconds", "1.5", {}),
        ("seconds", "0", {"minimum": 1}),
        ("seconds", "9" * 30, {}),
        ("count", "0", {}),
        ("url", "nonsense", {}),
        ("url", "http://", {}),
        ("url", "http:///path", {}),
        ("url", "http:a.example", {}),
        ("url", "http://a:port", {}),
        ("url", "http://a:0", {}),
        ("url", "http://[::1", {}),
        ("url", "https://a.example/base path", {}),
        ("url", "https://a.example ", {}),
        ("url", "https://a.example/?", {}),
        ("url", "https://a.example/?lang=en", {}),
        ("url", "https://a.example/#top", {}),
        ("url", "ftp://a", {"choices": ("http", "https")}),
        ("choice", "c", {"choices": ("a", "b")}),
        ("flag", "perhaps", {}),
        ("pem", "not pem", {}),
        ("secret", "weak", {"check": lambda text: "is too short" if len(text) < 32 else None}),
    ],
)
def test_a_malformed_value_is_named_without_the_value(
    kind: Kind, text: str, rules: Mapping[str, Any]
) -> None:
    """A value that is malformed may be a secret in the wrong place."""
    with pytest.raises(SettingsInvalid) as raised:
        read(kind, text, **rules)
    (problem,) = raised.value.problems
    assert problem.startswith("NAME ")
    if len(text) > 2:
        assert text not in problem


def test_everything_wrong_is_told_at_once() -> None:
    """One start shows all there is to do."""
    settings = [
        Setting("A", "port", "x"),
        Setting("B", "secret", required_in_production=True),
        Setting("C", "choice", choices=("a",)),
        Setting("D"),
    ]
    with pytest.raises(SettingsInvalid) as raised:
        load(settings, {"C": "z"}, profile="production")
    assert [problem.split()[0] for problem in raised.value.problems] == ["A", "B", "C"]
    assert load(settings[1:2], {}, profile="development") == {"b": None}


def test_a_value_can_come_from_a_file(tmp_path: Path) -> None:
    """Without the newline at its end; not from both; the file's name is not told."""
    file = tmp_path / "secret"
    file.write_text("value\n")
    setting = Setting("NAME", "secret")
    environ = {"NAME_FILE": str(file)}
    assert load([setting], environ, profile="production")["name"].reveal() == "value"
    assert origin(setting, environ) == "file"
    for wrong in (
        {**environ, "NAME": "x"},
        {"NAME_FILE": str(tmp_path / "absent")},
        {"NAME_FILE": str(tmp_path)},
    ):
        with pytest.raises(SettingsInvalid) as raised:
            load([setting], wrong, profile="production")
        assert str(tmp_path) not in str(raised.value)


def test_an_empty_value_counts_as_not_given() -> None:
    """As env files and container tools write what is not set."""
    setting = Setting("NAME", default="d", required_in_production=True)
    assert load([setting], {"NAME": ""}, profile="development") == {"name": "d"}
    assert origin(setting, {"NAME": ""}) == "default"
    with pytest.raises(SettingsInvalid):
        load([setting], {"NAME": ""}, profile="production")


def test_origins() -> None:
    """Where each value is from, for `quartet config`."""
    assert origin(Setting("NAME"), {"NAME": "x"}) == "environment"
    assert origin(Setting("NAME"), {}) == "missing"
    assert origin(Setting("NAME", default="d"), {}) == "default"


def test_a_secret_does_not_show() -> None:
    """Neither in logs nor in tracebacks."""
    secret = Secret("s3cr3t")
    assert "s3cr3t" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "s3cr3t"

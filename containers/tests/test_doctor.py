"""The doctor finds what is missing, names who is in the way, and leaves nothing behind."""

import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from containers import doctor


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def check(name: str, data: Path, **ports: int) -> doctor.Check:
    (found,) = (one for one in doctor.examine(data, ports) if one.name == name)
    return found


def test_this_machine_is_fit(tmp_path: Path) -> None:
    """What runs these tests can run a platform."""
    checks = doctor.examine(tmp_path, {})
    assert {one.name: one.state for one in checks if one.state == "missing"} == {}
    assert len(checks) == 6


def test_every_complaint_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An old Python and an old SQLite are named with the version that is needed."""
    monkeypatch.setattr(sys, "version_info", (3, 10, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 0))
    assert check("Python", tmp_path) == doctor.Check(
        "Python", "missing", "3.10.1", "Install Python 3.11 or newer."
    )
    assert "3.35" in (check("SQLite", tmp_path).advice or "")


def test_the_data_folder_is_neither_made_nor_written(tmp_path: Path) -> None:
    """Looking leaves nothing, not even its probe."""
    assert check("data folder", tmp_path / "a" / "b").state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_data_folder(tmp_path: Path) -> None:
    """Nor is what would lie below one."""
    (tmp_path / "file").touch()
    for data in (tmp_path / "file", tmp_path / "file" / "data"):
        assert doctor.data_folder_problem(data) == f"{tmp_path}/file is not a folder: {doctor.ELSEWHERE}."


def test_a_folder_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the reason of the system; root may write anywhere, so the refusal is made."""

    def refuse(*args: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryDirectory", refuse)
    problem = doctor.data_folder_problem(tmp_path)
    assert problem == f"The data folder {tmp_path} cannot be written (Permission denied): {doctor.ELSEWHERE}."


def test_a_full_disk_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A little space is a warning, none to speak of keeps the platform from starting."""

    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(100 * 2**20))
    assert (check("free disk", tmp_path).state, check("data folder", tmp_path).state) == ("warning", "ok")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**20))
    assert "is full: free 50 MiB" in (check("data folder", tmp_path).advice or "")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a port is seen only on Linux")
def test_who_holds_a_port_is_named(taken_port: int, tmp_path: Path) -> None:
    """By name and process id."""
    found = check(f"port {taken_port}", tmp_path, LOGIN_PORT=taken_port)
    assert (found.state, f"(pid {os.getpid()})" in found.found) == ("missing", True)
    assert f"Port {taken_port} is taken" in (found.advice or "")
    assert "LOGIN_PORT" in (found.advice or "")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="who holds a port is seen only on Linux")
def test_the_running_platform_may_hold_its_ports(taken_port: int, tmp_path: Path) -> None:
    """A healthy platform is no complaint."""
    *_, found = doctor.examine(tmp_path, {"LOGIN_PORT": taken_port}, running_pid=os.getpid())
    assert found.state == "ok"


def test_a_free_port_is_fine(taken_port: int, tmp_path: Path) -> None:
    """The probe lets go of it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
    assert check(f"port {free}", tmp_path, LOGIN_PORT=free).state == "ok"
    assert doctor.port_problem("LOGIN_PORT", free) is None


def test_a_clock_behind_the_data_is_told(tmp_path: Path) -> None:
    """Every token of before would seem to come from the future."""
    (tmp_path / "log.sqlite").touch()
    os.utime(tmp_path / "log.sqlite", (4_000_000_000, 4_000_000_000))
    found = check("clock", tmp_path)
    assert (found.state, found.advice) == ("warning", "Set the clock of this machine.")


def test_a_name_that_no_folder_can_have_is_refused(tmp_path: Path) -> None:
    """As every other missing thing, and the other checks are made all the same."""
    found = check("data folder", tmp_path / ("a" * 300))
    assert (found.state, "its name is too long" in (found.advice or "")) == ("missing", True)

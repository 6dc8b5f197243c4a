"""The whole embedded platform in this process: started, refused, stopped and started again."""

import asyncio
import json
import re
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.web.settings import SettingsInvalid
from containers.attaching import attach
from containers.embedded import platform as platform_module
from containers.embedded import readiness
from containers.embedded.platform import EmbeddedPlatform
from containers.engines import NotRunning, PlatformRefused
from containers.folder import SQL_DATABASES, DataFolder
from containers.inbox_client import InboxClient, Mail
from containers.settings import PORTS, SERVICES

CONNECTORS = {
    "signupconnector",
    "mongonewuserconnector",
    "login-sink-connector",
    "loginconnector",
    "resetpassword-sink-connector",
    "signup-sink-connector",
    "resetpasswordconnector",
}


@pytest.fixture
def ports() -> dict[str, str]:
    """A free port for each setting."""
    with ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in PORTS]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return {setting.name: str(sock.getsockname()[1]) for setting, sock in zip(PORTS, socks, strict=True)}


def on_platform(
    data: Path, environ: Mapping[str, str], story: Callable[[EmbeddedPlatform], Awaitable[Any]]
) -> Any:
    """What the story returns, told on a platform that runs in this process."""

    async def tell() -> Any:
        async with EmbeddedPlatform(data, environ) as platform:
            return await story(platform)

    return asyncio.run(tell())


def refused(data: Path, environ: Mapping[str, str]) -> str:
    with pytest.raises(PlatformRefused) as refusal:
        on_platform(data, environ, lambda platform: asyncio.sleep(0))
    assert refusal.value.exit_code == 3
    return str(refusal.value)


def test_a_platform_is_ready_when_it_says_so(tmp_path: Path, ports: dict[str, str]) -> None:
    """Services, inbox and connectors answer at once; others are refused; a stop leaves nothing behind."""

    async def story(platform: EmbeddedPlatform) -> float:
        async with httpx.AsyncClient(trust_env=False) as http:
            for service in SERVICES:
                assert (await http.get(f"{platform.urls[service]}/readyz")).status_code == 200
            assert (await http.get(f"{platform.urls['inbox']}/api/v1/messages")).json()["total"] == 0
        await asyncio.to_thread(observe)
        with pytest.raises(PlatformRefused, match=r"running on .* already"):
            await EmbeddedPlatform(tmp_path, ports).__aenter__()
        with pytest.raises(PlatformRefused) as taken:
            await EmbeddedPlatform(tmp_path / "other", ports).__aenter__()
        assert all(f"{port} ({name}) is taken" in str(taken.value) for name, port in ports.items())
        return time.monotonic()

    def observe() -> None:
        tier = attach(tmp_path)
        assert {view.name for view in tier.connectors.overview()} == CONNECTORS
        assert {view.state for view in tier.connectors.overview()} == {"RUNNING"}
        assert tier.rows("signup_db", "users") == []
        assert tier.documents("active_users") == []
        tier.close()

    ended = on_platform(tmp_path, ports, story)
    assert time.monotonic() - ended < 3.0
    with pytest.raises(NotRunning):
        attach(tmp_path)


def test_a_second_start_goes_on_with_the_first_ones_data(tmp_path: Path, ports: dict[str, str]) -> None:
    """The same secrets, the mails of before, and a connector that was paused runs again."""

    async def first(platform: EmbeddedPlatform) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            body = {"email": "ada@x.test", "password": "a quiet harbour"}
            answer = await http.post(f"{platform.urls['signup']}/api/v1/dev/signup", json=body)
            assert answer.status_code == 202
            await http.put(f"{platform.urls['connect']}/connectors/loginconnector/pause", json={})
        await asyncio.to_thread(read_mail, platform)

    def read_mail(platform: EmbeddedPlatform) -> Mail:
        with InboxClient(platform.urls["inbox"]) as inbox:
            return inbox.wait_for("ada@x.test", within_seconds=5)

    async def second(platform: EmbeddedPlatform) -> Mail:
        return await asyncio.to_thread(read_mail, platform)

    on_platform(tmp_path, ports, first)
    secrets = {path: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    mail = on_platform(tmp_path, ports, second)
    link = f"http://localhost:{ports['ACTIVATION_PORT']}/api/v1/dev/confirmuserReg?token="
    assert mail.link is not None
    assert mail.link.startswith(link)
    assert {path: path.read_bytes() for path in (tmp_path / "keys").iterdir()} == secrets


def test_a_cancelled_platform_stops_in_order(tmp_path: Path, ports: dict[str, str]) -> None:
    """It tells when it is ready, and frees folder and ports."""

    async def run(ready: asyncio.Event) -> None:
        async with EmbeddedPlatform(tmp_path, ports):
            ready.set()
            await asyncio.Event().wait()

    async def story() -> None:
        ready = asyncio.Event()
        task = asyncio.create_task(run(ready))
        await ready.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert not (tmp_path / "platform.json").exists()
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", int(ports["SIGNUP_PORT"])))


def test_damage_is_told_before_anything_starts(tmp_path: Path, ports: dict[str, str]) -> None:
    """With the file's name, and what to do about it."""
    for name, cure in (("rpwd_db", "put a copy back"), ("inbox", "only the mails"), ("log", "filled anew")):
        path = tmp_path / f"{name}.sqlite"
        path.write_bytes(b"no database" * 1000)
        said = refused(tmp_path, ports)
        assert f"{name}.sqlite is damaged" in said
        assert cure in said
        path.unlink()


def test_a_connector_file_that_cannot_run_is_named(
    tmp_path: Path, ports: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the option and the reason; a folder without any is no platform either."""
    monkeypatch.setattr(platform_module, "CONNECTOR_FILES", tmp_path / "files")
    assert "holds no connector files" in refused(tmp_path / "data", ports)
    (tmp_path / "files").mkdir()
    config = {"connector.class": "io.debezium.connector.mysql.MySqlConnector", "x": "1"}
    (tmp_path / "files" / "mine.json").write_text(json.dumps({"name": "mine", "config": config}))
    with pytest.raises(PlatformRefused, match=r"Connector mine: .*x: .*Mend") as refusal:
        on_platform(tmp_path / "data", ports, lambda platform: asyncio.sleep(0))
    assert refusal.value.exit_code == 2


def test_what_keeps_a_platform_from_being_ready_is_looked_for_in_its_files(
    tmp_path: Path, ports: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage that a first look did not show is named in the end."""
    on_platform(tmp_path, ports, lambda platform: asyncio.sleep(0))
    path = tmp_path / "signup_db.sqlite"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    monkeypatch.setattr(readiness, "READY_SECONDS", 0.3)
    assert "signup_db.sqlite is damaged" in refused(tmp_path, ports)


def test_damage_that_stops_the_start_is_told_with_its_file(tmp_path: Path, ports: dict[str, str]) -> None:
    """And with the folder to remove, which is not the one above it."""
    data = tmp_path / "data"
    on_platform(data, ports, lambda platform: asyncio.sleep(0))
    with (data / "login_db.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    cure = f"put a copy back, or remove the data folder {data} to start over."
    assert refused(data, ports) == f"{data}/login_db.sqlite is damaged: {cure}"


def test_databases_of_a_newer_program_are_left_alone(tmp_path: Path, ports: dict[str, str]) -> None:
    """One of them is named, though every service meets one."""
    on_platform(tmp_path, ports, lambda platform: asyncio.sleep(0))
    for name in SQL_DATABASES:
        with closing(sqlite3.connect(tmp_path / f"{name}.sqlite")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
    said = refused(tmp_path, ports)
    assert re.match(rf"{tmp_path}/\w+\.sqlite was written by a newer version .*schema 9999.*start that", said)


def test_every_problem_of_the_settings_is_told_at_once(tmp_path: Path, ports: dict[str, str]) -> None:
    """Those of all four services, each once; the tier of what cannot run is not remembered."""
    environ = {**ports, "ANSWERS": "loud", "SESSION_TTL_SECONDS": "soon", "PUBLIC_ACTIVATION_URL": "ftp:/x"}
    with pytest.raises(SettingsInvalid) as invalid:
        on_platform(tmp_path, environ, lambda platform: asyncio.sleep(0))
    for name in ("ANSWERS", "SESSION_TTL_SECONDS", "PUBLIC_ACTIVATION_URL"):
        assert sum(problem.startswith(name) for problem in invalid.value.problems) == 1
    assert DataFolder(tmp_path).last_tier() is None


def test_production_makes_no_secrets(tmp_path: Path, ports: dict[str, str]) -> None:
    """Whoever asks for it has to bring all of them, and a mail server."""
    with pytest.raises(SettingsInvalid) as invalid:
        on_platform(tmp_path, {**ports, "QUARTET_PROFILE": "production"}, lambda platform: asyncio.sleep(0))
    missing = {problem.split()[0] for problem in invalid.value.problems}
    assert {"PASSWORD_PEPPER", "LOGIN_PRIVATE_KEY", "SIGNUP_PUBLIC_KEYS", "SMTP_HOST"} <= missing
    assert not (tmp_path / "keys").exists()
    assert DataFolder(tmp_path).last_tier() is None

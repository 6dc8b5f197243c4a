"""The command: exit codes, streams and JSON, with and without a platform."""

import json
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import pytest

from containers import cli, settings
from containers.commands import up
from containers.connectors import ConnectRefused, ConnectUnreachable
from containers.engines import EngineAway, PlatformRefused
from containers.folder import DataFolder
from containers.process import COMMAND, PlatformProcess
from containers.tests.fake_platform import URLS, FakeTier


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformProcess]:
    """One platform on free ports and a fresh folder for all of this module."""
    platform = PlatformProcess(tmp_path_factory.mktemp("platform"), "embedded", {})
    platform.start()
    yield platform
    assert platform.stop() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-verb"],
        ["up", "--tier", "imaginary"],
        ["up", "--data", ""],
        ["journey"],
        ["inbox", "--wait"],
        ["inbox", "show"],
        *(["inbox", "--wait", "--to", "a@x.test", "--timeout", never] for never in ("nan", "inf", "-1")),
    ],
)
def test_usage_errors_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong stands on stderr, and nothing on stdout."""
    assert cli.run(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, "Usage: quartet" in said.err) == ("", True)


@pytest.mark.parametrize(
    "arguments",
    [["down"], ["status"], ["demo"], ["inbox"], ["journey", "ada@example.org"], ["connectors"]],
)
def test_without_a_platform_one_sentence_and_3(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the folder and what starts one there."""
    assert cli.run([*arguments, "--data", str(tmp_path)]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"No platform is running on {tmp_path}: start one with `quartet up`.\n"


def test_an_engine_that_is_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No traceback: engines of their own come and go."""

    class Away(FakeTier):
        def rows(self, database: str, table: str, **equals: Any) -> list[dict[str, Any]]:
            raise EngineAway(f"{database} does not answer (refused)")

    monkeypatch.setattr(cli, "attach", lambda data: Away())
    assert cli.run(["journey", "ada@example.org"]) == 3
    said = capsys.readouterr()
    assert said.err == "signup_db does not answer (refused): `quartet status` shows what runs.\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectUnreachable("Nothing answers at http://connect"), "Nothing answers at http://connect"),
        (ConnectRefused(500, "Request timed out"), "does not tell its connectors: Request timed out"),
    ],
)
def test_a_connect_that_cannot_say_is_no_empty_table(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`status` shows the rest and the reason, `connectors` is refused with it."""

    class Silent:
        def overview(self) -> None:
            raise error

    class Tier(FakeTier):
        connectors = Silent()

    monkeypatch.setattr(cli, "attach", lambda data: Tier())
    assert cli.run(["status"]) == 3
    assert f"connectors unknown: {words}" in capsys.readouterr().out.replace(
        f"Connect at {URLS['connect']} ", ""
    )
    assert cli.run(["status", "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["connectors"], words in found["connect"]["problem"]) == ([], True)
    assert cli.run(["connectors"]) == 3
    said = capsys.readouterr()
    assert (said.out, words in said.err) == ("", True)


def test_engines_that_are_down_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also the one whose death the rest outlives; a silent Docker engine is no fault of the command."""

    class Engines(FakeTier):
        capabilities = frozenset({"engines"})
        connectors = Mock(overview=lambda: [])
        down = Mock(side_effect=[["mysql2"], ["mysql2"], PlatformRefused("Docker does not answer.")])

    monkeypatch.setattr(cli, "attach", lambda data: Engines())
    assert cli.run(["status"]) == 3
    said = capsys.readouterr().out
    assert "not ready\ndown: mysql2\n" in said
    assert "SMTP localhost:1025: does not answer\n" in said
    for down in (["mysql2"], ["Docker"]):
        cli.run(["status", "--json"])
        found = json.loads(capsys.readouterr().out)
        assert (found["down"], found["inbox"]["ready"]) == (down, False)


def test_passwords_in_addresses_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Connect and the inbox of an external platform may ask for one."""

    class Guarded(FakeTier):
        urls = URLS | {name: f"http://u:s3cret@{name}.test" for name in ("connect", "inbox")}
        connectors = Mock(overview=Mock(side_effect=ConnectRefused(401, "no")))

    up._tell(settings.load({}), Mock(urls=Guarded.urls, smtp="", stand_ins=()), "none")
    said = capsys.readouterr().out
    assert ("http://u:***@inbox.test" in said, "s3cret" in said) == (True, False)
    monkeypatch.setattr(cli, "attach", lambda data: Guarded())
    for arguments in (["status"], ["status", "--json"], ["connectors"]):
        cli.run(arguments)
        said = capsys.readouterr()
        assert "http://u:***@" in said.out + said.err
        assert "s3cret" not in said.out + said.err


def test_status_in_json_says_that_nothing_is_ready(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shape is that of a running platform."""
    assert cli.run(["status", "--json", "--data", str(tmp_path)]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["tier"], found["ready"], found["connectors"]) == ("embedded", False, [])
    assert found["services"].keys() == {"signup", "activation", "login", "reset_password"}


def test_the_tier_is_that_of_the_data_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For every verb that needs one, unless it is told another."""
    DataFolder(tmp_path).remember("external")
    on_it = ["--json", "--data", str(tmp_path)]
    assert cli.run(["status", *on_it]) == 3
    assert json.loads(capsys.readouterr().out)["tier"] == "external"
    for arguments, tier in ((on_it, "external"), ([*on_it, "--tier", "embedded"], "embedded")):
        assert cli.run(["config", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)["tier"] == tier


def test_doctor_looks_at_the_port_that_the_console_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`up` is refused when it is taken, and only then."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("CONSOLE_PORT", str(port))
        assert cli.run(["doctor", "--json", "--data", str(tmp_path)]) == 3
    *_, last = json.loads(capsys.readouterr().out)
    assert (last["name"], last["state"]) == (f"port {port}", "missing")
    monkeypatch.delenv("CONSOLE_PORT")
    cli.run(["doctor", "--json", "--data", str(tmp_path)])
    assert f"port {settings.CONSOLE_PORT.default}" not in capsys.readouterr().out


def test_every_wrong_setting_is_named_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and nothing has been started or made."""
    monkeypatch.setenv("LOGIN_PORT", "eighty")
    monkeypatch.setenv("MAIL_PER_ADDRESS", "0")
    assert cli.run(["up", "--data", str(tmp_path / "data")]) == 2
    said = capsys.readouterr().err
    assert "LOGIN_PORT must be" in said
    assert "MAIL_PER_ADDRESS must be" in said
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything starts, as a missing prerequisite."""
    (tmp_path / "file").touch()
    assert cli.run(["up", "--data", str(tmp_path / "file")]) == 3
    assert "is not a folder" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything starts."""
    (tmp_path / "platform.log").mkdir()
    assert cli.run(["up", "--detach", "--data", str(tmp_path)]) == 3
    assert "platform.log is a folder in the place of a file" in capsys.readouterr().err


def test_a_refusal_inside_a_verb_keeps_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence, no traceback."""

    def refuse(data: Path) -> None:
        raise PlatformRefused("No.", exit_code=1)

    monkeypatch.setattr(cli, "attach", refuse)
    assert cli.run(["demo"]) == 1
    assert capsys.readouterr().err == "No.\n"


def loaded(modules: str, *of_these: str) -> set[str]:
    """Which of these are in a fresh process that has imported these modules."""
    asked = f"import sys, {modules}; print(*(set({of_these}) & sys.modules.keys()))"
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    return set(said.stdout.split())


def test_help_needs_neither_rich_nor_httpx() -> None:
    """What `up` does not need must not cost it time: the command imports nothing heavy by itself."""
    assert loaded("containers.cli", "rich", "httpx", "sanic", "jose") == set()


def test_the_embedded_tier_loads_no_client_of_a_real_engine() -> None:
    """They would cost its start a tenth of a second, and it 10 MiB."""
    parts = "containers.embedded.platform, containers.embedded.services, containers.console.app"
    assert loaded(parts, "aiokafka", "aiomysql", "motor", "pymongo", "docker", "sanic") == {"sanic"}


def test_the_settings_of_the_embedded_tier_load_no_client_either(tmp_path: Path) -> None:
    """Some are judged by the client's own parser, and so only where one is given."""
    asked = f"""
import sys
from pathlib import Path
from containers import settings
from containers.embedded.environment import service_environ
from containers.service_settings import load_services
from containers.folder import DataFolder
from containers.keys import ensure_secrets
data = Path({str(tmp_path)!r})
secrets = ensure_secrets(data, has_accounts=False, given={{}})
load_services(service_environ(settings.load({{}}, data=data), DataFolder(data), secrets))
print(*({{"aiokafka", "aiomysql", "motor", "pymongo"}} & sys.modules.keys()))
"""
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert said.stdout == "\n"


def test_status_of_a_running_platform(platform: PlatformProcess) -> None:
    """In the shape of the contract, on stdout alone."""
    said = platform.run("status", "--json")
    found = json.loads(said.stdout)
    assert (said.returncode, said.stderr, found["tier"], found["ready"]) == (0, "", "embedded", True)
    assert all(
        service["ready"] and service["url"].startswith("http://") for service in found["services"].values()
    )
    assert (found["inbox"].keys(), found["inbox"]["ready"]) == ({"url", "smtp", "ready"}, True)
    assert len(found["connectors"]) == 7
    for connector in found["connectors"]:
        assert connector.keys() >= {"name", "state", "tasks", "lag", "restarts", "cause"}
        assert [task["state"] for task in connector["tasks"]] == ["RUNNING"]


def test_demo_then_journey_of_its_account(platform: PlatformProcess) -> None:
    """The story comes to its end, and its traces are found in every database without a secret."""
    played = platform.run("demo", "--json")
    story = json.loads(played.stdout)
    assert (played.returncode, story["failed"]) == (0, None)
    told = platform.run("journey", story["address"], "--json")
    journey = json.loads(told.stdout)
    assert {"signup_db.users", "login_db.users", "rpwd_db.users"} <= journey["stores"].keys()
    assert len(journey["timeline"]) > 20
    targets = {hop["to"] for hop in journey["hops"]}
    assert targets >= {"topic users", "topic login_db.users", "topic rpwd_db.users"}
    for text in (played.stdout, told.stdout, platform.run("journey", story["address"]).stdout):
        assert "argon2" not in text
        assert "eyJ" not in text


def test_tables_are_plain_off_a_terminal(platform: PlatformProcess) -> None:
    """No escape sequence, no wrapped line: they can be cut and searched."""
    lines = platform.run("connectors").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["CONNECTOR", "STATE"],
        *([name, "RUNNING"] for name in sorted(line.split()[0] for line in lines[1:])),
    ]
    assert all(line == line.rstrip() and "\x1b" not in line for line in lines)


def test_the_link_alone_can_be_used(platform: PlatformProcess) -> None:
    """As in `curl "$(quartet inbox --wait --to X --link)"`."""
    body = {"email": "link@example.org", "password": "password"}
    httpx.post(f"{platform.tier.urls['signup']}/api/v1/dev/signup", json=body)
    said = platform.run("inbox", "--wait", "--to", "link@example.org", "--link")
    assert httpx.get(said.stdout.strip()).json() == {"status": "ACTIVE"}
    (mail,) = json.loads(platform.run("inbox", "--to", "link@example.org", "--json").stdout)
    assert said.stdout.strip() in platform.run("inbox", "show", mail["id"]).stdout


def test_mail_that_does_not_come_is_a_failure(platform: PlatformProcess) -> None:
    """After the time that was given, with what was waited for."""
    said = platform.run("inbox", "--wait", "--to", "nobody@example.org", "--timeout", "0.05")
    assert (said.returncode, "a mail to nobody@example.org" in said.stderr.lower()) == (1, True)


def test_an_address_that_nobody_knows(platform: PlatformProcess) -> None:
    """Unknown is a failure, malformed a usage error."""
    assert platform.run("journey", "nobody@example.org").returncode == 1
    assert platform.run("journey", "nobody").returncode == 2


def test_a_connector_is_paused_and_resumed(platform: PlatformProcess) -> None:
    """The platform is not ready meanwhile, and says so."""

    def state(said: subprocess.CompletedProcess[str]) -> str:
        return next(c["state"] for c in json.loads(said.stdout) if c["name"] == "loginconnector")

    assert state(platform.run("connectors", "pause", "loginconnector", "--json")) == "PAUSED"
    assert platform.run("status").returncode == 3
    assert state(platform.run("connectors", "resume", "loginconnector", "--json")) == "RUNNING"
    assert platform.run("connectors", "restart", "loginconnector").returncode == 0
    unknown = platform.run("connectors", "pause", "imaginary")
    assert (unknown.returncode, "imaginary" in unknown.stderr) == (1, True)


def test_a_second_platform_is_refused(platform: PlatformProcess, tmp_path: Path) -> None:
    """On the same folder, and on the same ports."""
    same_folder = platform.run("up")
    assert (same_folder.returncode, str(platform.data) in same_folder.stderr) == (3, True)
    same_ports = subprocess.run(
        [*COMMAND, "up", "--detach", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        env=platform.environ,
        check=False,
    )
    assert (same_ports.returncode, same_ports.stdout) == (3, "")
    assert platform.environ["SIGNUP_PORT"] in same_ports.stderr


def test_doctor_knows_the_running_platform(platform: PlatformProcess) -> None:
    """Its own ports are no complaint."""
    said = platform.run("doctor", "--json")
    assert said.returncode == 0, said.stdout
    assert {check["state"] for check in json.loads(said.stdout)} <= {"ok", "warning"}


def test_detached_and_down(tmp_path: Path) -> None:
    """`up --detach` returns when everything is ready, `down` when nothing runs any more; the data stays."""
    platform = PlatformProcess(tmp_path, "embedded", {})
    started = platform.run("up", "--detach")
    assert (started.returncode, started.stdout.splitlines()[-1]) == (0, "ready")
    try:
        assert platform.run("status").returncode == 0
    finally:
        stopped = platform.run("down")
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert platform.run("status").returncode == 3
    assert (tmp_path / "signup_db.sqlite").exists()
    assert "Stopping" in (tmp_path / "platform.log").read_text()


def test_a_damaged_store_is_refused_by_name(tmp_path: Path) -> None:
    """Detached, the reason still reaches who asked."""
    (tmp_path / "log.sqlite").write_bytes(b"this is not a database, whatever its name says" * 20)
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as file, pytest.raises(sqlite3.DatabaseError):
        file.execute("SELECT 1 FROM sqlite_schema")
    said = PlatformProcess(tmp_path, "embedded", {}).run("up", "--detach")
    assert (said.returncode, said.stdout) == (3, "")
    assert "log.sqlite" in said.stderr
    assert "Traceback" not in said.stderr

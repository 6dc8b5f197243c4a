"""The parts of MySQL: where their secrets are, how they tell themselves apart, when they are ready."""

import re
import subprocess

import pytest

from containers.docker.mysql import group_parts, route_part, server_part
from containers.docker.parts import ACCOUNTS, Part

PASSWORDS = {name: f"pw-{name}" for name in ACCOUNTS}
GROUP = "2b7a6a52-5ad0-4c86-9f1d-0f4d0c3c9c11"


def all_parts() -> dict[str, Part]:
    parts = [
        *group_parts(PASSWORDS, group_id=GROUP),
        server_part("login_mysql", PASSWORDS, host_port=1),
        server_part("rpwd_mysql", PASSWORDS, host_port=2),
        route_part(host_port=3),
    ]
    return {part.name: part for part in parts}


class Answering:
    """A container in which every command ends the same."""

    def __init__(self, code: int, output: str) -> None:
        self.answer, self.asked = (code, output), ""

    def run(self, *command: str) -> tuple[int, str]:
        self.asked = " ".join(command)
        return self.answer


def test_names_ports_and_needs() -> None:
    """The members reach each other inside only; the others are reached from this machine as well."""
    parts = all_parts()
    assert list(parts) == ["mysql1", "mysql2", "mysql3", "login_mysql", "rpwd_mysql", "signup_mysql"]
    assert [dict(part.ports) for part in parts.values()] == [{}, {}, {}, {3306: 1}, {3306: 2}, {3306: 3}]
    assert parts["signup_mysql"].needs == ("mysql1", "mysql2", "mysql3")
    # Members that needed one another would never start.
    assert all(not parts[name].needs for name in ("mysql1", "mysql2", "mysql3"))


def test_passwords_are_in_files_that_no_process_names_in_full() -> None:
    """Neither a command line nor an environment holds one; only files that MySQL's programs read."""
    for part in all_parts().values():
        shown = [*(part.entrypoint or ()), *part.command, *part.environment.values()]
        assert "pw-" not in " ".join(shown)
        holding = {path for path, text in part.files.items() if "pw-" in text}
        secret = {"accounts.sql", "root.cnf", "peer.cnf", "join.sql"}
        assert {path.rpartition("/")[2] for path in holding} <= secret


def test_servers_tell_themselves_apart() -> None:
    """No two have one id, and a member is known to the others by its name."""
    parts = all_parts()
    options = {name: part.files.get("/quartet/my.cnf", "") for name, part in parts.items()}
    ids = [number for text in options.values() for number in re.findall(r"^server-id=(\d+)$", text, re.M)]
    assert len(ids) == len(set(ids)) == 5
    for name in ("mysql1", "mysql2", "mysql3"):
        assert f"report-host={name}\n" in options[name]
        assert f"group-replication-local-address={name}:24901\n" in options[name]
        assert f"group-replication-group-name={GROUP}\n" in options[name]
        assert parts[name].files["/quartet/member"] == f"{name}\n"
    assert "group" not in options["login_mysql"]


def test_the_groups_port_is_nobody_elses() -> None:
    """From 32768 on the kernel hands ports out: once in many starts a member would find its own one taken."""
    options = all_parts()["mysql1"].files["/quartet/my.cnf"]
    ports = {int(port) for port in re.findall(r"mysql\d:(\d+)", options)}
    assert len(ports) == 1
    assert ports.pop() < 32768


@pytest.mark.parametrize(
    "option",
    [
        "binlog-row-image=FULL",
        "gtid-mode=ON",
        "enforce-gtid-consistency=ON",
        "log-bin-trust-function-creators=ON",
        "sync-binlog=1",
        "innodb-flush-log-at-trx-commit=1",
        "character-set-server=utf8mb4",
        "default-time-zone=+00:00",
        "secure-file-priv=NULL",
    ],
)
def test_what_every_server_promises(option: str) -> None:
    """Durable commits, whole rows for change capture, UTC and four-byte characters."""
    for name, part in all_parts().items():
        if name != "signup_mysql":
            assert f"\n{option}\n" in part.files["/quartet/my.cnf"]


def test_scripts_are_posix_sh() -> None:
    """As far as a shell can tell without running them; no image promises bash."""
    scripts = {path: text for part in all_parts().values() for path, text in part.files.items()}
    names = [path for path in scripts if path.endswith(".sh")]
    assert sorted(names) == ["/quartet/entry.sh", "/quartet/group.sh"]
    for name in names:
        assert scripts[name].startswith("#!/bin/sh\n")
        subprocess.run(["sh", "-n"], input=scripts[name], text=True, check=True)


@pytest.mark.parametrize(
    ("name", "code", "output", "missing"),
    [
        ("login_mysql", 0, "1\n", None),
        ("login_mysql", 1, "ERROR 2002: Can't connect", "the server does not accept SQL yet"),
        ("mysql1", 0, "ONLINE\n", None),
        ("mysql1", 0, "RECOVERING\n", "the member is RECOVERING, not ONLINE"),
        ("mysql1", 125, "is not running", "the server does not accept SQL yet"),
        ("signup_mysql", 0, "HTTP/1.0 200 OK\r\n", None),
        (
            "signup_mysql",
            0,
            "HTTP/1.0 503 Service Unavailable\r\n",
            "no member is a primary that can be written to",
        ),
        ("signup_mysql", 1, "connection refused", "no member is a primary that can be written to"),
    ],
)
def test_when_a_part_is_ready(name: str, code: int, output: str, missing: str | None) -> None:
    """And what it says meanwhile; the question shows no password."""
    inside = Answering(code, output)
    assert all_parts()[name].probe(inside) == missing
    assert "pw-" not in inside.asked

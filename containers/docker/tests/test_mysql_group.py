"""What a member does by what its peers answer: group.sh with MySQL's client played by a script."""

import subprocess
import sys
from pathlib import Path

import pytest

from containers.docker import mysql

# Answers for the server that --host names (mysql1 without it): the line in the file of its name. A set of
# transactions is a list of words. Any other statement is written down.
CLIENT = """
import re, sys
from pathlib import Path
folder = Path({folder!r})
host = next((word[7:] for word in sys.argv if word.startswith("--host=")), "mysql1")
sql = sys.stdin.read()
if not (folder / host).exists():
    sys.exit(1)
if "performance_schema" in sql:
    print((folder / host).read_text())
elif subset := re.search(r"GTID_SUBSET\\('(.*)', '(.*)'\\)", sql):
    print(int(set(subset[1].split(",")) <= set(subset[2].split(","))))
else:
    with (folder / "statements").open("a") as statements:
        statements.write(sql)
"""

# The script sleeps before each look: at the second time it is over.
SLEEP = """#!/bin/sh
[ -e {folder}/slept ] && kill "$PPID"
touch {folder}/slept
"""

OFFLINE = "OFFLINE\t0\t0\tset:"
IN_GROUP = "ONLINE\t2\t3\tset:a,b"
JOINED = "STOP GROUP_REPLICATION;\nJOIN;\n"
BEGUN = (
    "STOP GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group = ON;\nJOIN;\n"
    "SET GLOBAL group_replication_bootstrap_group = OFF;\n"
)


def decide(folder: Path, states: dict[str, str]) -> tuple[str, str]:
    """Lets mysql1 look around once; returns the statements that it has run, and what it has said."""
    for name, state in states.items():
        (folder / name).write_text(state)
    inside, path = folder / "quartet", folder / "bin"
    inside.mkdir()
    path.mkdir()
    script = (Path(mysql.__file__).parent / "group.sh").read_text()
    for name, text in {
        "group.sh": script,
        "member": "mysql1\n",
        "members": "mysql1 mysql2 mysql3\n",
        "join.sql": "JOIN;\n",
    }.items():
        (inside / name).write_text(text)
    (path / "client.py").write_text(CLIENT.format(folder=str(folder)))
    (path / "mysql").write_text(f'#!/bin/sh\nexec {sys.executable} -S {path}/client.py "$@"\n')
    (path / "sleep").write_text(SLEEP.format(folder=folder))
    for program in ("mysql", "sleep"):
        (path / program).chmod(0o755)
    done = subprocess.run(
        ["sh", str(inside / "group.sh"), str(folder / "run")],
        env={"PATH": f"{path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    statements = folder / "statements"
    return statements.read_text() if statements.exists() else "", done.stdout


@pytest.mark.parametrize("mine", [OFFLINE, "ERROR\t0\t1\tset:a"])
def test_a_group_that_lives_is_joined(tmp_path: Path, mine: str) -> None:
    """One peer in a majority is enough, whoever else is away."""
    statements, said = decide(tmp_path, {"mysql1": mine, "mysql2": IN_GROUP})
    assert statements == JOINED
    assert said == "[group] the group lives at mysql2: joining it\n"


@pytest.mark.parametrize("mine", ["ONLINE\t3\t3\tset:a", "RECOVERING\t2\t3\tset:a"])
def test_a_member_that_belongs_does_nothing(tmp_path: Path, mine: str) -> None:
    """It neither joins nor begins."""
    assert decide(tmp_path, {"mysql1": mine, "mysql2": IN_GROUP, "mysql3": IN_GROUP}) == ("", "")


@pytest.mark.parametrize("peer", ["ONLINE\t1\t2\tset:a", "ONLINE\t1\t3\tset:a", "RECOVERING\t1\t2\tset:a"])
def test_a_peer_without_majority_is_waited_for(tmp_path: Path, peer: str) -> None:
    """It is on its way into a group or out of one: what it will be is not known yet."""
    assert decide(tmp_path, {"mysql1": OFFLINE, "mysql2": OFFLINE, "mysql3": peer}) == ("", "")


def test_a_silent_peer_may_hold_what_nobody_else_does(tmp_path: Path) -> None:
    """No group is begun without it."""
    statements, said = decide(tmp_path, {"mysql1": "OFFLINE\t0\t0\tset:a,b", "mysql3": OFFLINE})
    assert (statements, said) == ("", "[group] no group: waiting for mysql2\n")


@pytest.mark.parametrize(
    ("mine", "second", "third", "begins"),
    [
        ("", "", "", True),
        ("a,b", "a", "a,b", True),
        ("a", "a,b", "a", False),
        ("a", "a", "a,b", False),
        ("", "a", "a", False),
    ],
)
def test_the_richest_member_begins(tmp_path: Path, mine: str, second: str, third: str, begins: bool) -> None:
    """Of equals the first; an empty member never, once another has data."""
    sets = {"mysql1": mine, "mysql2": second, "mysql3": third}
    states = {name: f"OFFLINE\t0\t0\tset:{transactions}," for name, transactions in sets.items()}
    statements, _ = decide(tmp_path, states)
    assert statements == (BEGUN if begins else "")


def test_members_that_have_diverged_wait_for_a_person(tmp_path: Path) -> None:
    """Whoever began would throw away what another has acknowledged."""
    sets = {"mysql1": "a,b", "mysql2": "a,c", "mysql3": "a"}
    statements, said = decide(tmp_path, {name: f"OFFLINE\t0\t0\tset:{held}" for name, held in sets.items()})
    assert statements == ""
    assert said.startswith("[group] DIVERGED: ")

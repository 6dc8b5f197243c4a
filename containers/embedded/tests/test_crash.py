"""kill -9 between any two commits: nothing is lost, nothing comes twice."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from containers.embedded.capture import note_document
from containers.embedded.files import open_file
from containers.embedded.tests.flow import Flow

CHANGES = (
    (
        "signup_db",
        "INSERT INTO users (email, password) VALUES ('a@example.org', 'h'), ('b@example.org', 'h')",
    ),
    ("signup_db", "UPDATE users SET User_status = 'ACTIVE' WHERE id = 1"),
    ("signup_db", "DELETE FROM users WHERE id = 2"),
    ("login_db", "INSERT INTO suspended_users (email, user_id) VALUES ('a@example.org', 1)"),
    ("login_db", "UPDATE suspended_users SET lifted_at = '2026-11-23 10:00:00.000000'"),
)


@pytest.mark.parametrize("is_snapshot", [False, True], ids=["changes", "snapshot"])
def test_a_kill_before_each_commit(flow: Flow, is_snapshot: bool) -> None:
    """Topics and tables are in the end those of an undisturbed run, whichever commit never happened."""
    if not is_snapshot:
        flow.add()
    flow.close()
    for database, sql in CHANGES:
        flow.write_only(database, sql)
    with closing(open_file(flow.files["activate_user_reg_db"])) as connection:
        note_document(connection, "active_users", before=None, after='{"_id":1,"status":"ACTIVE"}')
    lives = killed_lives(flow.folder)
    flow.open()
    assert len(lives) > 10
    assert [life["killed"] for life in lives] == [False, *[True] * (len(lives) - 2), False]
    assert {life["state"] for life in lives} == {lives[0]["state"]}


def killed_lives(folder: Path) -> list[dict[str, object]]:
    program = [sys.executable, "-m", "containers.embedded.tests.crash_run", str(folder)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]

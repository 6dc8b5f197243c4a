"""Run as a program: kills a data flow before each of its commits in turn and prints what became of the data.

    python -m containers.embedded.tests.crash_run FOLDER    a folder with a prepared flow, see test_crash.py

Each run is a process of its own (a fork) that ends by `_exit` in the middle, as kill -9 would end it; a
second process goes on from what it has left. Prints a line of JSON for each commit: what is in topics and
tables in the end.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

from containers.embedded.connect import Connect
from containers.embedded.log import DurableLog, NewRecord
from containers.embedded.tests.flow import CONFIGS, DATABASES, ENVIRON

TABLES = (("login_db", "users"), ("rpwd_db", "users"), ("signup_db", "suspended_users"))
NEVER = 10**9
KILLED = 9


class Mortal(sqlite3.Connection):
    """Dies before its n-th commit."""

    commits, last = 0, NEVER

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if sql == "COMMIT":
            Mortal.commits += 1
            if Mortal.commits == Mortal.last:
                os._exit(KILLED)
        return super().execute(sql, *values)


def run(folder: Path) -> None:
    """One life of the engine, until everything has arrived."""
    log = DurableLog(folder / "log.sqlite")
    connect = Connect(
        log,
        {name: folder / f"{name}.sqlite" for name in DATABASES},
        environ=ENVIRON,
        first_restart_seconds=0.001,
    )
    connect.start()
    for name, config in CONFIGS.items():
        connect.put(name, config)
    connect.settle(30)
    if log.progress("poison") is None:
        with log.writing() as writer:
            writer.append([NewRecord("users", b"{", b"not JSON"), NewRecord("users", None, b"no key")])
            writer.note_progress("poison", {})
        connect.restart("login-sink-connector")
    connect.settle(30)
    connect.stop()
    log.close()


def dump(folder: Path) -> str:
    """Everything that must not depend on crashes, as one short text."""
    log = DurableLog(folder / "log.sqlite")
    state: dict[str, Any] = {
        topic: [(str(r.key), str(r.value)) for r in log.read(topic, 0, 1000)] for topic in log.topics()
    }
    log.close()
    for database, table in TABLES:
        connection = sqlite3.connect(folder / f"{database}.sqlite")
        state[f"{database}/{table}"] = connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
        connection.close()
    counts = " ".join(f"{name}:{len(found)}" for name, found in state.items())
    return f"{counts} {hashlib.sha256(json.dumps(state).encode()).hexdigest()}"


def in_child(work: Any) -> tuple[int, str]:
    """Runs `work` in a forked process; its exit code and what it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(work()).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        told = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


def main(template: Path) -> None:
    sqlite3.connect = lambda *args, **kwargs: Mortal(*args, **kwargs)  # type: ignore[assignment, misc]
    last = 0
    while True:
        folder = template.with_name(f"{template.name}-{last}")
        shutil.copytree(template, folder)

        def live(last: int = last, folder: Path = folder) -> None:
            Mortal.last = last or NEVER
            run(folder)

        code, _ = in_child(live)
        if code == KILLED:
            again, _ = in_child(lambda folder=folder: run(folder))
            assert again == 0, again
        else:
            assert code == 0, code
        _, state = in_child(lambda folder=folder: dump(folder))
        print(json.dumps({"killed": code == KILLED, "state": state}), flush=True)
        shutil.rmtree(folder)
        if last and code == 0:
            return
        last += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""One MySQL server for the length of a command, for suites that make and drop databases of their own.

    python -m containers.docker.mysql.throwaway pytest apps/storage apps/login

The command finds the server's address in QUARTET_TEST_MYSQL_URL; its exit code is passed on. Options are
those of the platform's servers, but a commit does not wait for the disk: nothing outlives the command.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from containers.docker.engine import PlatformOnDocker, RunningPart
from containers.docker.images import connect_to_docker
from containers.docker.mysql import accounts, servers
from containers.docker.parts import Part
from containers.engines import PlatformRefused
from containers.ports import free_ports

ACCOUNT = "suite"
VARIABLE = "QUARTET_TEST_MYSQL_URL"

_READY_SECONDS = 120.0
_PROBE_PAUSE_SECONDS = 0.2
_HASTE = """
server-id=90
sync-binlog=0
innodb-flush-log-at-trx-commit=0
max-connections=400
"""


def suite_part(password: str, *, host_port: int) -> Part:
    """A server with one account beside root, which may do anything with databases named `q_…`."""
    passwords = {ACCOUNT: password, "root": password}
    return servers.single_part(
        "suite_mysql",
        passwords,
        options=_HASTE,
        accounts_sql=accounts.suite_accounts(ACCOUNT, passwords),
        host_port=host_port,
    )


@contextmanager
def throwaway_server() -> Iterator[str]:
    """Yields the address of a fresh server, `mysql+aiomysql://…` without a database; removes it afterwards.

    Raises:
        PlatformRefused: Docker does not answer, or the server does not come up.
    """
    password, (port,) = secrets.token_urlsafe(18), free_ports(1)
    with closing(connect_to_docker()) as client:
        engine = PlatformOnDocker(client, f"suite-{secrets.token_hex(4)}")
        try:
            engine.create_network()
            _await_ready(engine.start(suite_part(password, host_port=port)))
            yield f"mysql+aiomysql://{ACCOUNT}:{password}@127.0.0.1:{port}"
        finally:
            engine.remove(with_volumes=True)


def _await_ready(running: RunningPart) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while (missing := running.part.probe(running)) is not None:
        if problem := running.problem():
            raise PlatformRefused(problem)
        if time.monotonic() > deadline:
            raise PlatformRefused(f"MySQL is not ready after {_READY_SECONDS:.0f} s: {missing}")
        threading.Event().wait(_PROBE_PAUSE_SECONDS)


def main(command: Sequence[str]) -> int:
    """Runs `command` beside a fresh server; returns its exit code, 3 when there is no server."""
    if not command:
        print("name the command to run, for example: pytest apps/storage", file=sys.stderr)
        return 2
    try:
        with throwaway_server() as url:
            return subprocess.run(command, env={**os.environ, VARIABLE: url}, check=False).returncode  # noqa: S603
    except PlatformRefused as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The engines of a whole platform for the length of a command, and their addresses in its environment.

    python -m containers.docker.throwaway pytest --tier external features/journeys

The command's exit code is passed on. This is what proves the external tier: the services and the connectors
find everything by the settings alone.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from containers import settings
from containers.docker import mongo
from containers.docker.doctor import refuse_missing
from containers.docker.engine import PlatformOnDocker, identity_of
from containers.docker.images import Images, connect_to_docker
from containers.docker.parts import ACCOUNTS
from containers.docker.services import inbox_part
from containers.docker.starting import started
from containers.docker.topology import ENGINE_PORTS, Plan, engine_parts, engine_settings
from containers.engines import PlatformRefused
from containers.keys import ensure_passwords
from containers.output import say
from containers.ports import free_ports
from containers.threads import in_thread


@asynccontextmanager
async def engines(data: Path) -> AsyncIterator[Mapping[str, str]]:
    """Starts the engines and the inbox, and yields the settings under which this machine reaches them.

    Raises:
        PlatformRefused: as a containers platform does.
    """
    await in_thread(refuse_missing)
    names = [port.name for port in settings.PORTS]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    with closing(await in_thread(connect_to_docker)) as client:
        plan = Plan(
            settings=settings.load(ports, tier="containers", data=data),
            group_id=str(uuid.uuid4()),
            engine_ports=dict(zip(ENGINE_PORTS, free_ports(len(ENGINE_PORTS)), strict=True)),
            passwords=ensure_passwords(data / "keys", ACCOUNTS, has_data=False),
            secrets={},
            mongo_image=await in_thread(Images(client, say).ensure),
        )
        parts = [*engine_parts(plan), inbox_part(plan.settings)]
        on_docker = PlatformOnDocker(client, identity_of(data))
        async with started(parts, on_docker, progress=say, keep=False):
            yield _addresses(plan)


def _addresses(plan: Plan) -> dict[str, str]:
    """The settings of the external tier: as inside of the network, with this machine's ports for names."""
    at, urls = plan.engine_ports, settings.urls(plan.settings.ports)
    inside = engine_settings(plan)
    hosts = {
        "SIGNUP_DATABASE_URL": ("signup_mysql:3306", at["signup_db"]),
        "LOGIN_DATABASE_URL": ("login_mysql:3306", at["login_db"]),
        "RESET_PASSWORD_DATABASE_URL": ("rpwd_mysql:3306", at["rpwd_db"]),
    }
    return {
        **{name: inside[name].replace(host, f"127.0.0.1:{port}") for name, (host, port) in hosts.items()},
        "ACTIVATION_MONGO_URL": mongo.outside_url(
            plan.mongo_image, "activation", plan.passwords, at["activate_user_reg_db"]
        ),
        "KAFKA_BOOTSTRAP_SERVERS": f"localhost:{at['kafka']}",
        "QUARTET_TEST_KAFKA": f"localhost:{at['kafka']}",  # the suite of the event doors
        "CONNECT_URL": urls["connect"],
        "INBOX_URL": urls["inbox"],
        "SMTP_HOST": "localhost",
        "SMTP_PORT": str(plan.settings.ports["INBOX_SMTP_PORT"]),
        "MAIL_FROM": "Quartet <no-reply@quartet.test>",
    }


async def _run(command: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="quartet-engines-") as folder:
        async with engines(Path(folder)) as environ:
            done = await in_thread(
                lambda: subprocess.run(command, env={**os.environ, **environ}, check=False)  # noqa: S603
            )
            return done.returncode


def main(command: Sequence[str]) -> int:
    """Runs `command` beside fresh engines; returns its exit code, 3 when there are no engines."""
    if not command:
        say("Name the command to run, for example: pytest --tier external features/journeys")
        return 2
    try:
        return asyncio.run(_run(command))
    except PlatformRefused as refused:
        say(str(refused))
        return refused.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What the external tier refuses before it starts anything or reaches an engine."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from apps.web.settings import SettingsInvalid
from containers import settings
from containers.commands.down import has_ended
from containers.external import ExternalPlatform
from containers.polling import poll

GIVEN = {
    "QUARTET_PROFILE": "development",
    "SIGNUP_DATABASE_URL": "mysql+aiomysql://u:s3cret@signup.invalid/signup_db",
    "LOGIN_DATABASE_URL": "mysql+aiomysql://u:s3cret@login.invalid/login_db",
    "RESET_PASSWORD_DATABASE_URL": "mysql+aiomysql://u:s3cret@rpwd.invalid/rpwd_db",
    "ACTIVATION_MONGO_URL": "mongodb://u:s3cret@mongo.invalid/?replicaSet=rs0",
    "KAFKA_BOOTSTRAP_SERVERS": "kafka.invalid:9092",
}


def problems(data: Path, **given: str) -> list[str]:
    async def start() -> None:
        wanted = settings.load({**GIVEN, **given}, tier="external", data=data)
        async with ExternalPlatform(wanted):
            raise AssertionError("this must not start")

    with pytest.raises(SettingsInvalid) as invalid:
        asyncio.run(start())
    return invalid.value.problems


def test_malformed_engines_are_named_together(tmp_path: Path) -> None:
    """Every one at once, and nothing of their addresses."""
    told = problems(
        tmp_path,
        SIGNUP_DATABASE_URL="mysql+aiomysql://u:s3cret@h:abc/db",
        ACTIVATION_MONGO_URL="mongodb://u:s3cret@h:abc/db",
        KAFKA_BOOTSTRAP_SERVERS="h:abc",
    )
    names = {"SIGNUP_DATABASE_URL", "ACTIVATION_MONGO_URL", "KAFKA_BOOTSTRAP_SERVERS"}
    assert {problem.split()[0] for problem in told} == names
    assert "s3cret" not in str(told)


def test_a_host_to_listen_on_that_is_not_of_this_machine_is_refused(tmp_path: Path) -> None:
    """As a setting, before four services end for it."""
    assert problems(tmp_path, LISTEN_HOST="192.0.2.1") == ["LISTEN_HOST must be an address of this machine"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of the death of its parent")
def test_a_service_does_not_outlive_a_platform_that_is_killed() -> None:
    """Its port would be taken for the next one, and it would serve on with the settings of before."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not has_ended(child)
    parent.kill()
    parent.wait()
    poll(lambda: has_ended(child) or None, within_seconds=10, what="the end of the service")
    parent.stdout.close()


PARENT = """
import subprocess, time
from containers.external import end_with_parent
print(subprocess.Popen(["sleep", "60"], preexec_fn=end_with_parent).pid, flush=True)
time.sleep(60)
"""

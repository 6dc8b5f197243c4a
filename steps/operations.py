"""Starting, stopping, killing and configuring a platform."""

import json
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from pytest_bdd import given, parsers, then, when

from containers.process import COMMAND, LONGEST_COMMAND_SECONDS, PlatformProcess
from steps.mail_server import MailServer
from steps.waiting import eventually
from steps.world import Person, World

MakePlatform = Callable[[Mapping[str, str]], PlatformProcess]


@given("a platform of its own", target_fixture="platform")
def a_platform_of_its_own(make_platform: MakePlatform) -> PlatformProcess:
    return make_platform({"LOGIN_RETRY_SECONDS": "0"})


@given(parsers.parse("a platform with {setting} set to {value}"), target_fixture="platform")
def a_platform_with(make_platform: MakePlatform, setting: str, value: str) -> PlatformProcess:
    return make_platform({"LOGIN_RETRY_SECONDS": "0", setting: value})


@when("the platform is stopped and started")
def stop_and_start(world: World) -> None:
    assert world.platform.stop() == 0
    start(world)


@when("the platform is killed")
def kill(world: World) -> None:
    world.platform.kill()


@when("the platform is started")
def start(world: World) -> None:
    world.platform.start()
    world.reconnect()


@when("people sign up until the platform is killed")
def sign_up_until_killed(world: World) -> None:
    """Six at a time; the kill comes when forty have been acknowledged, with others in flight."""
    acknowledged: list[Person] = []
    urls = dict(world.platform.tier.urls)

    def keep_signing_up(worker: int) -> None:
        with httpx.Client(timeout=20) as http:
            for index in range(1000):
                person = Person(
                    f"p{worker}x{index}", f"p{worker}x{index}.{world.platform.data.name}@example.org"
                )
                body = {"email": person.address, "password": person.password}
                try:
                    answer = http.post(f"{urls['signup']}/api/v1/dev/signup", json=body)
                except httpx.TransportError:
                    return
                if answer.status_code == 202:
                    acknowledged.append(person)

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(keep_signing_up, worker) for worker in range(6)]
        eventually(lambda: len(acknowledged) >= 40, within=60, what="forty sign-ups acknowledged")
        kill(world)
        for future in running:
            future.result()
    world.people = {person.name: person for person in acknowledged}


@when(parsers.parse("{name:w} follows the link and the platform is killed"))
def follow_and_kill(world: World, name: str) -> None:
    answer = world.client.activate(world.person(name).links[-1])
    kill(world)
    assert answer.status_code == 200


@then("every acknowledged sign-up is mailed, can be activated and logs in")
def every_acknowledged_signup_is_good(world: World) -> None:
    for person in world.people.values():
        # What was being delivered at the kill waits for its lease, 13 s, and then goes out.
        person.links.append(world.wait_for_link(person, within=30))
        world.activate(person)
        world.log_in(person)


@then("nobody has two rows")
def nobody_has_two_rows(world: World) -> None:
    for database in ("signup_db", "login_db"):
        addresses = [row["email"] for row in world.platform.tier.rows(database, "users")]
        assert len(addresses) == len(set(addresses))


def _second(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Another `quartet up`, of the same tier; it ends by itself, at once on a quiet machine."""
    return subprocess.run(
        [*COMMAND, "up", "--tier", world.platform.tier.name, *arguments],
        capture_output=True,
        text=True,
        env=world.platform.environ,
        timeout=LONGEST_COMMAND_SECONDS[world.platform.tier.name],
        check=False,
    )


@when("another platform is started on the same folder", target_fixture="refused")
def start_on_the_same_folder(world: World) -> subprocess.CompletedProcess[str]:
    return _second(world, "--data", str(world.platform.data))


@when("another platform is started on the same ports", target_fixture="refused")
def start_on_the_same_ports(world: World) -> subprocess.CompletedProcess[str]:
    return _second(world, "--data", str(world.platform.data / "another"))


@then(parsers.re(r"it is refused with exit code 3 and a sentence that names the (?P<what>folder|port)"))
def is_refused_at_once(world: World, refused: subprocess.CompletedProcess[str], what: str) -> None:
    assert refused.returncode == 3, refused.stderr
    named = str(world.platform.data) if what == "folder" else world.platform.environ["SIGNUP_PORT"]
    assert named in refused.stderr.replace("\n", "")
    assert "Traceback" not in refused.stderr
    assert "ready" not in refused.stdout.splitlines()


def status_of(world: World) -> dict[str, Any]:
    """What `quartet status --json` prints; its exit code says whether all is ready."""
    said = world.platform.run("status", "--json")
    status: dict[str, Any] = json.loads(said.stdout)
    assert said.returncode == (0 if status["ready"] else 3), said.stderr
    return status


@then('"quartet status --json" says that everything is ready')
def status_says_ready(world: World) -> None:
    status = status_of(world)
    assert (status["tier"], status["ready"]) == (world.platform.tier.name, True)
    assert status["services"].keys() == {"signup", "activation", "login", "reset_password"}
    assert all(service["ready"] for service in status["services"].values())
    assert len(status["connectors"]) == 7
    assert {"name", "state", "tasks", "lag", "restarts", "cause"} <= status["connectors"][0].keys()


@then('"quartet connectors --json" lists seven running connectors')
def connectors_says_running(world: World) -> None:
    said = world.platform.run("connectors", "--json")
    assert said.returncode == 0, said.stderr
    assert '"RUNNING"' in said.stdout


@given("a platform of its own whose mail server is down", target_fixture="platform")
def platform_without_mail(make_platform: MakePlatform, mail_server: MailServer) -> PlatformProcess:
    platform = make_platform(mail_server.settings)
    mail_server.go_down(platform.tier)
    return platform


@when("the mail server is up")
def mail_server_up(world: World, mail_server: MailServer) -> None:
    mail_server.come_up(world.platform.tier)


@when(parsers.parse("{name:w} signs up while the mail server is down"))
def signs_up_without_mail(world: World, name: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.sign_up({"email": person.address, "password": person.password}))

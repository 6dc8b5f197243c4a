"""Engines that die and come back, and how long it takes until all is as it was."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import httpx
import pytest
from pytest_bdd import parsers, then, when

from containers.engines import TierOfEngines
from steps.activation import claim
from steps.operations import status_of
from steps.traffic import Traffic
from steps.waiting import eventually, wait_until
from steps.wiring import pause, poisoned_row, resume, wait_for_state
from steps.world import Person, World, payload

RECOVERY_SECONDS = 60
"""A deadline for what takes seconds on a quiet machine; the time itself is told, never asserted."""

CARRIED = {
    "signupconnector": "users",
    "mongonewuserconnector": "mongoserver1.activate_user_reg_db.active_users",
    "loginconnector": "login_db.users",
    "resetpasswordconnector": "rpwd_db.users",
}
"""The topic that each source fills with a record for each user."""

MEMBERS: Mapping[str, Callable[[TierOfEngines], Mapping[str, str]]] = {
    "sign-up's group": lambda engines: engines.group(),
    "activation's replica set": lambda engines: engines.replica_set(),
}
"""The members of each group of servers that serve, with their roles."""

RecordProperty = Callable[[str, object], None]


@dataclass
class Fault:
    """What has been done to the platform, to which parts of it, and when, in monotonic seconds.

    records: that the person concerned had in the topic before.
    """

    what: str = "nothing"
    parts: Sequence[str] = ()
    at: float = 0.0
    records: int = 0

    def begins(self, what: str, *parts: str) -> None:
        """Told once it has been done: what is acknowledged after that has met it."""
        self.what, self.parts, self.at = what, parts, time.monotonic()


@pytest.fixture
def fault() -> Fault:
    return Fault()


@pytest.fixture(autouse=True)
def _only_on_mongodb(request: pytest.FixtureRequest) -> None:
    """Whether MongoDB runs or its stand-in is known only once the platform has found an image."""
    if request.node.get_closest_marker("real_mongo"):
        engines: TierOfEngines = request.getfixturevalue("engines")
        if not engines.has_mongodb:
            pytest.skip("the stand-in runs in MongoDB's place: @real_mongo")


@pytest.fixture
def engines(world: World) -> TierOfEngines:
    assert "engines" in world.platform.tier.capabilities
    return cast(TierOfEngines, world.platform.tier)


@when(parsers.parse("{part:w} is killed, and started again {seconds:d} seconds later"))
def is_killed_for(engines: TierOfEngines, fault: Fault, part: str, seconds: int) -> None:
    engines.kill(part)
    fault.begins(f"{part} killed for {seconds} s", part)
    wait_until(time.time() + seconds)
    engines.start(part)


@when(parsers.parse("{part:w} is killed"))
def is_killed(engines: TierOfEngines, fault: Fault, part: str) -> None:
    engines.kill(part)
    fault.begins(f"{part} killed", part)


@when(parsers.parse("the primary of {group} is killed"))
def primary_is_killed(engines: TierOfEngines, fault: Fault, group: str) -> None:
    primary = eventually(lambda: _primary(engines, group), within=30, what="a primary")
    assert primary is not None
    engines.kill(primary)
    fault.begins(f"primary of {group} ({primary}) killed", primary)


@when(parsers.parse("the primary of {group} and one more member are killed"))
def majority_is_killed(engines: TierOfEngines, fault: Fault, group: str) -> None:
    """The third is no majority, so nobody is the primary: returns once that is noticed."""
    members = eventually(
        lambda: MEMBERS[group](engines), within=30, what="three members", accept=lambda all: len(all) == 3
    )
    killed = sorted(members, key=lambda member: members[member] != "PRIMARY")[:2]
    for member in killed:
        engines.kill(member)
    fault.begins(f"majority of {group} ({', '.join(killed)}) killed", *killed)
    eventually(
        lambda: _primary(engines, group), within=30, what="no primary", accept=lambda found: found is None
    )


@then(parsers.parse("another member of {group} is the primary"))
def another_is_the_primary(engines: TierOfEngines, fault: Fault, group: str) -> None:
    assert eventually(lambda: _primary(engines, group), within=30, what="another primary") not in fault.parts


@when("what was killed is started again")
def is_started(engines: TierOfEngines, fault: Fault) -> None:
    for part in fault.parts:
        engines.start(part)


@then(parsers.parse("the status names {part:w} as down"))
def status_names(world: World, part: str) -> None:
    assert status_of(world)["down"] == [part]


@then(parsers.parse("it calls no connector RUNNING, and {one:w} and {other:w} not ready"))
def status_calls_not_ready(world: World, one: str, other: str) -> None:
    """A service that reads topics takes silence for idleness until its brokers have been silent for long."""
    status = eventually(
        lambda: status_of(world),
        within=30,
        what=f"{one} and {other} not ready",
        accept=lambda status: (
            {name for name, service in status["services"].items() if not service["ready"]} == {one, other}
        ),
    )
    assert not status["ready"]
    assert {(connector["state"], connector["lag"]) for connector in status["connectors"]} == {
        ("UNKNOWN", None)
    }
    assert all("Kafka at" in connector["cause"] for connector in status["connectors"])


@then("the status says that everything is ready again")
def status_is_ready_again(world: World) -> None:
    eventually(
        lambda: status_of(world),
        within=RECOVERY_SECONDS,
        what="everything ready, nothing down",
        accept=lambda status: status["ready"] and not status["down"],
    )


@then(parsers.parse("all three members of {group} are there"))
def all_members_are_there(engines: TierOfEngines, group: str) -> None:
    eventually(
        lambda: MEMBERS[group](engines),
        within=90,
        what=f"three members of {group}",
        accept=lambda members: len(members) == 3,
    )


def _primary(engines: TierOfEngines, group: str) -> str | None:
    return next((member for member, role in MEMBERS[group](engines).items() if role == "PRIMARY"), None)


@when(parsers.parse('the connector "{connector}" is paused for {seconds:d} seconds'))
def is_paused_for(world: World, fault: Fault, connector: str, seconds: int) -> None:
    pause(world, connector)
    fault.begins(f"{connector} paused for {seconds} s", connector)
    wait_until(time.time() + seconds)
    resume(world, connector)


@when("a record that login_db refuses comes among theirs")
def refused_record_comes(world: World, traffic: Traffic, fault: Fault) -> None:
    """A later state of the first of them, with a status that the column does not know."""
    first = traffic.acknowledged[0].person
    eventually(lambda: world.row("login_db", first), within=30, what=f"{first.name} in login_db")
    key, world.produced = poisoned_row(world, "bad status", world.user_id(first))
    world.platform.tier.produce("users", key, world.produced)
    fault.begins("record refused by login_db", "login-sink-connector")


@when(parsers.parse('the offsets of "{connector}" are lost'))
def offsets_are_lost(world: World, fault: Fault, connector: str) -> None:
    """As when the topic that holds them is gone: Connect forgets how far the source has been read."""
    fault.records = _number_of_records(world, connector)
    connectors = world.platform.tier.connectors
    connectors.stop(connector)
    eventually(
        lambda: connectors.status(connector),
        within=30,
        what=f"{connector} stopped",
        accept=lambda status: status["connector"]["state"] == "STOPPED" and not status["tasks"],
    )
    connectors.forget_offsets(connector)
    fault.begins(f"offsets of {connector} lost", connector)
    connectors.resume(connector)


@then(parsers.parse('the connector "{connector}" has taken a fresh snapshot'))
def has_taken_a_snapshot(world: World, fault: Fault, connector: str) -> None:
    """A row that nobody has changed since comes once more."""
    eventually(
        lambda: _number_of_records(world, connector),
        within=RECOVERY_SECONDS,
        what=f"another record from {connector} of a row that has not changed",
        accept=lambda number: number > fault.records,
    )


def _number_of_records(world: World, connector: str) -> int:
    """Of the one person of the scenario who has done more than signing up."""
    (person,) = world.people.values()
    user_id = str(world.user_id(person))
    keys = (payload(record.key) for record in world.platform.tier.records(CARRIED[connector]))
    return sum(1 for key in keys if isinstance(key, dict) and str(key["id"]) == user_id)


@then("a sign-up made after that reaches login_db")
def later_signup_arrives(
    world: World, traffic: Traffic, fault: Fault, record_property: RecordProperty
) -> None:
    person = _first_after(traffic, fault)
    eventually(
        lambda: world.row("login_db", person),
        within=RECOVERY_SECONDS,
        what=f"{person.name}, who signed up after {fault.what}, in login_db",
        timeline=world.timeline(person),
    )
    _tell(record_property, fault)


@then(parsers.parse("a sign-up made meanwhile is mailed within {seconds:d} seconds"))
def is_mailed(
    world: World, traffic: Traffic, fault: Fault, record_property: RecordProperty, seconds: int
) -> None:
    person = _first_after(traffic, fault)
    person.links.append(world.wait_for_link(person, within=seconds))
    _tell(record_property, fault)


@then(parsers.parse("a login of {name:w} made after that is known to reset-password"))
def later_login_is_known(world: World, name: str, fault: Fault, record_property: RecordProperty) -> None:
    person = world.person(name)
    world.log_in(person)
    session = claim(person.token, "jti")
    eventually(
        lambda: world.row("rpwd_db", person),
        within=RECOVERY_SECONDS,
        what=f"the receipt of a login after {fault.what} in rpwd_db",
        accept=lambda row: row and row["auth_token"] and claim(row["auth_token"], "jti") == session,
        timeline=world.timeline(person),
    )
    _tell(record_property, fault)


@then(parsers.parse("an activation of {name:w} made after that reaches login_db"))
def later_activation_arrives(world: World, name: str, fault: Fault, record_property: RecordProperty) -> None:
    person = world.person(name)
    eventually(
        lambda: world.client.activate(person.links[-1]),
        within=RECOVERY_SECONDS,
        what=f"an activation after {fault.what}",
        accept=lambda answer: answer.status_code == httpx.codes.OK,
    )
    eventually(
        lambda: world.row("login_db", person),
        within=RECOVERY_SECONDS,
        what=f"{name} ACTIVE in login_db",
        accept=lambda row: row and row["User_status"] == "ACTIVE",
        timeline=world.timeline(person),
    )
    _tell(record_property, fault)


@then("every connector is running")
def every_connector_is_running(world: World) -> None:
    for view in eventually(world.platform.tier.connectors.overview, within=30, what="the connectors"):
        wait_for_state(world, view.name, "RUNNING", within=30)


def _first_after(traffic: Traffic, fault: Fault) -> Person:
    signups = eventually(
        lambda: traffic.since(fault.at), within=RECOVERY_SECONDS, what=f"a sign-up after {fault.what}"
    )
    return signups[0].person


def _tell(record_property: RecordProperty, fault: Fault) -> None:
    """The time from the fault until now, for the terminal's summary."""
    record_property("recovery", f"{fault.what}: {time.monotonic() - fault.at:.1f} s")

"""What topics carry, and what becomes of records that come late, twice, or broken."""

import json
from collections.abc import Mapping, Sequence

from pytest_bdd import given, parsers, then, when

from containers.engines import SQLDatabase
from steps.activation import claim
from steps.login import is_logged_in
from steps.reset_password import resets_the_password
from steps.waiting import eventually
from steps.world import Person, World, payload

COPIES: tuple[SQLDatabase, ...] = ("signup_db", "login_db", "rpwd_db")
TOPICS = (
    "users",
    "mongoserver1.activate_user_reg_db.active_users",
    "login_db.users",
    "login_db.suspended_users",
    "rpwd_db.users",
)


@given(parsers.parse("{name:w} has gone the whole way"))
def has_gone_the_whole_way(world: World, name: str) -> None:
    is_logged_in(world, name)
    resets_the_password(world, name, "a harbour in the evening")
    agree_in_the_end(world, name)


@given(parsers.parse('the connector "{connector}" is paused'))
@when(parsers.parse('the connector "{connector}" is paused'))
def pause(world: World, connector: str) -> None:
    world.platform.tier.connectors.pause(connector)
    wait_for_state(world, connector, "PAUSED")


@when(parsers.parse('the connector "{connector}" is resumed'))
def resume(world: World, connector: str) -> None:
    world.platform.tier.connectors.resume(connector)
    wait_for_state(world, connector, "RUNNING")


@then(parsers.parse('the connector "{connector}" is running'))
def is_running(world: World, connector: str) -> None:
    wait_for_state(world, connector, "RUNNING")


def wait_for_state(world: World, connector: str, state: str, *, within: float = 10) -> None:
    eventually(
        lambda: {view.name: view.state for view in world.platform.tier.connectors.overview()}[connector],
        within=within,
        what=f"{connector} {state}",
        accept=lambda seen: seen == state,
    )


@then("the connectors are running")
def connectors_are_running(world: World, datatable: list[list[str]]) -> None:
    views = {view.name: view for view in world.platform.tier.connectors.overview()}
    assert sorted(views) == sorted(name for name, _ in datatable)
    for name, kind in datatable:
        status = world.platform.tier.connectors.status(name)
        assert (status["type"], status["connector"]["state"]) == (kind, "RUNNING")
        assert [task["state"] for task in status["tasks"]] == ["RUNNING"]


@then(parsers.parse('the topic "{topic}" has carried that receipt'))
def topic_has_carried_the_receipt(world: World, topic: str) -> None:
    (person,) = world.people.values()
    receipts = [row["auth_token"] for row in world.records(topic, world.user_id(person)) if row]
    assert claim(receipts[-1], "jti") == claim(person.token, "jti")


@then(parsers.parse('the records of {name:w} in "{topic}" have the fields "{fields}"'))
def records_have_the_fields(world: World, name: str, topic: str, fields: str) -> None:
    rows = world.records(topic, world.user_id(world.person(name)))
    assert rows
    assert {",".join(row) for row in rows if row is not None} == {fields}


@then(parsers.parse('the suspension of {name:w} in "{topic}" has the fields "{fields}"'))
def suspension_has_the_fields(world: World, name: str, topic: str, fields: str) -> None:
    (row,) = world.platform.tier.rows("login_db", "suspended_users", email=world.person(name).address)
    rows = world.records(topic, row["id"])
    assert rows
    assert {",".join(record) for record in rows if record is not None} == {fields}


@then(parsers.parse("{name:w}'s profile is nowhere but in signup_db"))
def profile_is_nowhere_else(world: World, name: str) -> None:
    world.drained()
    person = world.person(name)
    profile = ("fullName", "address", "phoneNo", "gender")
    source = world.row("signup_db", person)
    assert source is not None
    assert all(source[field] for field in profile)
    for database in ("login_db", "rpwd_db"):
        row = world.row(database, person)
        assert row is not None
        assert [row[field] for field in profile if row.get(field)] == []


@then(parsers.parse("{name:w}'s password hash is in signup_db and login_db only"))
def hash_is_where_it_belongs(world: World, name: str) -> None:
    rows = {database: world.row(database, world.person(name)) for database in COPIES}
    hashes = {database: row and row["password"] for database, row in rows.items()}
    assert hashes["signup_db"] == hashes["login_db"] != ""
    assert hashes["rpwd_db"] is None


@then(parsers.parse("no topic has carried {name:w}'s password, session token or links"))
def no_secret_has_travelled(world: World, name: str) -> None:
    person = world.person(name)
    secrets = [person.password, "a quiet harbour at dawn", *person.tokens, *person.links, *person.reset_links]
    for topic in TOPICS:
        carried = "".join(record.value or "" for record in world.platform.tier.records(topic))
        assert not [secret for secret in secrets if secret in carried], f"a secret is in {topic}"


@when(parsers.parse('every record of {name:w} in "{topic}" comes again, oldest first'))
def records_come_again(world: World, name: str, topic: str) -> None:
    """As after a crash of Connect: from some point on, in order, up to the newest."""
    agree_in_the_end(world, name)
    key = {"id": world.user_id(world.person(name))}
    for record in world.platform.tier.records(topic):
        if payload(record.key) == key:
            world.platform.tier.produce(topic, record.key, record.value)


@when(parsers.parse('the first record of {name:w} in "{topic}" comes again, after all others'))
def first_record_comes_last(world: World, name: str, topic: str) -> None:
    """As no connector does it, and an operator may; the sink has written it when this returns."""
    agree_in_the_end(world, name)
    key = {"id": world.user_id(world.person(name))}
    if topic == "login_db.suspended_users":
        (row,) = world.platform.tier.rows("login_db", "suspended_users", user_id=key["id"])
        key = {"id": row["id"]}
    first = next(r for r in world.platform.tier.records(topic) if payload(r.key) == key)
    world.platform.tier.produce(topic, first.key, first.value)
    world.drained()


@when(parsers.re(r'a (?P<kind>[\w ]+) record is put into the topic "(?P<topic>[\w.]+)"'))
def poison_is_put(world: World, kind: str, topic: str) -> None:
    (person,) = world.people.values()
    if topic == "users":
        world.drained()
        key, value = poisoned_row(world, kind, world.user_id(person))
    else:
        key, value = _poisoned_activation(kind, world.user_id(person))
    world.produced = value
    world.platform.tier.produce(topic, key, value)


def poisoned_row(world: World, kind: str, user_id: int) -> tuple[str, str]:
    for record in reversed(world.platform.tier.records("users")):
        if record.value and json.loads(record.key or "null")["payload"] == {"id": user_id}:
            envelope = json.loads(record.value)
            break
    row = envelope["payload"]
    if kind == "bad status":
        row["User_status"] = "ASLEEP"
    if kind == "too long":
        row["email"] = "a" * 300
    broken = {"not JSON": "{not json", "no schema": json.dumps(row)}
    return record.key or "", broken.get(kind, json.dumps(envelope))


def _poisoned_activation(kind: str, user_id: int) -> tuple[str, str]:
    unknown = {"_id": 987654321, "status": "ACTIVE", "pw_version": 1}
    value = {
        "not JSON": "{not json",
        "unknown user": json.dumps(unknown),
        "no status": json.dumps({"_id": user_id, "pw_version": 1}),
    }[kind]
    return json.dumps({"id": 987654321 if kind == "unknown user" else user_id}), value


@then(parsers.parse('it is parked in "{topic}" with its reason'))
def it_is_parked(world: World, topic: str) -> None:
    """The dead letter holds the record as it was put, and headers that say why."""
    parked = eventually(
        lambda: [r for r in world.platform.tier.records(topic) if r.value == world.produced],
        within=15,
        what=f"the record in {topic}",
    )
    assert len(parked) == 1
    reasons = [
        text for name, text in parked[0].headers.items() if "exception.message" in name or "reason" in name
    ]
    assert reasons
    assert all(reasons)
    counts = {f"dlq.{view.name}": view.parked for view in world.platform.tier.connectors.overview()}
    assert counts.get(topic, 1) > 0, f"{topic} is not counted"


@then(parsers.parse("{name:w}'s sign-up still reaches login_db"))
def signup_still_arrives(world: World, name: str) -> None:
    world.sign_up(world.person(name))
    world.wait_for_status(world.person(name), "INACTIVE")


@then(parsers.parse("the databases agree on {name:w} in the end"))
def agree_in_the_end(world: World, name: str) -> None:
    agree_on(world, [world.person(name)])


def agree_on(world: World, people: Sequence[Person]) -> None:
    """Status, version and hash are the same wherever they are kept, once nothing is on its way."""
    eventually(
        lambda: _disagreed(world, people),
        within=10,
        what="the databases agree",
        accept=lambda disagreed: not disagreed,
        timeline=world.timeline(people[0]),
    )
    world.drained()
    assert _disagreed(world, people) == {}, "the databases agreed for a moment only"


def _disagreed(world: World, people: Sequence[Person]) -> dict[str, Mapping[str, Mapping[str, object]]]:
    """The rows, by database, of those on whom the databases disagree, by name."""
    one = {"email": people[0].address} if len(people) == 1 else {}
    tables = {database: world.platform.tier.rows(database, "users", **one) for database in COPIES}
    for database, rows in tables.items():
        addresses = [row["email"] for row in rows]
        assert len(addresses) == len(set(addresses)), f"two rows of one address in {database}"
    by_address = {database: {row["email"]: row for row in rows} for database, rows in tables.items()}
    disagreed: dict[str, Mapping[str, Mapping[str, object]]] = {}
    for person in people:
        copies = {str(database): rows.get(person.address, {}) for database, rows in by_address.items()}
        if not _agree(copies):
            disagreed[person.name] = copies
    return disagreed


def _agree(rows: Mapping[str, Mapping[str, object]]) -> bool:
    signup, login, reset = rows["signup_db"], rows["login_db"], rows["rpwd_db"]
    return (
        bool(signup)
        and signup.get("password") == login.get("password")
        and reset.get("password") in {None, signup.get("password")}
        and len({row.get("pw_version") for row in rows.values()}) == 1
        and reset.get("chosen_version") in {None, signup.get("pw_version")}
        and len({row.get("User_status") for row in rows.values()}) == 1
    )

"""Signing up, and what becomes of it in the databases."""

from concurrent.futures import ThreadPoolExecutor

from pytest_bdd import given, parsers, then, when

from containers.engines import SQLDatabase
from steps.client import Client
from steps.world import World


@given(parsers.parse("{name:w} has signed up"))
@given(parsers.parse("{name:w} has signed up again"))
def has_signed_up(world: World, name: str) -> None:
    world.sign_up(world.person(name))


@given(parsers.parse("{name:w} has signed up with a full profile"))
def has_signed_up_with_profile(world: World, name: str) -> None:
    world.sign_up(world.person(name), fullName="Ada L.", address="1 Harbour Row", phoneNo="040", gender="f")


@given(parsers.parse("{name:w} has signed up {times:d} times"))
def has_signed_up_times(world: World, name: str, times: int) -> None:
    for _ in range(times):
        world.sign_up(world.person(name))


@given(parsers.parse("{name:w} has reached login_db"))
def has_reached_login(world: World, name: str) -> None:
    world.wait_for_status(world.person(name), "INACTIVE")


@given(parsers.parse("{name:w} has an active account"))
def has_an_active_account(world: World, name: str) -> None:
    person = world.person(name)
    if not person.links:
        world.sign_up(person)
    world.activate(person)


@when(parsers.parse("{name:w} signs up"))
def signs_up(world: World, name: str) -> None:
    world.sign_up(world.person(name))


@when(parsers.parse('{name:w} signs up with the password "{password}"'))
def signs_up_with_password(world: World, name: str, password: str) -> None:
    world.person(name).password = password
    world.sign_up(world.person(name))


@when(parsers.parse("{name:w} signs up with"))
def signs_up_with(world: World, name: str, datatable: list[list[str]]) -> None:
    person = world.person(name)
    body: dict[str, str] = {"email": person.address, "password": person.password, **dict(datatable)}
    if body.keys() <= {"email", "password", "fullName", "address", "phoneNo", "gender"}:
        person.password = body["password"]
    world.answers.append(world.client.sign_up(body))


@when(parsers.parse("{name:w} signs up with the address in capitals"))
def signs_up_in_capitals(world: World, name: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.sign_up({"email": person.address.upper(), "password": person.password}))


@when(parsers.parse("{name:w} signs up with a password that contains the address"))
def signs_up_with_the_address(world: World, name: str) -> None:
    person = world.person(name)
    body = {"email": person.address, "password": f"x{person.address.upper()}x"}
    world.answers.append(world.client.sign_up(body))


@when(parsers.parse("{name:w} signs up with a password of {length:d} characters"))
def signs_up_with_length(world: World, name: str, length: int) -> None:
    person = world.person(name)
    person.password = "é" * (length - 1) + "!"
    world.answers.append(world.client.sign_up({"email": person.address, "password": person.password}))
    if world.answer.status_code == 202:
        person.links.append(world.wait_for_link(person))


@when(parsers.parse('somebody signs up with {name:w}\'s address and the password "{password}"'))
def somebody_signs_up(world: World, name: str, password: str) -> None:
    world.answers.append(world.client.sign_up({"email": world.person(name).address, "password": password}))


@when(parsers.parse('somebody signs up with the address "{address}"'))
def somebody_signs_up_with_address(world: World, address: str) -> None:
    world.answers.append(world.client.sign_up({"email": address, "password": "a quiet harbour at dawn"}))


@when(parsers.parse('somebody signs up with the address "{address}" and'))
def somebody_signs_up_with_body(world: World, address: str, datatable: list[list[str]]) -> None:
    world.answers.append(world.client.sign_up({"email": address, **dict(datatable)}))


@when(parsers.parse("somebody signs up with the addresses of {names}"))
def somebody_signs_up_with_each(world: World, names: str) -> None:
    world.answers.clear()
    for name in names.replace(" and ", ", ").split(", "):
        body = {"email": world.person(name).address, "password": "somebody elses password"}
        world.answers.append(world.client.sign_up(body))


@when(parsers.parse("{number:d} people sign up with {name:w}'s address at once"))
def many_sign_up_at_once(world: World, number: int, name: str) -> None:
    person = world.person(name)

    def one(index: int) -> None:
        client = Client(world.platform.tier.urls)
        body = {"email": person.address, "password": f"a quiet harbour {index}"}
        world.answers.append(client.sign_up(body))
        client.close()

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(one, range(number)))


@when(parsers.parse("{name:w} asks for another link"))
def asks_for_another_link(world: World, name: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.resend(person.address))
    person.links.append(world.wait_for_link(person))


@when(parsers.parse("another link is asked for {name:w}"))
def another_link_is_asked_for(world: World, name: str) -> None:
    world.answers.append(world.client.resend(world.person(name).address))


@then(parsers.re(r"(?P<name>\w+) is (?P<status>ACTIVE|INACTIVE) in (?P<database>signup_db|login_db|rpwd_db)"))
def is_status_in(world: World, name: str, status: str, database: SQLDatabase) -> None:
    world.wait_for_row(
        database, world.person(name), lambda row: row["User_status"] == status, f"{name} {status}"
    )


@then(
    parsers.re(
        r"(?P<name>\w+) is still (?P<status>ACTIVE|INACTIVE) in (?P<database>\w+?)( once all has drained)?"
    )
)
def is_still_status_in(world: World, name: str, status: str, database: SQLDatabase) -> None:
    paused = [view for view in world.platform.tier.connectors.overview() if view.state == "PAUSED"]
    if not paused:
        world.drained()
    row = world.row(database, world.person(name))
    assert row is not None
    assert row["User_status"] == status


@then(parsers.parse("{name:w}'s profile in signup_db is"))
def profile_is(world: World, name: str, datatable: list[list[str]]) -> None:
    row = world.row("signup_db", world.person(name))
    assert row is not None
    assert {field: row[field] for field, _ in datatable} == dict(datatable)


@then(parsers.parse("{name:w} has one row in signup_db"))
def has_one_row(world: World, name: str) -> None:
    assert len(world.platform.tier.rows("signup_db", "users", email=world.person(name).address)) == 1


@then(parsers.parse("{name:w} has no row in signup_db"))
def has_no_row(world: World, name: str) -> None:
    assert world.row("signup_db", world.person(name)) is None

"""Logging in, sessions, and suspension."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from pytest_bdd import given, parsers, then, when

from containers.engines import SQLDatabase
from steps.activation import claim
from steps.answers import refusal
from steps.client import Client
from steps.waiting import eventually
from steps.world import BOTH, Person, World

RECEIPTS: tuple[SQLDatabase, SQLDatabase] = ("login_db", "rpwd_db")
WRONG = "not the password at all"


@given(parsers.parse("{name:w} is logged in"))
@given(parsers.parse("{name:w} is logged in again"))
def is_logged_in(world: World, name: str) -> None:
    person = world.person(name)
    if not person.links:
        world.sign_up(person)
        world.activate(person)
    world.log_in(person)
    world.wait_for_receipt(person)


@given(parsers.parse("{name:w} is suspended"))
def is_suspended(world: World, name: str) -> None:
    person = world.person(name)
    if not person.links:
        world.sign_up(person)
        world.activate(person)
    fails_to_log_in(world, name, 5)
    suspension_stands(world, name)


@given(parsers.parse("{name:w} has logged out"))
def has_logged_out(world: World, name: str) -> None:
    logs_out(world, name)
    no_receipt_is_left(world, name)


@when(parsers.parse("{name:w} logs in"))
def logs_in(world: World, name: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.log_in(person.address, person.password))
    if world.answer.status_code == 200:
        person.tokens.append(world.answer.json()["token"])


@when(parsers.parse('a {name:w} logs in with "{password}"'))
@when(parsers.parse('the same {name:w} logs in with "{password}"'))
@when(parsers.parse('{name:w} logs in with "{password}"'))
def logs_in_with(world: World, name: str, password: str) -> None:
    world.answers.append(world.client.log_in(world.person(name).address, password))


@when(parsers.parse("{name:w} fails to log in {times:d} times"))
def fails_to_log_in(world: World, name: str, times: int) -> None:
    for _ in range(times):
        refusal(world.client.log_in(world.person(name).address, WRONG), "LOGIN_FAILED")


@when(parsers.parse("{name:w} fails to log in {times:d} times at once"))
def fails_to_log_in_at_once(world: World, name: str, times: int) -> None:
    def one(_: int) -> None:
        client = Client(world.platform.tier.urls)
        answer = client.log_in(world.person(name).address, WRONG)
        assert answer.status_code in {401, 503}, answer.text
        client.close()

    with ThreadPoolExecutor(times) as pool:
        list(pool.map(one, range(times)))


@when(parsers.parse("{name:w} logs out"))
def logs_out(world: World, name: str) -> None:
    world.answers.append(world.client.log_out(world.person(name).token))
    assert world.answer.status_code == 204


@when(parsers.parse("{name:w} logs out by GET"))
def logs_out_by_get(world: World, name: str) -> None:
    world.answers.append(world.client.log_out(world.person(name).token, "GET"))
    assert world.answer.status_code == 204


@when("a stranger logs out with an unknown token")
def stranger_logs_out(world: World) -> None:
    world.answers.append(world.client.log_out("nobody.knows.this"))


@then("the answer is as for a log-out")
def answer_is_as_for_logout(world: World) -> None:
    assert (world.answer.status_code, world.answer.content) == (204, b"")


@when(parsers.parse("{name:w} lists her sessions"))
def lists_sessions(world: World, name: str) -> None:
    world.answers.append(world.client.sessions(world.person(name).token))


@when(parsers.parse("{name:w} ends the first session"))
def ends_the_first_session(world: World, name: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.revoke(person.token, str(claim(person.tokens[0], "jti"))))
    assert world.answer.status_code == 204


@when(parsers.parse("{name:w} ends the newest session from the first"))
def ends_the_newest_session(world: World, name: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.revoke(person.tokens[0], str(claim(person.tokens[-1], "jti"))))
    assert world.answer.status_code == 204


@when(parsers.parse("{name:w} ends all other sessions"))
def ends_all_other_sessions(world: World, name: str) -> None:
    world.answers.append(world.client.revoke(world.person(name).token))
    assert world.answer.status_code == 204


@when(parsers.parse("{name:w} ends {other:w}'s session"))
def ends_the_session_of(world: World, name: str, other: str) -> None:
    session_id = str(claim(world.person(other).token, "jti"))
    world.answers.append(world.client.revoke(world.person(name).token, session_id))


@when(parsers.parse("{name:w} uses the activation link as a session token"))
def uses_the_link_as_session(world: World, name: str) -> None:
    world.answers.append(world.client.session(world.person(name).links[-1]))


@when(parsers.parse("{name:w} uses the receipt as a session token"))
def uses_the_receipt_as_session(world: World, name: str) -> None:
    row = world.row("rpwd_db", world.person(name))
    assert row is not None
    world.answers.append(world.client.session(row["auth_token"]))


@then(parsers.parse("{name:w} is given a session"))
def is_given_a_session(world: World, name: str) -> None:
    assert world.answer.status_code == 200, world.answer.text
    assert world.client.session(world.person(name).token).status_code == 200


@then(parsers.parse("{name:w} is given a session for {seconds:d} seconds"))
def is_given_a_session_for(world: World, name: str, seconds: int) -> None:
    assert world.answer.status_code == 200, world.answer.text
    body = world.answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", seconds)
    assert body.keys() == {"token", "token_type", "expires_in"}
    assert world.answer.headers["cache-control"] == "no-store"


@then(parsers.parse("{name:w}'s session names her"))
def session_names_her(world: World, name: str) -> None:
    person = world.person(name)
    session = world.client.session(person.token).json()
    assert session.keys() == {"user_id", "email", "session_id", "issued_at", "expires_at"}
    assert (session["email"], session["user_id"]) == (person.address, world.user_id(person))
    assert session["session_id"] == claim(person.token, "jti")


@then(parsers.parse("{name:w}'s session is alive"))
def session_is_alive(world: World, name: str) -> None:
    assert world.client.session(world.person(name).token).status_code == 200


@then(parsers.parse("{name:w}'s session is dead"))
def session_is_dead(world: World, name: str) -> None:
    refusal(world.client.session(world.person(name).token), "TOKEN_INVALID")


@then(parsers.parse("{name:w}'s first session is dead"))
def first_session_is_dead(world: World, name: str) -> None:
    refusal(world.client.session(world.person(name).tokens[0]), "TOKEN_INVALID")


@then(parsers.re(r"(?P<name>\w+)'s (?P<which>first|newest) session dies"))
def session_dies(world: World, name: str, which: str) -> None:
    token = world.person(name).tokens[0 if which == "first" else -1]
    eventually(
        lambda: world.client.session(token).status_code,
        within=10,
        what=f"the {which} session of {name} is dead",
        accept=lambda status: status == 401,
        timeline=world.timeline(world.person(name)),
    )


@then(parsers.re(r"(?P<name>\w+) sees (?P<number>\d+) sessions?(, one of them the current one| in her list)"))
def sees_sessions(world: World, name: str, number: str) -> None:
    sessions = world.client.sessions(world.person(name).token).json()["sessions"]
    assert len(sessions) == int(number)
    assert all(s.keys() == {"session_id", "issued_at", "expires_at", "current"} for s in sessions)
    current = [s["session_id"] for s in sessions if s["current"]]
    assert current == [claim(world.person(name).token, "jti")]


@then(parsers.parse("{name:w} can log in"))
def can_log_in(world: World, name: str) -> None:
    can_log_in_with(world, name, world.person(name).password)


@then(parsers.parse("{name:w} can log in with that password"))
def can_log_in_with_that(world: World, name: str) -> None:
    can_log_in(world, name)


@then(parsers.parse('{name:w} can log in with "{password}"'))
def can_log_in_with(world: World, name: str, password: str) -> None:
    """The password's hash may still be on its way from reset-password."""
    person = world.person(name)
    person.password = password
    eventually(
        lambda: world.client.log_in(person.address, password).status_code,
        within=10,
        what=f"{name} is let in",
        accept=lambda status: status == 200,
        timeline=world.timeline(person),
    )
    world.log_in(person)


@then(parsers.parse('{name:w} cannot log in with "{password}"'))
def cannot_log_in_with(world: World, name: str, password: str) -> None:
    refusal(world.client.log_in(world.person(name).address, password), "LOGIN_FAILED")


@then(parsers.parse("{name:w} cannot log in with all but its last character"))
def cannot_log_in_with_less(world: World, name: str) -> None:
    cannot_log_in_with(world, name, world.person(name).password[:-1])


@then(parsers.parse("{name:w} can log in once the suspension has ended"))
def can_log_in_after_suspension(world: World, name: str) -> None:
    can_log_in(world, name)


def _suspensions(world: World, person: Person, accept: Callable[[dict[str, Any]], bool], what: str) -> None:
    for database in BOTH:
        rows = eventually(
            partial(world.platform.tier.rows, database, "suspended_users", email=person.address),
            within=10,
            what=f"the suspension of {person.name} {what} in {database}",
            accept=lambda rows: bool(rows) and accept(rows[0]),
            timeline=world.timeline(person),
        )
        assert len(rows) == 1
        assert rows[0]["reason"] == "TOO_MANY_FAILURES"
        assert rows[0]["user_id"] == world.user_id(person)


@then(parsers.parse("{name:w}'s suspension stands in login_db and in signup_db"))
def suspension_stands(world: World, name: str) -> None:
    _suspensions(world, world.person(name), lambda row: row["suspended_until"] is not None, "stands")


@given(parsers.parse("{name:w}'s suspension is lifted in login_db and in signup_db"))
@then(parsers.parse("{name:w}'s suspension is lifted in login_db and in signup_db"))
def suspension_is_lifted(world: World, name: str) -> None:
    _suspensions(world, world.person(name), lambda row: row["lifted_at"] is not None, "is lifted")


@then(parsers.parse("{name:w}'s login is known to reset-password"))
def login_is_known_to_reset_password(world: World, name: str) -> None:
    world.wait_for_receipt(world.person(name))


@then(parsers.parse("no receipt of {name:w} is left in login_db and rpwd_db"))
def no_receipt_is_left(world: World, name: str) -> None:
    for database in RECEIPTS:
        world.wait_for_row(
            database, world.person(name), lambda row: row["auth_token"] is None, f"no receipt of {name}"
        )


@then(
    parsers.re(r"the receipt in login_db and rpwd_db is of (?P<name>\w+)'s (?P<which>first|newest) session")
)
def receipt_is_of(world: World, name: str, which: str) -> None:
    person = world.person(name)
    session_id = claim(person.tokens[0 if which == "first" else -1], "jti")
    for database in RECEIPTS:
        world.wait_for_row(
            database,
            person,
            lambda row: row["auth_token"] and claim(row["auth_token"], "jti") == session_id,
            f"the receipt of the {which} session of {name}",
        )

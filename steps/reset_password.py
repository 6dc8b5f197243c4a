"""Asking for a reset and choosing a new password."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from pytest_bdd import given, parsers, then, when

from steps.activation import PAGE_HEADERS, expires_at, forged
from steps.answers import refusal
from steps.client import AS_BROWSER, Client
from steps.login import session_is_alive
from steps.waiting import eventually
from steps.world import World


@given(parsers.parse("{name:w} has asked for a reset"))
def has_asked_for_a_reset(world: World, name: str) -> None:
    world.ask_reset(world.person(name))


@given(parsers.parse('{name:w} has reset the password to "{password}"'))
@when(parsers.parse('{name:w} resets the password to "{password}"'))
def resets_the_password(world: World, name: str, password: str) -> None:
    person = world.person(name)
    world.ask_reset(person)
    world.answers.append(world.client.choose_password(person.reset_links[-1], password))
    assert world.answer.status_code == 200, world.answer.text


@when(parsers.parse("a {name:w} asks for a reset"))
@when(parsers.parse("{name:w} asks for a reset"))
def asks_for_a_reset(world: World, name: str) -> None:
    world.answers.append(world.client.ask_reset(world.person(name).address))


@when(parsers.parse("{name:w} asks for a reset by the single-slash address"))
def asks_by_single_slash(world: World, name: str) -> None:
    world.answers.append(world.client.ask_reset(world.person(name).address, path="/resetPW"))


@when(
    parsers.re(
        r"(?P<name>\w+) asks for a reset with "
        r"(?P<token>her session token|\w+'s session token|a forged token|the activation link)"
    )
)
def asks_with_a_token(world: World, name: str, token: str) -> None:
    person = world.person(name)
    world.answers.append(world.client.ask_reset(person.address, _token(world, name, token)))


def _token(world: World, name: str, words: str) -> str:
    person = world.person(name)
    if words == "a forged token":
        return forged(person.token)
    if words == "the activation link":
        return person.links[-1]
    if words in {"her session token", "the session token"}:
        return person.token
    return world.person(words.split("'")[0]).token


@when(parsers.parse("{name:w} asks for a reset after the session has expired"))
def asks_after_expiry(world: World, name: str) -> None:
    person = world.person(name)
    eventually(
        lambda: world.client.session(person.token).status_code,
        within=10,
        what="the session has expired",
        accept=lambda status: status == 401,
        timeline=world.timeline(person),
    )
    world.answers.append(world.client.ask_reset(person.address))


@when(parsers.parse('{name:w} chooses the password "{password}"'))
def chooses_the_password(world: World, name: str, password: str) -> None:
    world.answers.append(world.client.choose_password(world.person(name).reset_links[-1], password))


@when(parsers.parse('{name:w} chooses the password "{password}" by the first link'))
def chooses_by_the_first_link(world: World, name: str, password: str) -> None:
    world.answers.append(world.client.choose_password(world.person(name).reset_links[0], password))
    assert world.answer.status_code == 200, world.answer.text


@when(parsers.parse('{name:w} chooses the password "{password}" after the link has expired'))
def chooses_after_expiry(world: World, name: str, password: str) -> None:
    token = world.person(name).reset_links[-1]
    eventually(
        lambda: world.client.open_reset(token).status_code,
        within=5,
        what=f"the link expires at {expires_at(token)}",
        accept=lambda status: status == 410,
        timeline=world.timeline(world.person(name)),
    )
    chooses_the_password(world, name, password)


@when(parsers.parse("{name:w} chooses {number:d} passwords at once"))
def chooses_passwords_at_once(world: World, name: str, number: int) -> None:
    token = world.person(name).reset_links[-1]

    def one(index: int) -> httpx.Response:
        client = Client(world.platform.tier.urls)
        answer = client.choose_password(token, f"a harbour in the evening {index}")
        client.close()
        return answer

    with ThreadPoolExecutor(number) as pool:
        world.answers = list(pool.map(one, range(number)))


@when(
    parsers.re(
        r"(?P<name>\w+) uses (?P<token>a forged token|the activation link|the session token) as a reset link"
    )
)
def uses_as_a_reset_link(world: World, name: str, token: str) -> None:
    world.answers.append(world.client.choose_password(_token(world, name, token), "a harbour in the evening"))


@when(parsers.parse("{name:w} opens the reset link in a browser"))
def opens_the_reset_link(world: World, name: str) -> None:
    world.answers.append(world.client.open_reset(world.person(name).reset_links[-1], headers=AS_BROWSER))


@then(parsers.parse("{name:w} is mailed a reset link"))
def is_mailed_a_reset_link(world: World, name: str) -> None:
    person = world.person(name)
    assert world.answer.status_code == 202, world.answer.text
    token = world.wait_for_link(person)
    assert world.client.open_reset(token).json()["valid"] is True
    person.reset_links.append(token)


@then(parsers.parse("{name:w} sees a page with a form for the new password"))
def sees_a_form(world: World, name: str) -> None:
    page = world.answer
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert PAGE_HEADERS.items() <= dict(page.headers).items()
    assert page.text.count("<form") == 1
    assert 'type="password"' in page.text
    assert "<script" not in page.text


@then(parsers.parse("{name:w} asking for a reset is refused with LOGIN_REQUIRED"))
def asking_is_refused(world: World, name: str) -> None:
    refusal(world.client.ask_reset(world.person(name).address), "LOGIN_REQUIRED")


@then("one of them is accepted, and it is the one that logs in")
def one_is_accepted(world: World) -> None:
    accepted = [index for index, answer in enumerate(world.answers) if answer.status_code == 200]
    assert len(accepted) == 1, [answer.status_code for answer in world.answers]
    for index, answer in enumerate(world.answers):
        if index != accepted[0] and answer.status_code != 503:
            refusal(answer, "LINK_USED")
    (person,) = world.people.values()
    person.password = f"a harbour in the evening {accepted[0]}"
    eventually(
        lambda: world.client.log_in(person.address, person.password).status_code,
        within=10,
        what="the accepted password logs in",
        accept=lambda status: status == 200,
        timeline=world.timeline(person),
    )
    world.log_in(person)
    session_is_alive(world, person.name)

"""Stories that cross the services."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pytest_bdd import given, parsers, then, when

from steps.reset_password import resets_the_password
from steps.waiting import eventually
from steps.world import Person, World


@given(parsers.parse("the body of the original's example, with {name:w}'s address"), target_fixture="body")
def the_original_body(world: World, name: str) -> dict[str, str]:
    person = world.person(name)
    person.password = "password"
    return {
        "email": person.address,
        "password": "password",
        "fullName": "Ada Lovelace",
        "address": "12 St James's Square",
        "phoneNo": "0123456789",
        "gender": "female",
    }


@when(parsers.parse("{name:w} signs up with that body"))
def signs_up_with_that_body(world: World, name: str, body: dict[str, str]) -> None:
    world.answers.append(world.client.sign_up(body))
    person = world.person(name)
    person.links.append(world.wait_for_link(person))


@when(parsers.parse("{number:d} people go the whole way at once"))
def many_go_the_whole_way(world: World, number: int) -> None:
    def whole_way(person: Person) -> None:
        one = World(world.platform)
        one.people[person.name] = person
        one.sign_up(person)
        one.activate(person)
        one.log_in(person)
        one.wait_for_receipt(person)
        person.password = f"a harbour of {person.name}"
        resets_the_password(one, person.name, person.password)
        one.client.close()

    people = [world.person(f"person{index}") for index in range(number)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(whole_way, people))


@then("each of them can log in with the new password of their own")
def each_can_log_in(world: World) -> None:
    for person in world.people.values():
        eventually(
            partial(world.client.log_in, person.address, person.password),
            within=10,
            what=f"{person.name} is let in",
            accept=lambda answer: answer.status_code == 200,
            timeline=world.timeline(person),
        )

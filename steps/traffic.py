"""People who keep signing up while something else happens, and what has become of them afterwards."""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest
from pytest_bdd import given, then

from steps.client import Client
from steps.waiting import eventually, wait_until
from steps.wiring import agree_on
from steps.world import Person, World

WORKERS = 2
PAUSE_SECONDS = 0.5
"""Of each worker, after each sign-up: together they make a few a second."""


@dataclass(frozen=True)
class SignUp:
    """A sign-up that was acknowledged; `began_at` in monotonic seconds."""

    person: Person
    began_at: float


class Traffic:
    """Sign-ups of ever new people, from start() to stop(); what fails is tried by the next person."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._acknowledged: list[SignUp] = []
        self._is_over = threading.Event()
        self._workers = [threading.Thread(target=self._work, args=(worker,)) for worker in range(WORKERS)]

    @property
    def acknowledged(self) -> list[SignUp]:
        """In the order of their beginning."""
        return sorted(self._acknowledged, key=lambda signup: signup.began_at)

    def since(self, moment: float) -> list[SignUp]:
        """Those that began after the moment, in monotonic seconds."""
        return [signup for signup in self.acknowledged if signup.began_at > moment]

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        self._is_over.set()
        for worker in self._workers:
            worker.join()

    def _work(self, worker: int) -> None:
        client, number = Client(self._urls), 0
        while not self._is_over.is_set():
            person = Person.called(f"passer{worker}x{number}")
            number += 1
            began_at = time.monotonic()
            try:
                answer = client.sign_up({"email": person.address, "password": person.password})
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.ACCEPTED:
                self._acknowledged.append(SignUp(person, began_at))
            self._is_over.wait(PAUSE_SECONDS)
        client.close()


@pytest.fixture
def traffic(world: World) -> Iterator[Traffic]:
    traffic = Traffic(world.platform.tier.urls)
    yield traffic
    traffic.stop()


@given("people keep signing up")
def people_keep_signing_up(traffic: Traffic) -> None:
    traffic.start()
    eventually(lambda: len(traffic.acknowledged) >= 3, within=20, what="the first three sign-ups")


@then("nothing acknowledged is lost or doubled, and the databases agree")
def nothing_is_lost_or_doubled(world: World, traffic: Traffic) -> None:
    no_account_is_lost_or_doubled(world, traffic)
    twice = [signup.person.name for signup in traffic.acknowledged if len(world.mails(signup.person)) != 1]
    assert twice == [], "mailed more than once"


@then("no account is lost or doubled, all are mailed, and the databases agree")
def no_account_is_lost_or_doubled(world: World, traffic: Traffic) -> None:
    """And the links are good: some of the people go the whole way.

    A mail goes out once more if what should remember its delivery dies in the very moment.
    """
    wait_until(time.time() + 1)
    traffic.stop()
    people = [signup.person for signup in traffic.acknowledged]
    agree_on(world, people)
    for person in people:
        if not person.links:
            person.links.append(world.wait_for_link(person, within=30))
    for person in (people[0], people[len(people) // 2], people[-1]):
        world.activate(person)
        world.log_in(person)
        world.wait_for_receipt(person)
    agree_on(world, people)

"""What a scenario knows: its people, and the last answer that somebody got."""

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from containers.engines import EngineAway, SQLDatabase
from containers.inbox_client import InboxClient
from containers.journey import follow
from containers.process import PlatformProcess
from steps.client import Client, token_in
from steps.waiting import eventually

BOTH: tuple[SQLDatabase, SQLDatabase] = ("signup_db", "login_db")
ERROR = re.compile(r'"level": "(error|critical)"|^Traceback ')
DRIVER = re.compile(r'"logger": "(aiokafka|pymongo|motor)\b')
"""Whose errors are to be expected where a scenario kills engines; a service's own never are."""
PASSWORD = "a quiet harbour at dawn"


@dataclass
class Person:
    """One person of the scenario; the address is new in every scenario, so that none has to be cleaned up."""

    name: str
    address: str
    password: str = PASSWORD
    links: list[str] = field(default_factory=list)
    """Tokens of the activation links that were mailed, in order."""
    tokens: list[str] = field(default_factory=list)
    """Session tokens, in order of login."""
    reset_links: list[str] = field(default_factory=list)

    @classmethod
    def called(cls, name: str) -> "Person":
        return cls(name, f"{name}.{secrets.token_hex(6)}@example.org")

    @property
    def token(self) -> str:
        return self.tokens[-1]


class World:
    """The people of one scenario, how they act, and what can be seen of them."""

    def __init__(self, platform: PlatformProcess) -> None:
        self.platform = platform
        self.client = Client(platform.tier.urls)
        self.people: dict[str, Person] = {}
        self.answers: list[httpx.Response] = []
        self.produced: str | None = None
        """The value of the record that a step has put into a topic last."""

    @property
    def answer(self) -> httpx.Response:
        return self.answers[-1]

    def person(self, name: str) -> Person:
        if name not in self.people:
            self.people[name] = Person.called(name)
        return self.people[name]

    def reconnect(self) -> None:
        """After the platform has been started again."""
        self.client.close()
        self.client = Client(self.platform.tier.urls)

    # what can be seen
    def row(self, database: SQLDatabase, person: Person, table: str = "users") -> dict[str, Any] | None:
        rows = self.platform.tier.rows(database, table, email=person.address)
        assert len(rows) <= 1, f"{len(rows)} rows of one address in {database}.{table}"
        return rows[0] if rows else None

    def user_id(self, person: Person) -> int:
        row = self.row("signup_db", person)
        assert row is not None, f"{person.name} is not in signup_db"
        return int(row["id"])

    def document(self, person: Person) -> dict[str, Any] | None:
        found = self.platform.tier.documents("active_users", _id=self.user_id(person))
        return found[0] if found else None

    def records(self, topic: str, key: int) -> list[dict[str, Any] | None]:
        """The rows that a topic has carried of one id, oldest first; None is a tombstone."""
        found: list[dict[str, Any] | None] = []
        for record in self.platform.tier.records(topic):
            if payload(record.key) == {"id": key}:
                found.append(payload(record.value))
        return found

    def mails(self, person: Person) -> list[dict[str, Any]]:
        try:
            return self.client.mails_to(person.address)
        except httpx.TransportError as error:
            raise EngineAway(f"the inbox does not answer ({error})") from error

    def wait_for_mail(self, person: Person, number: int = 1) -> dict[str, Any]:
        """The newest mail, once the person has been sent `number` of them."""
        return eventually(
            lambda: self.mails(person),
            within=5,
            what=f"mail {number} to {person.name}",
            accept=lambda mails: len(mails) >= number,
            timeline=self.timeline(person),
        )[0]

    def wait_for_link(self, person: Person, within: float = 5) -> str:
        """The token of a link that the person has been mailed and that is not among the known ones."""
        known = {None, *person.links, *person.reset_links}
        fresh = eventually(
            lambda: [token for mail in self.mails(person) if (token := token_in(mail)) not in known],
            within=within,
            what=f"a mail with a new link to {person.name}",
            timeline=self.timeline(person),
        )
        assert fresh[0] is not None
        return fresh[0]

    def timeline(self, person: Person) -> Callable[[], str]:
        """What `eventually` tells of a person when it gives up: every event so far, and the connectors."""

        def tell() -> str:
            tier = self.platform.tier
            with InboxClient(tier.urls["inbox"]) as inbox:
                journey = follow(tier, person.address, inbox)
            events = [f"  {each.at:%H:%M:%S.%f} {each.where}: {each.what}" for each in journey.moments]
            connectors = [
                f"  {each.name} {each.state}, lag {each.lag}, restarts {each.restarts}, cause {each.cause}"
                for each in tier.connectors.overview()
            ]
            return "\n".join([f"timeline of {person.name}:", *events, "connectors:", *connectors])

        return tell

    # acts that many steps share
    def sign_up(self, person: Person, **profile: Any) -> None:
        self.answers.append(
            self.client.sign_up({"email": person.address, "password": person.password, **profile})
        )
        assert self.answer.status_code == 202, self.answer.text
        person.links.append(self.wait_for_link(person))

    def activate(self, person: Person) -> None:
        self.answers.append(self.client.activate(person.links[-1]))
        assert self.answer.status_code == 200, self.answer.text
        self.wait_for_status(person, "ACTIVE")

    def wait_for_status(self, person: Person, status: str) -> None:
        for database in BOTH:
            self.wait_for_row(
                database, person, lambda row: row["User_status"] == status, f"{person.name} {status}"
            )

    def wait_for_row(
        self, database: SQLDatabase, person: Person, accept: Callable[[dict[str, Any]], object], what: str
    ) -> dict[str, Any]:
        """The person's row of `users` there, once it is as it should be."""
        row = eventually(
            lambda: self.row(database, person),
            within=10,
            what=f"{what} in {database}",
            accept=lambda row: row is not None and accept(row),
            timeline=self.timeline(person),
        )
        assert row is not None
        return row

    def log_in(self, person: Person) -> None:
        self.answers.append(self.client.log_in(person.address, person.password))
        assert self.answer.status_code == 200, self.answer.text
        person.tokens.append(self.answer.json()["token"])

    def wait_for_receipt(self, person: Person) -> None:
        """Until reset-password's copy holds a receipt: from then on a reset may be asked for."""
        self.wait_for_row("rpwd_db", person, lambda row: row["auth_token"], f"a receipt of {person.name}")

    def ask_reset(self, person: Person) -> None:
        self.answers.append(self.client.ask_reset(person.address))
        assert self.answer.status_code == 202, self.answer.text
        person.reset_links.append(self.wait_for_link(person))

    def drained(self) -> None:
        """Until every connector has handed on what it had: only then can "stays so" be seen."""
        eventually(
            self.platform.tier.behind,
            within=15,
            what="all connectors drained",
            accept=lambda late: not late,
        )


def payload(text: str | None) -> Any:
    """What a key or value of a topic says, out of its schema envelope; None if it is no JSON."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value["payload"] if isinstance(value, dict) and value.keys() == {"schema", "payload"} else value


@pytest.fixture
def world(platform: PlatformProcess, request: pytest.FixtureRequest) -> Iterator[World]:
    """The scenario's world; a scenario fails if a service has logged an error or a traceback by its end."""
    world, known = World(platform), len(platform.log())
    yield world
    world.client.close()
    errors = [line for line in platform.log()[known:] if ERROR.search(line)]
    if any(request.node.get_closest_marker(tag) for tag in ("needs_engines", "needs_faults")):
        errors = [line for line in errors if not DRIVER.search(line)]
    assert errors == [], "logged during the scenario"

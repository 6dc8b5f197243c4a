"""How the story's people act: over HTTP and through their mail, from nothing but a tier's addresses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from containers.engines import SQLDatabase, Tier
from containers.inbox_client import InboxClient
from containers.polling import DeadlinePassed, poll

T = TypeVar("T")

DEV = "/api/v1/dev"
WITHIN_SECONDS = 90.0


@dataclass(frozen=True)
class Answer:
    """One answer as it came; `act` says what was done."""

    act: str
    status: int
    headers: Mapping[str, str]
    body: str


class People:
    """Everybody of the story, and the answers that they have got so far.

    A wait fails with what is still behind, so that a stuck connector is named.
    """

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self.answers: list[Answer] = []
        self._http = httpx.Client(timeout=20, headers={"Accept": "application/json"}, trust_env=False)
        self._inbox = InboxClient(tier.urls["inbox"])

    def close(self) -> None:
        self._http.close()
        self._inbox.close()

    def ask(
        self,
        act: str,
        method: str,
        service: str,
        path: str,
        *,
        expect: int,
        body: Mapping[str, Any] | None = None,
        bearer: str | None = None,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
    ) -> httpx.Response:
        """One request; its answer is kept for the comparison."""
        headers = {"Accept": accept} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
        url = f"{self.tier.urls[service]}{DEV}{path}"
        answer = self._http.request(method, url, json=body, params=query, headers=headers)
        self.answers.append(Answer(act, answer.status_code, answer.headers, answer.text))
        assert answer.status_code == expect, f"{act}: {answer.status_code} {answer.text}"
        return answer

    def row(self, database: SQLDatabase, address: str, table: str = "users") -> dict[str, Any]:
        """The person's row there; empty if there is none."""
        rows = self.tier.rows(database, table, email=address)
        return rows[0] if rows else {}

    def wait_for_row(
        self, database: SQLDatabase, address: str, *, table: str = "users", **values: Any
    ) -> dict[str, Any]:
        """The person's row once it holds these values; a type stands for anything of it."""

        def look() -> dict[str, Any] | None:
            row = self.row(database, address, table)
            return row if row and all(_fits(row[name], value) for name, value in values.items()) else None

        return self.wait(look, f"{database}.{table} of {address} with {values}")

    def wait_for_link(self, address: str, route: str, number: int = 1) -> str:
        """The token of the newest link of this kind, once the person has been mailed `number` of them."""

        def look() -> str | None:
            mails = [self._inbox.read(mail.id) for mail in self._inbox.sent_to(address)]
            links = [mail.link for mail in mails if f"/{route}?token=" in (mail.link or "")]
            return str(links[0]).partition("?token=")[2] if len(links) >= number else None

        return self.wait(look, f"link {number} to {route} mailed to {address}")

    def settle(self) -> None:
        """Until everything has been handed on and every mail has left."""

        def look() -> bool | None:
            databases: tuple[SQLDatabase, ...] = ("signup_db", "login_db", "rpwd_db")
            owed = [row for name in databases for row in self.tier.rows(name, "outbox") if not row["sent_at"]]
            return True if not owed and not self.tier.behind() else None

        self.wait(look, "rest")

    def wait(self, look: Callable[[], T | None], what: str) -> T:
        try:
            return poll(look, within_seconds=WITHIN_SECONDS, what=what)
        except DeadlinePassed as error:
            raise AssertionError(f"{self.tier.name}: {error}; behind: {self.tier.behind()}") from error


def _fits(value: Any, wanted: Any) -> bool:
    return isinstance(value, wanted) if isinstance(wanted, type) else bool(value == wanted)

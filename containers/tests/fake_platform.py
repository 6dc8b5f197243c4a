"""A platform made of dictionaries: answers the requests of the demo and is observed as a tier is."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from containers.engines import Positions, TopicRecord

URLS = {
    name: f"http://{name}.test"
    for name in ("signup", "activation", "login", "reset_password", "inbox", "connect")
}
SECRETS = ("LINK-TOKEN", "SESSION-TOKEN", "RECEIPT-TOKEN", "$argon2id$HASH")


class FakePlatform:
    """One account; `broken` replaces the answer to a path, to see what a demo makes of it."""

    def __init__(self) -> None:
        self.status = "INACTIVE"
        self.address = ""
        self.password = ""
        self.version = 1
        self.has_session = False
        self.mails: list[dict[str, Any]] = []
        self.broken: dict[str, httpx.Response] = {}
        self.requests: list[tuple[str, str]] = []

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.requests.append((request.method, path))
        if path in self.broken:
            return self.broken[path]
        route = path.rpartition("/")[2]
        body = json.loads(request.content) if request.content else {}
        return self._routes()[route](request, body)

    def _routes(self) -> Mapping[str, Callable[[httpx.Request, dict[str, str]], httpx.Response]]:
        return {
            "signup": self._sign_up,
            "confirmuserReg": self._confirm,
            "login": self._login,
            "session": lambda request, body: _problem(401, "TOKEN_INVALID"),
            "resetPW": self._reset,
            "Process_New_PW": self._new_password,
            "search": self._search,
            "messages": self._messages,
        } | {mail["ID"]: self._read for mail in self.mails}

    def _sign_up(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        self.address, self.password = body["email"], body["password"]
        self.deliver(
            "Confirm your account", "http://activation.test/api/v1/dev/confirmuserReg?token=LINK-TOKEN"
        )
        return httpx.Response(202, json={"status": "INACTIVE", "message": "Look into your mail."})

    def _confirm(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, html="<form>one button</form>")
        assert body == {"token": "LINK-TOKEN"}
        self.status = "ACTIVE"
        return httpx.Response(200, json={"status": "ACTIVE"})

    def _login(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        if body["password"] != self.password:
            return _problem(401, "LOGIN_FAILED")
        if self.status != "ACTIVE":
            return _problem(403, "ACCOUNT_INACTIVE")
        self.has_session = True
        answer = {"token": "SESSION-TOKEN", "token_type": "Bearer", "expires_in": 172800}
        return httpx.Response(200, json=answer)

    def _reset(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        if not self.has_session:
            return _problem(403, "LOGIN_REQUIRED")
        self.deliver("Reset", "http://reset_password.test/api/v1/dev/confirmPWreset?token=LINK-TOKEN")
        return httpx.Response(202, json={"message": "Look into your mail."})

    def _new_password(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        self.password, self.version = body["password"], self.version + 1
        return httpx.Response(200, json={"status": "PASSWORD_CHANGED"})

    def deliver(self, subject: str, link: str | None, *, to: str | None = None) -> None:
        text = "Hello,\n\n" + (f"{link}\n\n" if link else "") + "Quartet\n"
        self.mails.insert(
            0,
            {
                "ID": f"mail{len(self.mails) + 1}",
                "From": {"Address": "quartet@localhost"},
                "To": [{"Address": to or self.address}],
                "Subject": subject,
                "Created": "2026-11-24T20:00:00.000500Z",
                "Text": text,
                "HTML": "",
            },
        )

    def _search(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        wanted = request.url.params["query"].removeprefix("to:").lower()
        found = [mail for mail in self.mails if wanted in mail["To"][0]["Address"]]
        return httpx.Response(200, json={"total": len(found), "messages": found})

    def _messages(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        return httpx.Response(200, json={"total": len(self.mails), "messages": self.mails})

    def _read(self, request: httpx.Request, body: dict[str, str]) -> httpx.Response:
        wanted = request.url.path.rpartition("/")[2]
        return httpx.Response(200, json=next(mail for mail in self.mails if mail["ID"] == wanted))


class FakeTier:
    """What is observed of a FakePlatform, and whatever rows, documents and records a test puts there."""

    name = "embedded"
    capabilities: frozenset[str] = frozenset()
    urls = URLS
    smtp = "localhost:1025"
    connectors: Any = None

    def __init__(self, platform: FakePlatform | None = None) -> None:
        self._platform = platform
        self.tables: dict[str, list[dict[str, Any]]] = {}
        self.topics: dict[str, list[TopicRecord]] = {}

    def rows(self, database: str, table: str, **equals: Any) -> list[dict[str, Any]]:
        if self._platform is not None and table == "users":
            return [self._user()] if equals["email"] == self._platform.address else []
        return self._where(f"{database}.{table}", equals)

    def documents(self, collection: str, **equals: Any) -> list[dict[str, Any]]:
        return self._where(collection, equals)

    def records(self, topic: str, first: int = 0, most: int | None = None) -> list[TopicRecord]:
        return [record for record in self.topics.get(topic, []) if record.offset >= first][:most]

    def positions(self, topics: Sequence[str]) -> Positions:
        ends = {topic: self.topics[topic][-1].offset + 1 for topic in topics if self.topics.get(topic)}
        return Positions(ends, {})

    def produce(self, topic: str, key: str | None, value: str | None) -> int:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""

    def _where(self, place: str, equals: dict[str, Any]) -> list[dict[str, Any]]:
        return [row for row in self.tables.get(place, []) if equals.items() <= row.items()]

    def _user(self) -> dict[str, Any]:
        assert self._platform is not None
        return {
            "email": self._platform.address,
            "User_status": self._platform.status,
            "pw_version": self._platform.version,
            "auth_token": "RECEIPT-TOKEN" if self._platform.has_session else None,
        }


def record(offset: int, row: dict[str, Any] | None, *, at: datetime, key: dict[str, Any]) -> TopicRecord:
    """A record as the converters write it: with a schema for rows, plain for documents."""

    def text(payload: dict[str, Any]) -> str:
        return json.dumps({"schema": {"type": "struct"}, "payload": payload})

    milliseconds = int(at.timestamp() * 1000)
    return TopicRecord(offset, text(key), None if row is None else text(row), {}, milliseconds)


def at(milliseconds: float) -> datetime:
    """A moment of the one day on which every test takes place."""
    return datetime(2026, 11, 24, 20, 0, 0, int(milliseconds * 1000), tzinfo=UTC)


def _problem(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"status": status, "code": code, "detail": "Refused."})

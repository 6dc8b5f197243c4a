"""The story of one account, played against a running platform: what a user does, and what comes of it.

| chapter  | what it shows                                                                                 |
|----------|-----------------------------------------------------------------------------------------------|
| sign-up  | the account is INACTIVE until the link of its mail is used; looking at the link changes nothing |
| login    | refused before the activation has reached the login service, accepted after it                 |
| reset    | refused before a login, mailed after it; the new password replaces the old one everywhere      |
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from containers.engines import SQLDatabase, Tier
from containers.inbox_client import InboxClient, Mail
from containers.polling import DeadlinePassed, pause_for, poll

DEADLINE_SECONDS = 15.0
"""For each mail and each hop between two databases; on the embedded tier they take milliseconds."""

MASK = "***"


@dataclass(frozen=True)
class Step:
    """One step as it went: what was sent and what came back, without any secret."""

    name: str
    title: str
    sent: str
    came_back: str
    took_ms: float
    problem: str | None = None


class _Unexpected(Exception):
    def __init__(self, came_back: str, problem: str) -> None:
        super().__init__(problem)
        self.came_back = came_back


class Story:
    """One account with a fresh address and two passwords that nobody has used before."""

    def __init__(
        self,
        tier: Tier,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.address = f"demo-{secrets.token_hex(4)}@quartet.test"
        self._password, self._new_password = secrets.token_urlsafe(15), secrets.token_urlsafe(15)
        self._tier = tier
        self._deadline_seconds = deadline_seconds
        self._http = httpx.Client(timeout=10.0, trust_env=False, transport=transport)
        self._inbox = InboxClient(tier.urls["inbox"], transport=transport)
        self._link = self._session = ""
        self._sent = ""

    def play(self, tell: Callable[[Step], None] = lambda step: None) -> list[Step]:
        """Plays step after step, telling each as it ends; the last one holds the problem if there was one."""
        steps: list[Step] = []
        with self._http, self._inbox:
            for play, title in self._steps():
                began = time.perf_counter()
                problem = None
                try:
                    came_back = play()
                except _Unexpected as unexpected:
                    came_back, problem = unexpected.came_back, str(unexpected)
                except DeadlinePassed as passed:
                    came_back, problem = "", str(passed)
                except httpx.HTTPError as error:
                    came_back, problem = "", f"no answer: {type(error).__name__}"
                took_ms = round((time.perf_counter() - began) * 1000, 1)
                step = Step(play.__name__.strip("_"), title, self._sent, came_back, took_ms, problem)
                steps.append(step)
                tell(step)
                if problem:
                    break
        return steps

    def _steps(self) -> tuple[tuple[Callable[[], str], str], ...]:
        return (
            (self._sign_up, "Sign up"),
            (self._activation_mail, "The activation mail comes"),
            (self._account_reaches_login, "The account reaches login"),
            (self._look_at_the_link, "Looking at the link changes nothing"),
            (self._login_before_activation, "Logging in before the activation is refused"),
            (self._activate, "Activate the account"),
            (self._activation_reaches_login, "The activation reaches login"),
            (self._reset_before_login, "A reset before the first login is refused"),
            (self._login, "Log in"),
            (self._login_reaches_reset_password, "The login reaches reset-password"),
            (self._reset, "Ask for a reset link"),
            (self._reset_mail, "The reset mail comes"),
            (self._new_password_chosen, "Choose a new password"),
            (self._new_password_reaches_login, "The new password reaches login"),
            (self._old_session_refused, "The session of before is dead"),
            (self._new_password_accepted, "The new password is accepted"),
            (self._old_password_refused, "The old password is refused"),
        )

    def _sign_up(self) -> str:
        body = {"email": self.address, "password": self._password, "fullName": "Demo"}
        return self._expect(self._post("signup", "/api/v1/dev/signup", body), {201, 202}, status="INACTIVE")

    def _activation_mail(self) -> str:
        return self._take_link("confirmuserReg")

    def _account_reaches_login(self) -> str:
        return self._row_with("login_db", lambda row: row["User_status"] == "INACTIVE")

    def _look_at_the_link(self) -> str:
        answer = self._get(self._link, {"Accept": "text/html"})
        self._expect(answer, {200})
        (row,) = self._tier.rows("signup_db", "users", email=self.address)
        came_back = f"200 a page with one button; User_status {row['User_status']}"
        if row["User_status"] != "INACTIVE":
            raise _Unexpected(came_back, "looking at the link activated the account")
        return came_back

    def _login_before_activation(self) -> str:
        return self._expect(self._log_in(self._password), {403}, code="ACCOUNT_INACTIVE")

    def _activate(self) -> str:
        answer = self._post("activation", "/api/v1/dev/confirmuserReg", {"token": self._token()})
        return self._expect(answer, {200}, status="ACTIVE")

    def _activation_reaches_login(self) -> str:
        return self._row_with("login_db", lambda row: row["User_status"] == "ACTIVE")

    def _reset_before_login(self) -> str:
        """A platform with RESET_ANSWERS=silent answers 202 here too, and sends nothing."""
        answer = self._post("reset_password", "/api/v1/dev//resetPW", {"email": self.address})
        if answer.status_code == httpx.codes.ACCEPTED:
            return self._expect(answer, {202})
        return self._expect(answer, {403}, code="LOGIN_REQUIRED")

    def _login(self) -> str:
        answer = self._log_in(self._password)
        came_back = self._expect(answer, {200}, token_type="Bearer")  # noqa: S106 - a word, not a secret
        self._session = answer.json()["token"]
        return came_back

    def _login_reaches_reset_password(self) -> str:
        return self._row_with("rpwd_db", lambda row: row["auth_token"] is not None)

    def _reset(self) -> str:
        return self._expect(
            self._post("reset_password", "/api/v1/dev//resetPW", {"email": self.address}), {202}
        )

    def _reset_mail(self) -> str:
        return self._take_link("confirmPWreset")

    def _new_password_chosen(self) -> str:
        body = {"token": self._token(), "password": self._new_password}
        answer = self._post("reset_password", "/api/v1/dev/Process_New_PW", body)
        return self._expect(answer, {200}, status="PASSWORD_CHANGED")

    def _new_password_reaches_login(self) -> str:
        return self._row_with("login_db", lambda row: row["pw_version"] > 1)

    def _old_session_refused(self) -> str:
        url = f"{self._tier.urls['login']}/api/v1/dev/session"
        answer = self._get(url, {"Authorization": f"Bearer {self._session}"})
        return self._expect(answer, {401}, code="TOKEN_INVALID")

    def _new_password_accepted(self) -> str:
        return self._expect(self._log_in(self._new_password), {200}, token_type="Bearer")  # noqa: S106 - a word

    def _old_password_refused(self) -> str:
        return self._expect(self._log_in(self._password), {401}, code="LOGIN_FAILED")

    def _log_in(self, password: str) -> httpx.Response:
        """One login; a platform that finds it too fast after a refused one is asked again when it says so."""
        body = {"email": self.address, "password": password}
        deadline = time.monotonic() + self._deadline_seconds
        while True:
            answer = self._post("login", "/api/v1/dev/login", body)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS or time.monotonic() > deadline:
                return answer
            pause_for(float(answer.headers.get("Retry-After", "1")))

    def _take_link(self, route: str) -> str:
        self._sent = f"the inbox is asked for mail to {self.address}"

        def holds_the_link(mail: Mail) -> bool:
            return f"/{route}?token=" in (mail.link or "")

        mail = self._inbox.wait_for(
            self.address, within_seconds=self._deadline_seconds, accept=holds_the_link
        )
        self._link = mail.link or ""
        return f"“{mail.subject}” with the link {self._link.partition('?token=')[0]}?token={MASK}"

    def _row_with(self, database: SQLDatabase, wanted: Callable[[Mapping[str, Any]], bool]) -> str:
        self._sent = f"{database}.users is watched"

        def look() -> Mapping[str, Any] | None:
            rows = self._tier.rows(database, "users", email=self.address)
            return rows[0] if rows and wanted(rows[0]) else None

        row = poll(look, within_seconds=self._deadline_seconds, what=f"the change in {database}.users")
        receipt = ", auth_token set" if row.get("auth_token") else ""
        return f"User_status {row['User_status']}, pw_version {row['pw_version']}{receipt}"

    def _post(self, service: str, path: str, body: dict[str, str]) -> httpx.Response:
        shown = ", ".join(f"{name} {_masked(name, value)}" for name, value in body.items())
        self._sent = f"POST {self._tier.urls[service]}{path} {shown}"
        return self._http.post(self._tier.urls[service] + path, json=body)

    def _get(self, url: str, headers: dict[str, str]) -> httpx.Response:
        shown = ", ".join(f"{name}: {_masked(name, value)}" for name, value in headers.items())
        self._sent = (
            f"GET {url.partition('?token=')[0]}{f'?token={MASK}' if '?token=' in url else ''} {shown}"
        )
        return self._http.get(url, headers=headers)

    def _token(self) -> str:
        return self._link.partition("?token=")[2]

    def _expect(self, answer: httpx.Response, statuses: set[int], **members: str) -> str:
        came_back = _told(answer)
        if answer.status_code not in statuses:
            wanted = " or ".join(map(str, sorted(statuses)))
            raise _Unexpected(came_back, f"answered {answer.status_code} where {wanted} was expected")
        for name, value in members.items():
            if answer.json().get(name) != value:
                raise _Unexpected(came_back, f"{name} is not {value}")
        return came_back


def _told(answer: httpx.Response) -> str:
    if "json" not in answer.headers.get("Content-Type", ""):
        return str(answer.status_code)
    shown = (f"{name} {_masked(name, value)}" for name, value in answer.json().items() if name in _TELLING)
    return f"{answer.status_code} {', '.join(shown)}"


_TELLING = ("status", "code", "token", "token_type", "expires_in", "message", "detail")
_SECRET = ("password", "token", "Authorization")


def _masked(name: str, value: object) -> str:
    return MASK if name in _SECRET else str(value)


def as_json(address: str, steps: list[Step]) -> dict[str, Any]:
    """The story for programs."""
    failed = next((step.name for step in steps if step.problem), None)
    return {
        "address": address,
        "ok": failed is None,
        "failed": failed,
        "took_ms": round(sum(step.took_ms for step in steps), 1),
        "steps": [asdict(step) | {"ok": step.problem is None} for step in steps],
    }

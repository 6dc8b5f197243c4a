"""Speaks to the four services and the inbox as their clients do: over HTTP, from nothing but addresses."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

DEV = "/api/v1/dev"
AS_JSON = {"Accept": "application/json"}
AS_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Client:
    """One person's browser and mail program. Every method returns the answer as it came."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._http = httpx.Client(timeout=20, follow_redirects=False, headers=AS_JSON)

    def close(self) -> None:
        self._http.close()

    # sign-up and activation
    def sign_up(self, body: Mapping[str, Any]) -> httpx.Response:
        return self._http.post(f"{self._urls['signup']}{DEV}/signup", json=body)

    def resend(self, address: str) -> httpx.Response:
        return self._http.post(f"{self._urls['signup']}{DEV}/resend", json={"email": address})

    def activate(
        self, token: str, *, method: str = "GET", headers: Mapping[str, str] = AS_JSON
    ) -> httpx.Response:
        """GET and HEAD carry the token in the query, POST as the page's form does."""
        url = f"{self._urls['activation']}{DEV}/confirmuserReg"
        if method == "POST":
            return self._http.post(url, data={"token": token}, headers=headers)
        return self._http.request(method, url, params={"token": token}, headers=headers)

    def open_activation(self, query: str) -> httpx.Response:
        """Opens the activation link with this query text, whatever it is."""
        return self._http.get(f"{self._urls['activation']}{DEV}/confirmuserReg{query}")

    # login
    def log_in(self, address: str, password: str) -> httpx.Response:
        return self._http.post(
            f"{self._urls['login']}{DEV}/login", json={"email": address, "password": password}
        )

    def session(self, token: str) -> httpx.Response:
        return self._http.get(f"{self._urls['login']}{DEV}/session", headers=_bearer(token))

    def sessions(self, token: str) -> httpx.Response:
        return self._http.get(f"{self._urls['login']}{DEV}/sessions", headers=_bearer(token))

    def revoke(self, token: str, session_id: str = "") -> httpx.Response:
        """Ends one session, or every other one where none is named."""
        path = f"/sessions/{session_id}" if session_id else "/sessions"
        return self._http.delete(f"{self._urls['login']}{DEV}{path}", headers=_bearer(token))

    def log_out(self, token: str, method: str = "POST") -> httpx.Response:
        return self._http.request(method, f"{self._urls['login']}{DEV}/logout", headers=_bearer(token))

    # reset-password
    def ask_reset(self, address: str, token: str | None = None, path: str = "//resetPW") -> httpx.Response:
        headers = _bearer(token) if token else {}
        return self._http.post(
            f"{self._urls['reset_password']}{DEV}{path}", json={"email": address}, headers=headers
        )

    def open_reset(
        self, token: str, *, method: str = "GET", headers: Mapping[str, str] = AS_JSON
    ) -> httpx.Response:
        url = f"{self._urls['reset_password']}{DEV}/confirmPWreset"
        return self._http.request(method, url, params={"token": token}, headers=headers)

    def choose_password(self, token: str, password: str) -> httpx.Response:
        return self._http.post(
            f"{self._urls['reset_password']}{DEV}/Process_New_PW", json={"token": token, "password": password}
        )

    def get(self, service: str, path: str) -> httpx.Response:
        return self._http.get(f"{self._urls[service]}{path}")

    # the inbox
    def mails_to(self, address: str) -> list[dict[str, Any]]:
        """Every mail to the address, newest first, with its text."""
        found = self._http.get(
            f"{self._urls['inbox']}/api/v1/search", params={"query": f"to:{address}", "limit": 200}
        ).json()["messages"]
        return [self._http.get(f"{self._urls['inbox']}/api/v1/message/{mail['ID']}").json() for mail in found]


def token_in(mail: Mapping[str, Any]) -> str | None:
    """The token of the link that stands on a line of its own in the mail's text, if there is one."""
    links = re.findall(r"^https?://\S+[?&]token=(\S+)$", mail["Text"], re.MULTILINE)
    assert len(links) <= 1, "a mail holds its link once"
    return links[0] if links else None


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}

"""What a mail scanner does to the link of a mail, and whether the account is another one afterwards.

Scanners of mail providers open links before people do, to see what is behind them. A link that acts when it
is opened has then acted without its owner; so ours show a page, and act only when its button is pressed.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx

from containers.engines import Tier
from containers.masking import masked_text
from containers.polling import pause_for
from containers.settings import SERVICES

Kind = Literal["head", "get", "follow"]

KINDS: Mapping[Kind, str] = {"head": "HEAD", "get": "GET", "follow": "GET and follow"}
"""What the buttons say. `follow` follows redirects; no scanner presses the button of a page."""

ASKS_AS = {
    "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "user-agent": "Mozilla/5.0 (compatible; a mail scanner)",
}
"""As a browser: scanners want to see what a person would see."""

HEADERS_SHOWN = ("content-type", "location", "allow", "cache-control", "referrer-policy")
MOST_REDIRECTS = 5
WATCH_SECONDS = 1.5
"""How long the stores are watched for a change: through a hop or two of change data capture."""
LOOK_SECONDS = 0.1
TIMEOUT_SECONDS = 10.0

State = Mapping[str, str]
OpenHTTP = Callable[[], httpx.Client]

_TOKEN = re.compile(r"(token=)[^&#\s]+", re.IGNORECASE)


@dataclass(frozen=True)
class Visit:
    """One request and its answer; the token of the address is masked. problem: why there is no answer."""

    method: str
    url: str
    status: int | None = None
    reason: str = ""
    headers: Mapping[str, str] | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Scan:
    """What was asked, and the account before and after; `stopped`: why a redirect was not followed."""

    kind: Kind
    visits: Sequence[Visit]
    stopped: str | None
    before: State
    after: State

    @property
    def changed(self) -> Mapping[str, tuple[str, str]]:
        """By name, what it was and what it is."""
        names = dict.fromkeys([*self.before, *self.after])
        pairs = {name: (self.before.get(name, "–"), self.after.get(name, "–")) for name in names}
        return {name: (was, now) for name, (was, now) in pairs.items() if was != now}


def service_of(tier: Tier, link: str) -> str | None:
    """The service of the platform to which a link leads, None if it leads anywhere else."""
    try:
        url = httpx.URL(link)
    except (httpx.InvalidURL, ValueError):
        return None
    if url.userinfo:
        return None
    for service in SERVICES:
        own = httpx.URL(tier.urls[service])
        if (url.scheme, url.host, url.port) == (own.scheme, own.host, own.port):
            return service
    return None


def open_http() -> httpx.Client:
    """A client that follows nothing by itself."""
    return httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False)


def scan(
    tier: Tier,
    link: str,
    address: str,
    kind: Kind,
    *,
    http: httpx.Client,
    watch_seconds: float = WATCH_SECONDS,
) -> Scan:
    """Does to a link of the platform's own what a scanner would; `address` is whose account is watched.

    Raises:
        EngineAway: the account cannot be looked at.
    """
    before = state_of(tier, address)
    visits, stopped = _visit(tier, link, kind, http)
    return Scan(kind, visits, stopped, before, _settled(tier, address, before, watch_seconds))


def state_of(tier: Tier, address: str) -> State:
    """What of an account a link can change, by where it stands."""
    users = tier.rows("signup_db", "users", email=address)
    if not users:
        return {"account": "none"}
    user_id = users[0]["id"]
    chosen = tier.rows("rpwd_db", "users", email=address)
    documents = tier.documents("active_users", _id=user_id)
    links = tier.rows("rpwd_db", "reset_links", user_id=user_id)
    return {
        "User_status in signup_db": str(users[0]["User_status"]),
        "pw_version in signup_db": str(users[0]["pw_version"]),
        "status in activate_user_reg_db": str(documents[0].get("status")) if documents else "none yet",
        "chosen_version in rpwd_db": str((chosen[0].get("chosen_version") if chosen else None) or "none yet"),
        "used reset links in rpwd_db": str(sum(row["used_at"] is not None for row in links)),
    }


def _settled(tier: Tier, address: str, before: State, watch_seconds: float) -> State:
    """The state after so long; sooner once it has changed and changes no more."""
    deadline, last = time.monotonic() + watch_seconds, before
    while True:
        now = state_of(tier, address)
        if (now == last and now != before) or time.monotonic() >= deadline:
            return now
        last = now
        pause_for(LOOK_SECONDS if now == before else 5 * LOOK_SECONDS)


def _visit(tier: Tier, link: str, kind: Kind, http: httpx.Client) -> tuple[list[Visit], str | None]:
    visits: list[Visit] = []
    method = "HEAD" if kind == "head" else "GET"
    for visit, target in _answers(method, link, http):
        visits.append(visit)
        if kind != "follow" or target is None:
            return visits, None
        if service_of(tier, target) is None:
            return visits, f"The redirect to {_shown(target)} leads away from the platform: not followed."
        if len(visits) > MOST_REDIRECTS:
            break
    return visits, f"More than {MOST_REDIRECTS} redirects: no further one is followed."


def _answers(method: str, link: str, http: httpx.Client) -> Iterator[tuple[Visit, str | None]]:
    """Each answer, and to where it redirects; ends when nobody wants the next."""
    target: str | None = link
    while target is not None:
        url = target
        try:
            answer = http.request(method, url, headers=ASKS_AS, follow_redirects=False)
            target = str(answer.next_request.url) if answer.next_request else None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield Visit(method, _shown(url), problem=f"no answer ({type(error).__name__})"), None
            return
        told = {name: _shown(answer.headers[name]) for name in HEADERS_SHOWN if name in answer.headers}
        yield Visit(method, _shown(url), answer.status_code, answer.reason_phrase, told), target


def _shown(url: str) -> str:
    return masked_text(_TOKEN.sub(r"\1***", url))

"""How long a fact took from one place to the next: which moments cause which, and the time between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

USERS_TOPIC = "users"
ACTIVATION_TOPIC = "mongoserver1.activate_user_reg_db.active_users"
LOGIN_TOPIC = "login_db.users"
SUSPENSION_TOPIC = "login_db.suspended_users"
PASSWORD_TOPIC = "rpwd_db.users"  # noqa: S105 - the name of a topic

CONSUMERS = {"signup": (ACTIVATION_TOPIC, PASSWORD_TOPIC), "activation": (USERS_TOPIC,)}
"""The topics that each consumer group of the services reads."""


@dataclass(frozen=True)
class Moment:
    """Something that happened at a known time; `where` names a table, collection, topic or the inbox."""

    at: datetime
    where: str
    what: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Hop:
    """How long one fact took from one place to the next."""

    cause: Moment
    effect: Moment
    what: str
    took_ms: float

    @property
    def source(self) -> str:
        return self.cause.where

    @property
    def target(self) -> str:
        return self.effect.where


@dataclass(frozen=True)
class _Rule:
    """After `happened` at `cause`, what it `carried` is next seen at `effect`; None: no effect."""

    cause: str
    happened: str
    effect: str
    what: str
    carried: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]


def _as_user(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {name: facts.get(name) for name in ("User_status", "pw_version")}


def _as_activation(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if facts.get("status") != "ACTIVE":
        return None
    return {"User_status": "ACTIVE", "pw_version": facts.get("pw_version")}


def _as_chosen(facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {"pw_version": facts["chosen_version"]} if "chosen_version" in facts else None


_RULES = (
    _Rule("signup_db.users", "signed up", f"topic {USERS_TOPIC}", "captured", lambda facts: {}),
    _Rule(
        f"topic {USERS_TOPIC}", "changed", f"topic {LOGIN_TOPIC}", "sunk into login_db and captured", _as_user
    ),
    _Rule(
        "activate_user_reg_db.active_users",
        "activated",
        f"topic {ACTIVATION_TOPIC}",
        "captured",
        lambda facts: {"status": "ACTIVE"},
    ),
    _Rule(
        f"topic {ACTIVATION_TOPIC}",
        "changed",
        f"topic {USERS_TOPIC}",
        "applied by sign-up and captured",
        _as_activation,
    ),
    _Rule(
        "login_db.sessions",
        "session opened",
        f"topic {LOGIN_TOPIC}",
        "captured",
        lambda facts: {"auth_token": "set"},
    ),
    _Rule("login_db.suspended_users", "suspended", f"topic {SUSPENSION_TOPIC}", "captured", lambda facts: {}),
    _Rule(
        "rpwd_db.users",
        "new password chosen",
        f"topic {PASSWORD_TOPIC}",
        "captured",
        lambda facts: {"chosen_version": facts.get("chosen_version")},
    ),
    _Rule(
        f"topic {PASSWORD_TOPIC}",
        "changed",
        f"topic {USERS_TOPIC}",
        "applied by sign-up and captured",
        _as_chosen,
    ),
)


QUEUED, SENT = " mail queued", " mail sent"
"""How moments of an outbox end; `number` among their facts says which mail."""


def hops_of(moments: Sequence[Moment]) -> Iterator[Hop]:
    """From each cause to its first later effect.

    Topics count in milliseconds and rows in microseconds: an effect may seem up to one millisecond early.
    """
    for cause in moments:
        for what, is_effect in _expected(cause):
            for effect in moments:
                took_ms = (effect.at - cause.at) / timedelta(milliseconds=1)
                if took_ms > -1 and is_effect(effect):
                    yield Hop(cause, effect, what, round(max(took_ms, 0.0), 1))
                    break


def _expected(cause: Moment) -> Iterator[tuple[str, Callable[[Moment], bool]]]:
    """What should come of a moment, and how to know it."""
    if cause.what.endswith(QUEUED):
        yield "sent", partial(_is_sent, cause)
    for rule in _RULES:
        if (rule.cause, rule.happened) == (cause.where, cause.what):
            carried = rule.carried(cause.facts)
            if carried is not None:
                yield rule.what, partial(_shows, rule.effect, carried)


def _is_sent(cause: Moment, moment: Moment) -> bool:
    is_same = (moment.where, moment.facts.get("number")) == (cause.where, cause.facts.get("number"))
    return is_same and moment.what.endswith(SENT)


def _shows(where: str, carried: Mapping[str, Any], moment: Moment) -> bool:
    return moment.where == where and carried.items() <= moment.facts.items()

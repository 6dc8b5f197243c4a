"""The state in one word cannot lie: it is the worst of all, and its cause stands beside it."""

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from containers.connectors import ConnectorView
from containers.console.looks import CarrierState, Look, Looker, Rates, worst
from containers.console.tests.watched import FLOW, WatchedTier, as_tier
from containers.journey import DEAD_LETTERS, TOPICS

ALL_READY = dict.fromkeys(("signup", "activation", "login", "reset_password"), True)


@pytest.fixture
def tier() -> WatchedTier:
    return WatchedTier()


@pytest.fixture
def looker(tier: WatchedTier, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looker]:
    monkeypatch.setattr("containers.console.looks.readiness", lambda *_: ALL_READY)
    made = Looker(as_tier(tier), FLOW, (*TOPICS, *DEAD_LETTERS))
    yield made
    made.close()


def look_at(looker: Looker, now: float) -> Look:
    return asyncio.run(looker.look(now))


def state_of(look: Look, name: str) -> CarrierState:
    return next(carrier for carrier in look.carriers if carrier.name == name)


def test_all_well_is_ready(looker: Looker) -> None:
    """No cause is told where there is none."""
    look = look_at(looker, 0)
    assert (look.word, look.cause) == ("READY", None)
    assert {carrier.state for carrier in look.carriers} == {"RUNNING"}


def test_the_worst_connector_is_the_word(tier: WatchedTier, looker: Looker) -> None:
    """Failed is worse than paused, whatever their names."""
    tier.fake.states = {"loginconnector": "PAUSED", "signupconnector": "FAILED"}
    tier.fake.causes = {"signupconnector": "server_id is taken"}
    look = look_at(looker, 0)
    assert (look.word, look.cause) == ("FAILED", "signupconnector: server_id is taken")


def test_a_service_that_is_not_ready_is_told_first() -> None:
    """Nothing works without it; and what it consumes is not RUNNING either."""
    assert worst({**ALL_READY, "login": False}, []) == (
        "NOT READY",
        "login does not answer, or not that it is ready",
    )
    away = CarrierState("signupconnector", "UNKNOWN", "Kafka does not answer", None, None)
    word, cause = worst({**ALL_READY, "signup": False}, [away])
    assert (word, cause) == (
        "NOT READY",
        "signup does not answer, or not that it is ready; Kafka does not answer",
    )


def test_a_consumer_is_as_its_service(
    tier: WatchedTier, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead service hands nothing on, however small its lag."""
    monkeypatch.setattr("containers.console.looks.readiness", lambda *_: {**ALL_READY, "signup": False})
    states = {carrier.name: carrier.state for carrier in look_at(looker, 0).carriers}
    assert states["signup consumes rpwd_db.users"] == "NOT READY"
    assert states["activation consumes users"] == "RUNNING"


def test_what_does_not_answer_is_unknown(tier: WatchedTier, looker: Looker) -> None:
    """Neither RUNNING, nor an old state."""
    tier.fake.is_away = True
    look = look_at(looker, 0)
    assert (look.word, state_of(look, "loginconnector").state) == ("UNKNOWN", "UNKNOWN")
    assert look.cause == "login-sink-connector: Nothing answers at Connect"


def test_a_dead_kafka_is_unknown_too(tier: WatchedTier, looker: Looker) -> None:
    """Where topics cannot be asked, nobody knows whether consumers are behind."""
    tier.is_kafka_away = True
    look = look_at(looker, 0)
    assert look.word == "UNKNOWN"
    assert state_of(look, "activation consumes users").cause == "Kafka does not answer"
    tier.fake.is_away = True  # who asks Connect for connectors waits for Kafka
    assert state_of(look_at(looker, 1), "loginconnector").cause == "Kafka does not answer"


def test_who_looks_at_the_same_time_shares_the_answer(looker: Looker) -> None:
    """A page is opened while the stream of another one looks."""

    async def look_twice() -> list[Look]:
        return await asyncio.gather(looker.look(0), looker.look(0.1))

    assert [look.word for look in asyncio.run(look_twice())] == ["READY", "READY"]


def test_what_hangs_is_asked_once(tier: WatchedTier, looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look waits a second for Connect, not for its time-out, and does not heap up threads meanwhile."""
    monkeypatch.setattr("containers.console.looks.PATIENCE_SECONDS", 0.02)
    asked, go_on = list[int](), threading.Event()
    overview = tier.fake.overview

    def hang() -> Sequence[ConnectorView]:
        asked.append(1)
        go_on.wait(20)
        return overview()

    looker._views._ask = hang

    async def three() -> list[str]:
        causes = [(await looker.look(now)).cause or "" for now in range(3)]
        go_on.set()
        while (look := await looker.look(3)).word != "READY":
            causes.append(look.cause or "")
        return causes

    told = [f"login-sink-connector: Connect has not answered for {seconds} s" for seconds in (0.06, 0.02)]
    causes = asyncio.run(three())
    assert (causes[:2], set(causes)) == (told, set(told))
    assert len(asked) == 1


def test_done_counts_what_was_handed_on(tier: WatchedTier, looker: Looker) -> None:
    """What waits is not done, with a sink as with a consumer."""
    for _ in range(5):
        tier.grow("users", {"id": 7})
    tier.fake.lags = {"login-sink-connector": 2}
    tier.group_lags = {"activation": {"users": 4}}
    look = look_at(looker, 0)
    assert state_of(look, "signupconnector").done == 5
    assert state_of(look, "login-sink-connector").done == 3
    assert (state_of(look, "activation consumes users").done, look.ends["users"]) == (1, 5)


def test_an_unknown_lag_is_not_zero(tier: WatchedTier, looker: Looker) -> None:
    """Of a sink whose lag nobody knows, nobody knows the rate."""
    tier.fake.lags = {"login-sink-connector": None}
    state = state_of(look_at(looker, 0), "login-sink-connector")
    assert (state.lag, state.done) == (None, None)


def test_rates_are_over_ten_seconds(tier: WatchedTier, looker: Looker) -> None:
    """Twenty records in the last ten seconds are two a second; older ones do not count."""
    rates = Rates()
    for _ in range(100):
        tier.grow("users", {"id": 7})
    rates.add(look_at(looker, 0))
    rates.add(look_at(looker, 5))
    for _ in range(20):
        tier.grow("users", {"id": 7})
    assert rates.add(look_at(looker, 14))["signupconnector"] == 2.0
    assert rates.add(look_at(looker, 30))["signupconnector"] == 0.0


def test_readiness_is_asked_less_often(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time it costs every service a question to its database."""
    asked: list[int] = []
    monkeypatch.setattr("containers.console.looks.readiness", lambda *_: asked.append(1) or ALL_READY)
    for tenth in range(25):
        look_at(looker, tenth / 10)
    assert len(asked) == 2

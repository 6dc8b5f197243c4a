"""How long hops took is told by the records themselves; load by the services' own metrics."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest

from containers.console import load
from containers.console.load import LoadSampler
from containers.console.numbers import propagation, spread
from containers.console.tests.watched import WatchedTier, as_tier, serve
from containers.hops import ACTIVATION_TOPIC, LOGIN_TOPIC, PASSWORD_TOPIC, USERS_TOPIC
from containers.tests.fake_platform import URLS, at, record


def micros(milliseconds: float) -> int:
    return round(at(milliseconds).timestamp() * 1_000_000)


def put(tier: WatchedTier, topic: str, milliseconds: float, row: dict[str, Any], user: int = 7) -> None:
    held = tier.topics.setdefault(topic, [])
    held.append(record(len(held), row, at=at(milliseconds), key={"id": user}))


def signed_up(tier: WatchedTier, user: int, began: float, captured: float, sunk: float) -> None:
    """One account that is captured and sunk so many milliseconds after the beginning."""
    put(
        tier,
        USERS_TOPIC,
        began + captured,
        {"id": user, "User_status": "INACTIVE", "pw_version": 1, "regDate": micros(began)},
        user,
    )
    put(
        tier,
        LOGIN_TOPIC,
        began + captured + sunk,
        {"id": user, "User_status": "INACTIVE", "pw_version": 1},
        user,
    )


def test_a_hop_is_told_by_where_it_leads() -> None:
    """From the row to the topic, and from there to the next one, of each account by itself."""
    tier = WatchedTier()
    signed_up(tier, 1, began=0, captured=4, sunk=30)
    signed_up(tier, 2, began=100, captured=6, sunk=40)
    found = {(hop.source, hop.target): hop.spread for hop in propagation(as_tier(tier)).hops}
    captured = found["signup_db.users", "topic users"]
    sunk = found["topic users", "topic login_db.users"]
    assert (captured.count, captured.p50_ms, captured.p99_ms) == (2, 4.0, 6.0)
    assert (sunk.count, sunk.p50_ms, sunk.p99_ms) == (2, 30.0, 40.0)


def test_the_row_of_many_records_counts_once() -> None:
    """A row keeps its time: a later change of it is no second sign-up."""
    tier = WatchedTier()
    signed_up(tier, 1, began=0, captured=4, sunk=30)
    later = {"id": 1, "User_status": "ACTIVE", "pw_version": 1, "regDate": micros(0)}
    put(tier, USERS_TOPIC, 900, later, 1)
    found = {(hop.source, hop.target): hop.spread for hop in propagation(as_tier(tier)).hops}
    assert found["signup_db.users", "topic users"].count == 1


def test_documents_count_in_milliseconds() -> None:
    """MongoDB's times are no microseconds."""
    tier = WatchedTier()
    activated = {"_id": 7, "status": "ACTIVE", "pw_version": 1, "activated_at": micros(50) // 1000}
    put(tier, ACTIVATION_TOPIC, 58, activated)
    (hop,) = propagation(as_tier(tier)).hops
    assert (hop.target, hop.spread.p50_ms) == (f"topic {ACTIVATION_TOPIC}", 8.0)


def test_time_to_revoke_ends_with_the_new_version_in_login() -> None:
    """A record of login with the old version has revoked nothing."""
    tier = WatchedTier()
    put(tier, PASSWORD_TOPIC, 15, {"id": 7, "chosen_version": 2, "last_changed_PW": micros(10)})
    put(tier, LOGIN_TOPIC, 40, {"id": 7, "pw_version": 1})
    put(tier, LOGIN_TOPIC, 85, {"id": 7, "pw_version": 2})
    revocation = propagation(as_tier(tier)).revocation
    assert (revocation.count, revocation.p50_ms) == (1, 75.0)


@pytest.mark.parametrize("value", ["x", '"text"', "{}", '{"regDate": "soon", "id": []}', '{"regDate": 9e99}'])
def test_a_broken_record_counts_for_nothing(value: str) -> None:
    """Numbers go on when somebody has written no JSON, or another time than ours."""
    tier = WatchedTier()
    tier.produce(USERS_TOPIC, '{"id": 7}', value)
    tier.produce(USERS_TOPIC, value, None)
    assert propagation(as_tier(tier)).hops == []


def test_percentiles_are_times_that_were_taken() -> None:
    """Nearest rank; and each time is in the first bar that it fits in."""
    found = spread([1, 2, 3, 1000, 9000])
    assert (found.count, found.p50_ms, found.p99_ms) == (5, 3, 9000)
    assert [index for index, count in enumerate(found.buckets) if count] == [0, 1, 2, 9, 12]
    assert (spread([]).p50_ms, sum(spread([]).buckets)) == (None, 0)


METRICS = """# TYPE quartet_requests counter
quartet_requests_total{{operation="logIn",service="login",status="200"}} {requests}
quartet_requests_total{{operation="readyz",service="login",status="200"}} 999.0
# TYPE quartet_hashes counter
quartet_hashes_total{{outcome="done",service="login"}} 4.0
quartet_hashes_total{{outcome="refused",service="login"}} 7.0
# TYPE quartet_hashes_in_flight gauge
quartet_hashes_in_flight{{service="login"}} 3.0
# TYPE quartet_mail_queue_age_seconds gauge
quartet_mail_queue_age_seconds{{service="login"}} 2.5
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 104857600.0
# EOF
"""


def test_load_is_sampled_from_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates come of two samples, probes do not count, and a service that is away is not made up."""
    scrapes = iter((10, 25, 3))
    answers = {URLS["login"]: lambda: METRICS.format(requests=float(next(scrapes)))}

    def answer(request: httpx.Request) -> httpx.Response:
        made = answers.get(f"{request.url.scheme}://{request.url.host}")
        return httpx.Response(200, text=made()) if made else httpx.Response(503)

    client = httpx.AsyncClient
    monkeypatch.setattr(httpx, "AsyncClient", lambda **options: client(transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(load, "SAMPLE_SECONDS", 0.0)
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(load, "monotonic", lambda: next(clock))

    async def three() -> LoadSampler:
        sampler = LoadSampler(URLS)
        with suppress(RuntimeError):  # the scrapes are used up
            await sampler.run()
        return sampler

    samples = asyncio.run(three()).samples
    assert [set(sample.loads) for sample in samples] == [{"login"}] * 3
    logins = [sample.loads["login"] for sample in samples]
    assert [one.requests_per_second for one in logins] == [None, 3.0, 0.6]
    assert (logins[0].hashes, logins[0].hashes_in_flight, logins[0].mail_age_seconds) == (4.0, 3.0, 2.5)
    assert logins[0].memory_mib == 100.0


def test_the_page_tells_what_the_records_told() -> None:
    """In a table; the picture repeats it."""
    tier = WatchedTier()
    signed_up(tier, 1, began=0, captured=4, sunk=30)

    async def story(http: httpx.AsyncClient) -> tuple[str, Any]:
        return (await http.get("/numbers")).text, (await http.get("/api/numbers")).json()

    page, told = serve(tier, story)
    assert "30.0 ms" in page
    assert 'aria-label="Spread: 1 up to 50 ms' in page
    assert {hop["p50_ms"] for hop in told["hops"]} == {4.0, 30.0}


def test_without_kafka_the_page_says_so() -> None:
    """What can still be told is told."""
    tier = WatchedTier()
    tier.is_kafka_away = True
    page = serve(tier, lambda http: http.get("/numbers"))
    assert page.status_code == 200
    assert "The topics cannot be read: Kafka does not answer" in page.text

"""Something is broken, and what happens until all is well again is written down."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import httpx
import pytest

from containers.console.experiments import Experiments
from containers.console.faults import Fault, FaultRefused
from containers.console.tests.test_looks import ALL_READY
from containers.console.tests.watched import WatchedTier, serve


@pytest.fixture
def tier(monkeypatch: pytest.MonkeyPatch) -> WatchedTier:
    monkeypatch.setattr("containers.console.looks.readiness", lambda *_: ALL_READY)
    monkeypatch.setattr("containers.console.experiments.LOOK_SECONDS", 0.01)
    return WatchedTier()


async def experiments_when(
    http: httpx.AsyncClient, wanted: Callable[[list[dict[str, Any]]], bool]
) -> list[dict[str, Any]]:
    """The experiments as soon as they are as wanted."""
    async with asyncio.timeout(20):
        while True:
            found: list[dict[str, Any]] = (await http.get("/api/experiments")).json()
            if wanted(found):
                return found
            await asyncio.sleep(0.01)


def ended(found: list[dict[str, Any]]) -> bool:
    return bool(found) and found[0]["state"] in ("healed", "not healed", "refused")


def broken(tier: WatchedTier, path: str) -> dict[str, Any]:
    """The one experiment of this switch, when it is over."""

    async def story(http: httpx.AsyncClient) -> dict[str, Any]:
        (await http.post(path)).raise_for_status()
        return (await experiments_when(http, ended))[0]

    return serve(tier, story)


def said(experiment: dict[str, Any]) -> str:
    return "\n".join(line["what"] for line in experiment["told"])


def test_a_pause_lasts_until_it_is_mended(tier: WatchedTier) -> None:
    """Healed is what is ready again and has nothing left to hand on."""

    async def story(http: httpx.AsyncClient) -> list[str]:
        seen = []
        await http.post("/break/pause?target=loginconnector")
        found = await experiments_when(http, lambda found: "PAUSED" in said(found[0]))
        seen.append(f"{found[0]['state']}, {found[0]['mend']}")
        again = await http.post("/break/pause?target=loginconnector")
        seen.append(again.json()["code"])
        tier.late = ["login-sink-connector: 3"]
        await http.post("/experiments/1/mend")
        found = await experiments_when(http, lambda found: "READY" in said(found[0]))
        seen.append(found[0]["state"])
        tier.late = []
        found = await experiments_when(http, ended)
        seen.append(found[0]["state"])
        seen.append((await http.post("/experiments/1/mend")).json()["code"])
        return seen

    assert serve(tier, story) == [
        "broken, Resume it",
        "EXPERIMENT_RUNNING",
        "healing",
        "healed",
        "EXPERIMENT_UNKNOWN",
    ]
    assert tier.fake.asked == [("pause", "loginconnector"), ("resume", "loginconnector")]


def test_what_is_broken_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is tried after it: only its own button mends it."""
    monkeypatch.setattr("containers.console.experiments.KEPT", 2)

    def refuse() -> str:
        raise FaultRefused("no")

    async def story() -> list[int]:
        watch = Mock(look=AsyncMock(return_value={"word": "READY", "cause": None}))
        experiments = Experiments(Mock(behind=list), watch)
        experiments.begin(Fault("It is paused", lambda: "paused", lambda: "resumed"))
        for number in range(3):
            tried = experiments.begin(Fault(f"Try {number}", refuse))
            async with asyncio.timeout(10):
                while not tried.is_over:  # noqa: ASYNC110 - an experiment tells nobody of its end
                    await asyncio.sleep(0.001)
        kept = [one.number for one in experiments.newest_first()]
        experiments.mend(1)
        return kept

    assert asyncio.run(story()) == [4, 3, 1]


def test_a_replay_begins_with_the_first_record(tier: WatchedTier) -> None:
    """The sink is stopped before its place is forgotten, and resumed in any case."""
    experiment = broken(tier, "/break/replay?target=login-sink-connector")
    assert (experiment["state"], experiment["healed_after_seconds"] >= 0) == ("healed", True)
    assert [what for what, _ in tier.fake.asked] == ["stop", "forget offsets", "resume"]


def test_a_duplicate_is_the_newest_record(tier: WatchedTier) -> None:
    """The same key and value, written once more; and it is said whose rows changed."""
    tier.grow("users", {"id": 7, "User_status": "INACTIVE"})
    tier.grow("users", {"id": 7, "User_status": "ACTIVE"})
    experiment = broken(tier, "/break/duplicate?target=users")
    first, second, third = tier.topics["users"]
    assert (third.key, third.value) == (second.key, second.value) != (first.key, first.value)
    assert "No database shows another row of user 7 than before." in said(experiment)


def test_a_late_record_is_an_older_state(tier: WatchedTier) -> None:
    """Of the account of the newest record that has one."""
    tier.grow("users", {"id": 7, "User_status": "INACTIVE"})
    tier.grow("users", {"id": 7, "User_status": "ACTIVE"})
    experiment = broken(tier, "/break/late?target=users")
    assert tier.topics["users"][2].value == tier.topics["users"][0].value
    assert "the same as record 0" in said(experiment)


def test_a_changed_row_is_told(tier: WatchedTier, monkeypatch: pytest.MonkeyPatch) -> None:
    """A late record that did change something would be a defect: it has to be seen."""
    tier.grow("users", {"id": 7, "User_status": "INACTIVE"})
    tier.grow("users", {"id": 7, "User_status": "ACTIVE"})
    tier.tables["login_db.users"] = [{"id": 7, "User_status": "ACTIVE"}]
    produce = tier.produce

    def overwrite(topic: str, key: str | None, value: str | None) -> int:
        tier.tables["login_db.users"] = [{"id": 7, "User_status": "INACTIVE"}]
        return produce(topic, key, value)

    monkeypatch.setattr(tier, "produce", overwrite)
    experiment = broken(tier, "/break/late?target=users")
    assert "The row of user 7 is another one now in login_db.users." in said(experiment)


def test_a_suspension_is_told_of_its_account(tier: WatchedTier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own id is that of another account, or of none."""
    topic = "login_db.suspended_users"
    tier.grow(topic, {"id": 7, "user_id": 51, "lifted_at": None})
    tier.grow(topic, {"id": 7, "user_id": 51, "lifted_at": 1})
    assert "another row of user 51 than before" in said(broken(tier, f"/break/late?target={topic}"))
    produce = tier.produce

    def overwrite(topic: str, key: str | None, value: str | None) -> int:
        tier.tables["signup_db.suspended_users"] = [{"id": 7, "user_id": 51, "lifted_at": None}]
        return produce(topic, key, value)

    monkeypatch.setattr(tier, "produce", overwrite)
    changed = "The row of user 51 is another one now in signup_db.suspended_users."
    assert changed in said(broken(tier, f"/break/duplicate?target={topic}"))
    assert "user 7" not in said(broken(tier, f"/break/poison?target={topic}"))


def test_poison_is_looked_for_in_the_dead_letters(tier: WatchedTier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was parked is told; where nobody has, that is told too."""
    tier.grow("users", {"id": 7})
    produce = tier.produce

    def park(topic: str, key: str | None, value: str | None) -> int:
        produce("dlq.activation", key, value)
        return produce(topic, key, value)

    assert "No dead-letter topic has got it." in said(broken(tier, "/break/poison?target=users"))
    monkeypatch.setattr(tier, "produce", park)
    assert "It is parked as record 0 of dlq.activation." in said(broken(tier, "/break/poison?target=users"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(tier.topics["users"][-1].value or "")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/break/pause?target=nothing", "There is no 'pause' of 'nothing'"),
        ("/break/kill?target=kafka", "There is no 'kill' of 'kafka'"),
        ("/break/everything", "There is no 'everything' of ''"),
        ("/break/late?target=users", "play the demo user's story first"),
        ("/break/duplicate?target=users", "play the demo user's story first"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(tier: WatchedTier, path: str, reason: str) -> None:
    """Nothing is done then, and no experiment begins."""

    async def story(http: httpx.AsyncClient) -> tuple[httpx.Response, Any]:
        return await http.post(path), (await http.get("/api/experiments")).json()

    answer, experiments = serve(tier, story)
    assert (answer.status_code, experiments, tier.fake.asked) == (400, [], [])
    assert reason in answer.json()["errors"][0]["detail"]


def test_a_form_leads_back_to_the_page(tier: WatchedTier) -> None:
    """Without script a browser posts the form and is shown the page again."""

    async def story(http: httpx.AsyncClient) -> httpx.Response:
        form = {"target": "loginconnector"}
        return await http.post("/break/pause", data=form, headers={"accept": "text/html"})

    answer = serve(tier, story)
    assert (answer.status_code, answer.headers["location"]) == (303, "/break#experiments")
    assert tier.fake.asked[0] == ("pause", "loginconnector")


def test_an_unforeseen_end_is_no_endless_experiment(
    tier: WatchedTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says that it has not healed, and does not wait for ever."""

    def fail() -> list[str]:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(tier, "behind", fail)
    assert broken(tier, "/break/replay?target=login-sink-connector")["state"] == "not healed"

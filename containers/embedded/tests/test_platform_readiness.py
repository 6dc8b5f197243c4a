"""Ready means that every connector is; what is not is named when the waiting ends."""

import asyncio
from typing import Any, cast

import pytest

from containers.embedded import readiness
from containers.embedded.connect import Connect
from containers.engines import PlatformRefused


class FakeConnect:
    """Connectors by name, each with the states that it shows one after another."""

    def __init__(self, **states: list[str]) -> None:
        self.states = states

    def names(self) -> list[str]:
        return list(self.states)

    def status(self, name: str) -> dict[str, Any]:
        shown = self.states[name]
        state = shown.pop(0) if len(shown) > 1 else shown[0]
        task = {"id": 0, "state": state}
        cause = "no such table" if state == "FAILED" else None
        return {"connector": {"state": "RUNNING"}, "tasks": [task], "cause": cause}


def test_connectors_are_waited_for() -> None:
    """A task that is still FAILED from the last run may be restarted meanwhile."""
    connect = FakeConnect(one=["RUNNING"], two=["FAILED", "RUNNING"])
    asyncio.run(readiness.connectors_running(cast(Connect, connect)))
    assert connect.states["two"] == ["RUNNING"]


def test_a_connector_that_never_runs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its state and cause."""
    monkeypatch.setattr(readiness, "READY_SECONDS", 0.05)
    connect = FakeConnect(one=["RUNNING"], two=["FAILED"])
    with pytest.raises(PlatformRefused, match=r"two is FAILED and RUNNING \(no such table\)"):
        asyncio.run(readiness.connectors_running(cast(Connect, connect)))

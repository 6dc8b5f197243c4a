"""A wait of the world that fails tells the person's events and how the connectors are."""

import pytest

from containers.process import PlatformProcess
from steps import waiting
from steps.waiting import NeverHappened
from steps.world import World


def test_a_failed_wait_tells_the_timeline(
    shared_platform: PlatformProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened to ada, in order, and every connector; of nobody's password anything."""
    world = World(shared_platform)
    ada = world.person("ada")
    world.sign_up(ada)
    monkeypatch.setattr(waiting, "patience", 0.01)
    with pytest.raises(NeverHappened) as failure:
        world.wait_for_row("login_db", ada, lambda row: row["User_status"] == "ACTIVE", "ada ACTIVE")
    world.client.close()
    _, story = str(failure.value).split("timeline of ada:")
    events, connectors = story.split("connectors:")
    assert events.index("signed up") < events.index("inbox")
    assert "signupconnector RUNNING" in connectors
    assert ada.password not in story

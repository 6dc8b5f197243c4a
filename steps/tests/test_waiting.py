"""`eventually` waits for what is asked, and says what it saw when it never came."""

import pytest

from steps.waiting import NeverHappened, eventually


def test_it_returns_the_first_accepted_value() -> None:
    """Values before it are not taken."""
    values = iter([0, 0, 3, 4])
    assert eventually(lambda: next(values), within=5, what="a number") == 3


def test_a_failed_assertion_is_not_yet() -> None:
    """A probe may assert its way to the value."""
    values = iter([False, True])

    def probe() -> bool:
        assert next(values), "too early"
        return True

    assert eventually(probe, within=5, what="an assertion that holds")


def test_the_last_value_and_the_story_are_told() -> None:
    """The message says what was waited for and what was seen instead."""
    with pytest.raises(NeverHappened, match=r"a miracle; last seen: 0\nthe story"):
        eventually(lambda: 0, within=0, what="a miracle", timeline=lambda: "the story")


def test_a_story_that_cannot_be_told_hides_nothing() -> None:
    """The platform may be down: the message still says what was waited for."""

    def timeline() -> str:
        raise OSError("the platform is down")

    with pytest.raises(NeverHappened, match=r"a miracle; last seen: 0\nno timeline: OSError"):
        eventually(lambda: 0, within=0, what="a miracle", timeline=timeline)

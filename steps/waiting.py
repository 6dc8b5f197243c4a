"""Waiting for a condition with a deadline: the only place of the suite where time passes."""

import time
from collections.abc import Callable
from typing import TypeVar

from containers.engines import EngineAway

T = TypeVar("T")

patience = 1.0
"""Factor on every deadline; set once per session from `--patience`."""


class NeverHappened(AssertionError):
    """The deadline passed; the message holds what was waited for and the value seen last."""


def eventually(
    probe: Callable[[], T],
    *,
    within: float,
    what: str,
    accept: Callable[[T], object] = bool,
    timeline: Callable[[], str] | None = None,
) -> T:
    """Returns the first value of `probe` that `accept` takes, asking at once and then ever less often.

    Args:
        probe: observes; an AssertionError in it, or an engine that is away, counts as "not yet".
        within: deadline in seconds, before patience.
        what: the condition in words, for the message.
        timeline: asked for the story of the account when the deadline has passed.

    Raises:
        NeverHappened: the deadline passed.
    """
    deadline = time.monotonic() + within * patience
    pause, last = 0.002, "nothing was seen"
    while True:
        try:
            value = probe()
        except (AssertionError, EngineAway) as error:
            last = str(error)
        else:
            if accept(value):
                return value
            last = repr(value)
        if time.monotonic() >= deadline:
            story = _told(timeline) if timeline else ""
            raise NeverHappened(f"not within {within * patience:g} s: {what}; last seen: {last}{story}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _told(timeline: Callable[[], str]) -> str:
    """The story; a platform that cannot be asked for it must not hide what was waited for."""
    try:
        return f"\n{timeline()}"
    except Exception as error:
        return f"\nno timeline: {error!r}"


def wait_until(moment: float) -> None:
    """Waits for a moment of the wall clock, in seconds since 1970: what a token's expiry is given in."""
    while (left := moment - time.time()) > 0:
        time.sleep(left)

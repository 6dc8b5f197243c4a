"""Waiting until something can be seen, with a deadline and a name for what is waited for."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.1


class DeadlinePassed(Exception):
    """What was waited for did not come in time."""

    def __init__(self, what: str, within_seconds: float) -> None:
        super().__init__(f"{what} did not happen within {within_seconds:g} s")


def poll(probe: Callable[[], T | None], *, within_seconds: float, what: str) -> T:
    """The first value of `probe` that is not None, asked for at once and then ever less often.

    Raises:
        DeadlinePassed: there was none in time.
    """
    deadline = time.monotonic() + within_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        value = probe()
        if value is not None:
            return value
        left = deadline - time.monotonic()
        if left <= 0:
            raise DeadlinePassed(what, within_seconds)
        pause_for(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)


def pause_for(seconds: float) -> None:
    """Lets this much time pass; Ctrl-C ends it."""
    threading.Event().wait(seconds)

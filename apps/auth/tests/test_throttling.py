"""When the next attempt, the next mail or a suspension is due."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.auth.throttling import is_suspending, may_mail, seconds_left

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago_seconds", "retry_seconds", "left"),
    [
        (None, 5, 0),
        (0, 5, 5),
        (0.001, 5, 5),
        (4.0, 5, 1),
        (4.999999, 5, 1),
        (5, 5, 0),
        (6, 5, 0),
        (0, 0, 0),
        (-3600, 5, 5),
        (10**6, 5, 0),
    ],
)
def test_seconds_left(ago_seconds: float | None, retry_seconds: int, left: int) -> None:
    """Whole seconds, rounded up; a clock that was set back never makes it longer than the rule."""
    last = None if ago_seconds is None else NOW - timedelta(seconds=ago_seconds)
    assert seconds_left(last, NOW, retry_seconds) == left


def test_the_fifth_failure_suspends() -> None:
    """At the limit, not before, and not only exactly there."""
    assert [is_suspending(failures, 5) for failures in (1, 4, 5, 6)] == [False, False, True, True]


def test_mails_up_to_the_limit() -> None:
    """The limit counts the mails that went out already."""
    assert [may_mail(sent, 5) for sent in (0, 4, 5, 6)] == [True, True, False, False]
    assert not may_mail(0, 0)

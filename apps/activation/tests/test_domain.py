from datetime import UTC, datetime, timedelta

import pytest

from apps.activation.domain import Link, Standing, Verdict, judge

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNKNOWN = Standing.of()


def active(*versions: int, newest: int = 0) -> Standing:
    return Standing.of(
        status="ACTIVE", pw_version=max(versions), active_versions=versions, newest_version=newest
    )


def expired(version: int) -> Standing:
    return Standing.of(status="INACTIVE", pw_version=version)


@pytest.mark.parametrize(
    ("version", "standing", "expected"),
    [
        (1, UNKNOWN, Verdict.ACTIVATE),
        (1, Standing.of(newest_version=1), Verdict.ACTIVATE),
        (1, Standing.of(newest_version=2), Verdict.SUPERSEDED),
        (3, Standing.of(newest_version=2), Verdict.ACTIVATE),
        (1, active(1), Verdict.ALREADY_ACTIVE),
        (1, active(1, newest=2), Verdict.ALREADY_ACTIVE),
        (1, active(1, 2), Verdict.ALREADY_ACTIVE),
        (2, active(1, newest=2), Verdict.ACTIVATE),
        (2, active(1), Verdict.ACTIVATE),
        (1, active(2), Verdict.SUPERSEDED),
        (1, expired(1), Verdict.ACTIVATE),
        (1, expired(2), Verdict.SUPERSEDED),
    ],
)
def test_a_link_in_time(version: int, standing: Standing, expected: Verdict) -> None:
    """A repeat is a repeat whatever came after; a newer version than known is good, an older one is not."""
    link = Link(7, "ada@example.org", version, NOW + timedelta(seconds=1))
    assert judge(link, standing, now=NOW) is expected


@pytest.mark.parametrize(
    ("version", "standing", "expected"),
    [
        (1, UNKNOWN, Verdict.SAVE_EXPIRED),
        (1, Standing.of(newest_version=2), Verdict.SAVE_EXPIRED),
        (2, expired(1), Verdict.SAVE_EXPIRED),
        (1, expired(1), Verdict.EXPIRED),
        (1, expired(2), Verdict.EXPIRED),
        (1, active(1), Verdict.EXPIRED),
        (2, active(1), Verdict.EXPIRED),
    ],
)
def test_a_link_that_is_too_old(version: int, standing: Standing, expected: Verdict) -> None:
    """It is news once, and never for a user who is ACTIVE; the moment of expiry is too late."""
    link = Link(7, "ada@example.org", version, NOW)
    assert judge(link, standing, now=NOW) is expected

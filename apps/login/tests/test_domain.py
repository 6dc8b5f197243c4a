"""What login decides from values alone."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.login.domain import Account, Session, Verdict, is_session_id, judge, newest_live

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def account(*, is_active: bool = True, is_suspended: bool = False) -> Account:
    return Account(7, "ada@example.org", "hash", is_active, 1, 0, is_suspended)


def session(name: str, *, age: int = 0, pw_version: int = 1, lasts: int = 60) -> Session:
    issued_at = NOW - timedelta(seconds=age)
    return Session(name, 7, pw_version, issued_at, issued_at + timedelta(seconds=lasts))


@pytest.mark.parametrize(
    ("known", "is_right", "verdict"),
    [
        (None, False, Verdict.REFUSED),
        (account(), True, Verdict.GRANTED),
        (account(), False, Verdict.WRONG),
        (account(is_active=False), True, Verdict.INACTIVE),
        (account(is_active=False), False, Verdict.WRONG),
        (account(is_suspended=True), True, Verdict.REFUSED),
        (account(is_suspended=True), False, Verdict.REFUSED),
        (account(is_active=False, is_suspended=True), True, Verdict.REFUSED),
    ],
)
def test_every_verdict(known: Account | None, is_right: bool, verdict: Verdict) -> None:
    """Only a right password of an account that is not suspended says anything about the account."""
    assert judge(known, is_password_right=is_right) is verdict


def test_a_session_lives_until_its_time_or_a_newer_password() -> None:
    """At the moment of expiry it is dead already; a version that is ahead of the projection is not."""
    assert session("a", lasts=1).is_live(pw_version=1, now=NOW)
    assert not session("a", age=1, lasts=1).is_live(pw_version=1, now=NOW)
    assert not session("a").is_live(pw_version=2, now=NOW)
    assert session("a", pw_version=3).is_live(pw_version=2, now=NOW)


def test_the_newest_live_session() -> None:
    """Dead ones do not count, however new."""
    sessions = [session("old", age=5), session("newer", age=2), session("outdated", pw_version=0)]
    found = newest_live(sessions, pw_version=1, now=NOW)
    assert found is not None
    assert found.session_id == "newer"
    assert newest_live(sessions, pw_version=2, now=NOW) is None
    assert newest_live([], pw_version=1, now=NOW) is None


@pytest.mark.parametrize("text", ["", "a b", "ä", "a" * 65, "a\n", "%2e"])
def test_what_no_session_is_called(text: str) -> None:
    """The column that is asked holds short ASCII words only."""
    assert not is_session_id(text)
    assert is_session_id("a-Z_9")

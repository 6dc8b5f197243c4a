"""A journey tells what is known of one account, in order, with the time of each hop and without secrets."""

import hashlib
import json
from typing import Any

import httpx
import pytest

from containers.hops import ACTIVATION_TOPIC, LOGIN_TOPIC, SUSPENSION_TOPIC, USERS_TOPIC
from containers.inbox_client import InboxClient
from containers.journey import Journey, follow
from containers.tests.fake_platform import SECRETS, FakePlatform, FakeTier, at, record

ADDRESS = "ada@example.org"
HASH = "$argon2id$HASH"


def user(**columns: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "email": ADDRESS,
        "password": HASH,
        "User_status": "INACTIVE",
        "pw_version": 1,
        **columns,
    }


@pytest.fixture
def tier() -> FakeTier:
    """Ada has signed up and activated, both of which have reached login, and has logged in there."""
    tier = FakeTier()
    login_row = user(User_status="ACTIVE", auth_token="RECEIPT-TOKEN")
    tier.tables = {
        "signup_db.users": [user(User_status="ACTIVE", regDate=at(10.4))],
        "login_db.users": [login_row],
        "login_db.sessions": [
            {"id": "jti-of-a-session", "user_id": 7, "issued_at": at(400), "pw_version": 1}
        ],
        "signup_db.audit": [{"id": 1, "event": "SIGNED_UP", "happened_at": at(10), "user_id": 7}],
        "signup_db.outbox": [
            {
                "id": 1,
                "recipient": ADDRESS,
                "kind": "activation",
                "state": "sent",
                "params": "LINK-TOKEN",
                "created_at": at(11),
                "sent_at": at(15),
            }
        ],
        "active_users": [{"_id": 7, "status": "ACTIVE", "pw_version": 1, "activated_at": at(200)}],
    }
    tier.topics = {
        USERS_TOPIC: [
            record(0, user(), at=at(10), key={"id": 7}),
            record(1, user(id=8, email="bob@example.org"), at=at(12), key={"id": 8}),
            record(2, user(User_status="ACTIVE"), at=at(230), key={"id": 7}),
        ],
        LOGIN_TOPIC: [
            record(0, user(), at=at(32), key={"id": 7}),
            record(1, user(User_status="ACTIVE"), at=at(255), key={"id": 7}),
            record(2, login_row, at=at(402), key={"id": 7}),
        ],
        ACTIVATION_TOPIC: [
            record(0, {"status": "ACTIVE", "pw_version": 1}, at=at(205), key={"id": 7}),
        ],
    }
    return tier


def journey_of(tier: FakeTier, address: str = ADDRESS) -> Journey:
    platform = FakePlatform()
    platform.deliver("Confirm your account", "http://x.test/confirmuserReg?token=LINK-TOKEN", to=ADDRESS)
    return follow(tier, address, InboxClient("http://inbox.test", transport=platform.transport()))


def test_moments_come_in_the_order_of_time(tier: FakeTier) -> None:
    """Rows, mails and topics are one story."""
    journey = journey_of(tier)
    assert [(moment.where, moment.what) for moment in journey.moments] == [
        ("inbox", "“Confirm your account”"),
        ("topic users", "changed"),
        ("signup_db.audit", "SIGNED_UP"),
        ("signup_db.users", "signed up"),
        ("signup_db.outbox", "activation mail queued"),
        ("signup_db.outbox", "activation mail sent"),
        ("topic login_db.users", "changed"),
        ("activate_user_reg_db.active_users", "activated"),
        (f"topic {ACTIVATION_TOPIC}", "changed"),
        ("topic users", "changed"),
        ("topic login_db.users", "changed"),
        ("login_db.sessions", "session opened"),
        ("topic login_db.users", "changed"),
    ]


def test_each_hop_is_timed_from_its_cause(tier: FakeTier) -> None:
    """A record stamped in whole milliseconds may seem older than the row that it came from."""
    hops = {(hop.source, hop.target, hop.took_ms) for hop in journey_of(tier).hops}
    assert hops == {
        ("signup_db.users", "topic users", 0.0),
        ("topic users", "topic login_db.users", 22.0),
        ("activate_user_reg_db.active_users", f"topic {ACTIVATION_TOPIC}", 5.0),
        ("signup_db.outbox", "signup_db.outbox", 4.0),
        (f"topic {ACTIVATION_TOPIC}", "topic users", 25.0),
        ("topic users", "topic login_db.users", 25.0),
        ("login_db.sessions", "topic login_db.users", 2.0),
    }


def test_no_secret_is_told(tier: FakeTier) -> None:
    """Neither a hash, a receipt, the claims of a mail nor a whole session id."""
    text = json.dumps(journey_of(tier).as_json())
    for secret in (*SECRETS, "jti-of-a-session"):
        assert secret not in text
    assert '"password": "set"' in text
    assert '"auth_token": "set"' in text


def test_other_accounts_stay_out(tier: FakeTier) -> None:
    """Records of other keys are not told."""
    assert "bob" not in json.dumps(journey_of(tier).as_json())


def test_suspensions_are_found_by_their_row(tier: FakeTier) -> None:
    """Their topic is keyed by the suspension's own id, which may be another user's id."""
    tier.topics[SUSPENSION_TOPIC] = [
        record(0, {"id": 7, "user_id": 8, "reason": "X"}, at=at(1), key={"id": 7}),
        record(1, {"id": 9, "user_id": 7, "reason": "TOO_MANY_FAILURES"}, at=at(500), key={"id": 9}),
        record(2, None, at=at(600), key={"id": 9}),
    ]
    told = [m for m in journey_of(tier).moments if m.where == f"topic {SUSPENSION_TOPIC}"]
    assert [(m.facts["offset"], m.what) for m in told] == [(1, "changed"), (2, "deleted")]


def test_parked_records_are_told(tier: FakeTier) -> None:
    """What a consumer could not apply is part of the story."""
    tier.topics["dlq.signup"] = [record(0, {"status": "?"}, at=at(300), key={"id": 7})]
    assert ("topic dlq.signup", "parked") in [(m.where, m.what) for m in journey_of(tier).moments]


def test_a_record_that_is_no_json_is_passed_over(tier: FakeTier) -> None:
    """Poison in a topic does not hide the journey of others."""
    poison = record(3, None, at=at(700), key={"id": 7})
    tier.topics[USERS_TOPIC].append(type(poison)(3, "{", "{", {}, poison.timestamp_ms))
    assert journey_of(tier).user_id == 7


def test_attempts_on_an_unknown_address_are_told() -> None:
    """An audit keeps the address only as a digest."""
    tier = FakeTier()
    assert journey_of(tier, "nobody@example.org").is_empty
    key = hashlib.sha256(b"nobody@example.org").hexdigest()
    tier.tables["login_db.audit"] = [
        {"id": 1, "event": "LOGIN_FAILED", "happened_at": at(1), "user_id": None, "address_key": key}
    ]
    journey = journey_of(tier, "nobody@example.org")
    assert (journey.user_id, [moment.what for moment in journey.moments]) == (None, ["LOGIN_FAILED"])


def test_a_platform_without_an_inbox_is_told_all_the_same(tier: FakeTier) -> None:
    """As in the production profile."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    inbox = InboxClient("http://inbox.test", transport=httpx.MockTransport(refuse))
    assert len(follow(tier, ADDRESS, inbox).moments) == 12

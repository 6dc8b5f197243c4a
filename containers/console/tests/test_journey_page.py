"""The page of a journey tells the whole story of one account, waiting and all, and no secret of it."""

import json
import re
from typing import Any

import httpx
import pytest

from containers.agreement import compare
from containers.console.journey_page import JourneyPage
from containers.console.tests.asking import (
    EVIL,
    AwayTier,
    ask,
    assert_harmless,
    context_of,
    inbox_of,
    silent,
)
from containers.console.timeline import lay_out
from containers.engines import TopicRecord
from containers.hops import ACTIVATION_TOPIC, LOGIN_TOPIC, USERS_TOPIC, Hop, Moment
from containers.journey import Journey
from containers.masking import TOO_DEEP, masked, masked_parts, masked_text
from containers.tests.fake_platform import SECRETS, FakePlatform, FakeTier, at, record

ADDRESS = "ada@example.org"
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
RECEIPT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
MAIL_LINK = "http://activation.test/api/v1/dev/confirmuserReg?token=LINK-TOKEN"


def user(**columns: Any) -> dict[str, Any]:
    row = {"id": 7, "email": ADDRESS, "password": HASH, "User_status": "ACTIVE", "pw_version": 1}
    return row | columns


@pytest.fixture
def tier() -> FakeTier:
    """Ada has signed up, has thought for a while, and has activated; every store knows."""
    tier = FakeTier()
    tier.tables = {
        "signup_db.users": [user(regDate=at(10), fullName=EVIL)],
        "login_db.users": [user(auth_token=RECEIPT)],
        "rpwd_db.users": [user(auth_token=RECEIPT, password=None)],
        "signup_db.audit": [{"id": 1, "event": EVIL, "happened_at": at(10), "user_id": 7}],
        "signup_db.outbox": [
            {
                "id": 4,
                "recipient": ADDRESS,
                "kind": "activation",
                "state": "sent",
                "params": RECEIPT,
                "created_at": at(10),
                "sent_at": at(60),
            }
        ],
        "active_users": [
            {"_id": 7, "email": ADDRESS, "status": "ACTIVE", "pw_version": 1, "activated_at": at(900)}
        ],
        "password_versions": [{"_id": 7, "pw_version": 1}],
    }
    tier.topics = {
        USERS_TOPIC: [
            record(0, user(User_status="INACTIVE"), at=at(20), key={"id": 7}),
            record(1, user(fullName=EVIL), at=at(940), key={"id": 7}),
        ],
        LOGIN_TOPIC: [
            record(0, user(User_status="INACTIVE"), at=at(40), key={"id": 7}),
            record(1, user(auth_token=RECEIPT), at=at(960), key={"id": 7}),
        ],
        ACTIVATION_TOPIC: [record(0, {"status": "ACTIVE", "pw_version": 1}, at=at(910), key={"id": 7})],
    }
    return tier


def show(tier: FakeTier, path: str, transport: httpx.BaseTransport | None = None) -> httpx.Response:
    platform = FakePlatform()
    platform.deliver(f"Hello {EVIL}", MAIL_LINK, to=ADDRESS)
    page = JourneyPage(context_of(tier), inbox_of(transport or platform.transport()))
    return ask(page.operations(), path)


def told(answer: httpx.Response) -> str:
    """The words of a page, without its markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())


def test_the_story_is_told_in_order(tier: FakeTier) -> None:
    """Rows, decisions, mails and records, each hop with how long it took."""
    answer = show(tier, f"/journey?address={ADDRESS.upper()}")
    words = told(answer)
    assert answer.status_code == 200
    story = ["signed up", "activation mail queued", "changed, record 0", "activation mail sent"]
    story += ["the user: 0.8 s", "activated", "applied by sign-up and captured"]
    places = [words.index(part, words.index("What happened")) for part in story]
    assert places == sorted(places)
    assert "50 ms" in words  # the mail
    assert "30 ms" in words  # from activation's topic through sign-up
    assert answer.text.count("<rect x=") == 6
    assert f'href="/records?topic={ACTIVATION_TOPIC}&amp;offset=0"' in answer.text
    assert 'href="/inbox/mail1"' in answer.text
    assert f'href="/api/journey?address={ADDRESS.replace("@", "%40")}" download=' in answer.text


@pytest.mark.parametrize(
    "path",
    [
        f"/journey?address={ADDRESS}",
        f"/api/journey?address={ADDRESS}",
        f"/records?topic={USERS_TOPIC}&offset=1",
        f"/records?topic={LOGIN_TOPIC}&offset=1",
    ],
)
def test_no_page_tells_a_secret(tier: FakeTier, path: str) -> None:
    """Neither a hash, a receipt, nor the claims of a mail; that they are there is told."""
    answer = show(tier, path)
    assert answer.status_code == 200
    for secret in (*SECRETS, HASH, "argon2", RECEIPT, "eyJ"):
        assert secret not in answer.text
    assert "set" in answer.text
    if not path.startswith("/api"):
        assert_harmless(answer)


def test_all_stores_agree(tier: FakeTier) -> None:
    """The badge says so in a word."""
    words = told(show(tier, f"/journey?address={ADDRESS}"))
    assert "CONVERGED all four stores say the same" in words
    assert "NOT CONVERGED" not in words
    assert "differs" not in words


@pytest.mark.parametrize(
    ("place", "changed", "name", "cell"),
    [
        ("login_db.users", {"User_status": "INACTIVE"}, "User_status", "differs: INACTIVE"),
        ("rpwd_db.users", {"pw_version": 2}, "pw_version", "differs: 2"),
        ("login_db.users", {"password": "$argon2id$other"}, "password", "differs: set"),
        ("rpwd_db.users", {"auth_token": None}, "auth_token", "differs: –"),
    ],
)
def test_a_store_that_differs_is_named(
    tier: FakeTier, place: str, changed: dict[str, Any], name: str, cell: str
) -> None:
    """By words, in its cell and in the badge; masking hides no difference."""
    tier.tables[place][0] |= changed
    answer = show(tier, f"/journey?address={ADDRESS}")
    assert f"NOT CONVERGED {name} differs" in told(answer)
    assert cell in told(answer)
    assert "argon2" not in answer.text


def test_a_store_without_a_row_differs(tier: FakeTier) -> None:
    """An account that has not arrived somewhere has not converged."""
    tier.tables["rpwd_db.users"] = []
    words = told(show(tier, f"/journey?address={ADDRESS}"))
    assert "NOT CONVERGED email, User_status, pw_version, auth_token differ" in words
    assert words.count("differs: no row") == words.count("differs:") == 4


def test_an_account_that_has_arrived_nowhere_differs_everywhere() -> None:
    """Of what only those stores keep that have no row, none is right."""
    facts = {fact.name: fact.differing for fact in compare({"signup_db.users": [user()]})}
    assert facts["auth_token"] == {"login_db", "rpwd_db"}
    assert facts["pw_version"] == {"activate_user_reg_db", "login_db", "rpwd_db"}


def test_an_inactive_account_needs_no_document() -> None:
    """Before its link was opened, activation knows only the version of its password."""
    rows = {f"{store}.users": [user(User_status="INACTIVE")] for store in ("signup_db", "login_db")}
    rows["rpwd_db.users"] = [user(User_status="INACTIVE", password=None)]
    rows["activate_user_reg_db.password_versions"] = [{"_id": 7, "pw_version": 1}]
    assert [fact.name for fact in compare(rows) if fact.differing] == []


def test_a_password_is_compared_once_one_was_chosen() -> None:
    """Reset-password has none of its own before, and an old one after somebody signed up again."""
    rows = {f"{store}.users": [user(pw_version=2)] for store in ("signup_db", "login_db")}
    rows["rpwd_db.users"] = [user(pw_version=2, password="$argon2id$new", chosen_version=2)]
    (fact,) = [fact for fact in compare(rows) if fact.name == "password"]
    assert fact.differing == {"rpwd_db"}
    assert fact.told == {"signup_db": "set", "login_db": "set", "rpwd_db": "set"}


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/journey", 200, "To whom the newest mails went"),
        ("/journey?address=nobody@example.org", 404, "Nobody knows this address"),
        (f"/journey?address={EVIL}", 422, "That is not an e-mail address"),
        ("/records?topic=users&offset=9", 404, "There is no such record"),
        ("/records?topic=users&offset=-1", 404, "There is no such record"),
        ("/records?topic=users&offset=first", 404, "There is no such record"),
        ("/records?topic=users&offset=9999999999999999", 404, "There is no such record"),
        (f"/records?topic={EVIL}&offset=0", 404, "There is no such topic"),
        ("/records", 404, "There is no such topic"),
    ],
)
def test_what_cannot_be_shown_is_a_page_that_says_so(
    tier: FakeTier, path: str, status: int, says: str
) -> None:
    """With what to do, and with what was asked for as text."""
    answer = show(tier, path)
    assert (answer.status_code, says in told(answer)) == (status, True)
    assert_harmless(answer)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"/journey?address={ADDRESS}", "login_db does not answer"),
        ("/records?topic=users&offset=0", "Kafka does not answer"),
    ],
)
def test_an_engine_that_is_away_is_named(path: str, says: str) -> None:
    """With 503: the page is there again when the engine is."""
    answer = show(AwayTier(), path)
    assert (answer.status_code, says in told(answer)) == (503, True)


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [("nobody@example.org", 404, "ADDRESS_UNKNOWN"), ("x", 422, "ADDRESS_INVALID")],
)
def test_programs_get_problems(tier: FakeTier, address: str, status: int, code: str) -> None:
    """As every other interface answers."""
    answer = show(tier, f"/api/journey?address={address}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_platform_without_an_inbox_is_told_all_the_same(tier: FakeTier) -> None:
    """As in the production profile."""
    answer = show(tier, f"/journey?address={ADDRESS}", silent())
    assert (answer.status_code, "signed up" in told(answer)) == (200, True)
    assert show(tier, "/journey", silent()).status_code == 200


def test_a_record_that_was_let_go_is_not_another_one(tier: FakeTier) -> None:
    """A topic answers with the next record it still has; that is not the one asked for."""
    del tier.topics[USERS_TOPIC][0]
    assert show(tier, "/records?topic=users&offset=0").status_code == 404


def test_poison_in_a_topic_breaks_no_page(tier: FakeTier) -> None:
    """Nested without end, no JSON, half a surrogate, and ids that are none."""
    texts = ["[" * 5000, f'{{"password":"{HASH}"', '{"id": 7, "status": "\\ud800"}', '{"id": {}}', "null"]
    tier.topics["dlq.signup"] = [TopicRecord(n, text, text, {}, 5) for n, text in enumerate(texts)]
    assert show(tier, f"/journey?address={ADDRESS}").status_code == 200
    for offset in range(len(texts)):
        answer = show(tier, f"/records?topic=dlq.signup&offset={offset}")
        assert answer.status_code == 200
        assert "argon2" not in answer.text


def test_secrets_are_masked_wherever_they_stand() -> None:
    """In nested members, in JSON within text, in headers, and in what only looks like a hash or a token."""
    envelope = {"before": {"password": HASH}, "after": json.dumps({"auth_token": RECEIPT, "x": 1})}
    assert masked(envelope) == {"before": {"password": "set"}, "after": '{"auth_token": "set", "x": 1}'}
    assert masked({"password": None}) == {"password": None}
    assert masked_text(f"failed on {HASH}, {RECEIPT}") == "failed on *** ***"
    assert masked_parts(json.dumps({"schema": {}, "payload": {"password": HASH}})) == (
        '{\n  "password": "set"\n}',
        "{}",
    )
    assert masked_parts("[" * 5000 + "]" * 5000) == (TOO_DEEP, None)


def journey(*moments: Moment, hops: list[Hop] | None = None) -> Journey:
    return Journey(ADDRESS, 7, {}, moments, hops or [])


def test_only_waiting_with_nothing_in_flight_is_the_users() -> None:
    """A hop that lasts over a gap is the platform's own time, however long it is."""
    first, second, third = (Moment(at(ms), "here", "this") for ms in (0, 600, 999))
    apart = lay_out(journey(first, second, third))
    together = lay_out(journey(first, second, third, hops=[Hop(first, second, "slow", 600.0)]))
    assert apart is not None
    assert together is not None
    assert [stretch.waited_seconds for stretch in apart.stretches] == [0.0, 0.6]
    assert (apart.waited_seconds, apart.took_ms) == (0.6, 999.0)
    assert len(together.stretches) == 1
    assert lay_out(journey()) is None


def test_bars_stay_within_their_cell() -> None:
    """A hop of no time can be seen, and one that seems to begin early does not stick out."""
    first, second = Moment(at(10), "here", "this"), Moment(at(110), "there", "that")
    hops = [Hop(first, second, "all", 100.0), Hop(second, second, "none", 0.0)]
    timeline = lay_out(journey(first, second, hops=hops))
    assert timeline is not None
    bars = [(bar.left, bar.width) for bar in timeline.stretches[0].lines[1].bars]
    assert bars == [(0.0, 100.0), (99.5, 0.5)]

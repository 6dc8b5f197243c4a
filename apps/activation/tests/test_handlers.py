import asyncio

import pytest

from apps.activation import handlers, store
from apps.activation.domain import LinkExpired, LinkSuperseded
from apps.activation.store import FAILED_ACTIVATIONS, PASSWORD_VERSIONS
from apps.activation.tests.desk import ADA, KEY, OTHER_KEY, USER_ID, Desk
from apps.auth import tokens
from apps.storage.errors import StorageUnavailable
from apps.web.refusals import LinkInvalid

KEYS = KEY.public_keys()


async def activate(desk: Desk, token: str | None) -> None:
    async with handlers.counting_refusals(desk.ports):
        await handlers.activate(token, ports=desk.ports, keys=KEYS)


def test_a_good_link_makes_the_user_active() -> None:
    """The document has the user's id as its own, and says what was activated and when."""
    desk = Desk()
    asyncio.run(activate(desk, desk.link()))
    assert desk.document == {
        "_id": USER_ID,
        "email": ADA,
        "status": "ACTIVE",
        "pw_version": 1,
        "reason": None,
        "activated_at": desk.clock.now,
        "updated_at": desk.clock.now,
        "active_versions": [1],
    }


def test_a_repeat_writes_nothing() -> None:
    """The same link, another link of the same version, and both after a newer version came."""
    desk = Desk()

    async def story() -> None:
        first, second = desk.link(1), desk.link(1)
        for token in (first, first, second):
            await activate(desk, token)
            desk.clock.advance(60)
        await handlers.learn_version(USER_ID, 2, ports=desk.ports)
        await activate(desk, first)
        await activate(desk, desk.link(2))
        await activate(desk, first)

    asyncio.run(story())
    assert [(version["status"], version["pw_version"]) for version in desk.versions] == [
        ("ACTIVE", 1),
        ("ACTIVE", 2),
    ]
    assert desk.document is not None
    assert desk.document["active_versions"] == [1, 2]


def test_twenty_clicks_at_once_are_one_version() -> None:
    """Every click is answered, and one of them has written."""
    desk = Desk()
    token = desk.link()

    async def story() -> None:
        await asyncio.gather(*(activate(desk, token) for _ in range(20)))

    asyncio.run(story())
    assert len(desk.versions) == 1


def test_links_of_two_versions_at_once() -> None:
    """In whatever order they race, the document ends with the newer one."""
    desk = Desk()
    old, new = desk.link(1), desk.link(2)

    async def story() -> None:
        results = await asyncio.gather(
            *(activate(desk, token) for token in [old, new] * 10), return_exceptions=True
        )
        assert {type(result) for result in results} <= {type(None), LinkSuperseded}

    asyncio.run(story())
    assert desk.document is not None
    assert desk.document["pw_version"] == 2
    assert len(desk.versions) <= 2


def test_a_superseded_link() -> None:
    """A newer sign-up is known: the older link is refused and touches nothing."""
    desk = Desk()

    async def story() -> None:
        await handlers.learn_version(USER_ID, 2, ports=desk.ports)
        with pytest.raises(LinkSuperseded):
            await activate(desk, desk.link(1))

    asyncio.run(story())
    assert desk.document is None
    assert desk.failures == 0


def test_mail_may_be_faster_than_events() -> None:
    """A link newer than what is known is good; the event that follows changes nothing."""
    desk = Desk()

    async def story() -> None:
        await handlers.learn_version(USER_ID, 1, ports=desk.ports)
        await activate(desk, desk.link(3))
        await handlers.learn_version(USER_ID, 3, ports=desk.ports)
        with pytest.raises(LinkSuperseded):
            await activate(desk, desk.link(2))

    asyncio.run(story())
    assert [version["pw_version"] for version in desk.versions] == [3]


def test_an_expired_link_saves_its_reason_once() -> None:
    """INACTIVE with the reason; following it again writes nothing; a later link still activates."""
    desk = Desk()

    async def story() -> None:
        token = desk.link(seconds=10)
        desk.clock.advance(10)
        for _ in range(3):
            with pytest.raises(LinkExpired):
                await activate(desk, token)
        await activate(desk, desk.link())

    asyncio.run(story())
    assert [(version["status"], version["reason"]) for version in desk.versions] == [
        ("INACTIVE", "LINK_EXPIRED"),
        ("ACTIVE", None),
    ]
    assert desk.versions[0] == {
        "_id": USER_ID,
        "email": ADA,
        "status": "INACTIVE",
        "pw_version": 1,
        "reason": "LINK_EXPIRED",
        "activated_at": None,
        "updated_at": desk.clock.now,
        "active_versions": [],
    }


@pytest.mark.parametrize("version", [1, 2])
def test_an_expired_link_does_not_undo_an_activation(version: int) -> None:
    """The answer is the same, and the user stays ACTIVE."""
    desk = Desk()

    async def story() -> None:
        token = desk.link(version, seconds=10)
        await activate(desk, desk.link(1))
        desk.clock.advance(10)
        with pytest.raises(LinkExpired):
            await activate(desk, token)

    asyncio.run(story())
    assert [version["status"] for version in desk.versions] == ["ACTIVE"]


def test_twenty_clicks_on_an_expired_link_are_one_version() -> None:
    """Races are decided for the reason, too."""
    desk = Desk()
    token = desk.link(seconds=10)
    desk.clock.advance(11)

    async def story() -> None:
        results = await asyncio.gather(*(activate(desk, token) for _ in range(20)), return_exceptions=True)
        assert {type(result) for result in results} == {LinkExpired}

    asyncio.run(story())
    assert len(desk.versions) == 1


def respelled(token: str) -> str:
    """The same bytes with other unused bits in the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def test_links_that_are_not_ours_are_counted() -> None:
    """Forged, respelled, malformed, of another purpose, missing: LINK_INVALID, and no user's document."""
    desk = Desk()
    bad = [
        desk.link(key=OTHER_KEY),
        respelled(desk.link()),
        "not-a-token",
        "",
        None,
        *(desk.link(purpose=purpose) for purpose in (tokens.SESSION, tokens.RECEIPT, tokens.RESET)),
    ]

    async def story() -> None:
        for token in bad:
            with pytest.raises(LinkInvalid):
                await activate(desk, token)

    asyncio.run(story())
    assert desk.versions == []
    assert desk.failures == len(bad)


def test_the_record_of_failures_is_capped_and_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """One document an hour, which stops counting at its limit and goes away by itself."""
    monkeypatch.setattr(store, "MOST_FAILURES", 3)
    desk = Desk()

    async def story() -> None:
        await store.prepare(desk.documents)
        for _ in range(5):
            with pytest.raises(LinkInvalid):
                await activate(desk, "not-a-token")
        desk.clock.advance(3600)
        with pytest.raises(LinkInvalid):
            await activate(desk, "not-a-token")

    asyncio.run(story())
    records = list(desk.documents.kept[FAILED_ACTIVATIONS].values())
    assert [record["failures"] for record in records] == [3, 1]
    assert records[1]["expires_at"] == desk.clock.now + store.FAILURES_KEPT
    assert desk.documents.expiries == [(FAILED_ACTIVATIONS, "expires_at")]


def test_looking_at_a_link_changes_nothing() -> None:
    """A page is shown for a good link, used or not; a bad one is refused; no document is touched."""
    desk = Desk()
    token, short = desk.link(), desk.link(seconds=10)
    handlers.look_at(token, ports=desk.ports, keys=KEYS)
    desk.clock.advance(10)
    with pytest.raises(LinkExpired):
        handlers.look_at(short, ports=desk.ports, keys=KEYS)
    with pytest.raises(LinkInvalid):
        handlers.look_at("not-a-token", ports=desk.ports, keys=KEYS)
    assert dict(desk.documents.versions) == {}


def test_versions_are_learned_upward() -> None:
    """Late and repeated events change nothing."""
    desk = Desk()

    async def story() -> None:
        for version in (1, 3, 2, 3):
            await handlers.learn_version(USER_ID, version, ports=desk.ports)

    asyncio.run(story())
    assert [kept["pw_version"] for kept in desk.documents.versions[PASSWORD_VERSIONS]] == [1, 3]


def test_an_outage_is_no_success() -> None:
    """What could not be written is refused as not available."""
    desk = Desk()
    desk.documents.is_down = True
    with pytest.raises(StorageUnavailable):
        asyncio.run(activate(desk, desk.link()))


def test_users_activate_independently() -> None:
    """One user's activation leaves the links of others good."""
    desk = Desk()

    async def story() -> None:
        ada, bob = desk.link(user_id=1), desk.link(user_id=2)
        await activate(desk, ada)
        await activate(desk, bob)

    asyncio.run(story())
    assert [version["_id"] for version in desk.versions] == [1, 2]

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from apps.events.records import ChangeEvent, PoisonRecord, Record, decode
from apps.signup import consumers
from apps.signup.consumers import ACTIVE_USERS, CHOSEN_PASSWORDS
from apps.signup.tests.desk import Desk, with_desk
from apps.web.tests.doubles import cheap_hash

DOCUMENT = {
    "_id": 1,
    "email": "ada@example.org",
    "status": "ACTIVE",
    "pw_version": 1,
    "reason": None,
    "activated_at": 1795454899962,
    "updated_at": 1795454899962,
    "active_versions": [1],
}
PASSWORD = {
    "id": 1,
    "email": "ada@example.org",
    "password": cheap_hash("new"),
    "chosen_version": 2,
    "last_changed_PW": 1795455442548985,
}


def event(topic: str, row: Mapping[str, Any] | None) -> ChangeEvent:
    """As the consumer loop reads it from the topic."""
    value = None if row is None else json.dumps(row).encode()
    return decode(Record(topic, 0, 0, b'{"id": 1}', value, (), 0))


async def feed(desk: Desk, topic: str, row: Mapping[str, Any] | None) -> None:
    await consumers.topics(desk.ports)[topic](event(topic, row))


def test_an_activation_document_activates(tmp_path: Path) -> None:
    """And is idempotent."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        for _ in range(2):
            await feed(desk, ACTIVE_USERS, DOCUMENT)
            assert (await desk.row()).User_status == "ACTIVE"

    with_desk(tmp_path, story)


def test_an_expired_link_leaves_its_reason(tmp_path: Path) -> None:
    """The account stays INACTIVE and says why."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        await feed(desk, ACTIVE_USERS, {**DOCUMENT, "status": "INACTIVE", "reason": "LINK_EXPIRED"})
        row = await desk.row()
        assert (row.User_status, row.reason_for_inactive) == ("INACTIVE", "LINK_EXPIRED")

    with_desk(tmp_path, story)


def test_a_chosen_password_is_applied(tmp_path: Path) -> None:
    """With its version and the exact time of the change."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        await feed(desk, CHOSEN_PASSWORDS, PASSWORD)
        row = await desk.row()
        assert (row.password, row.pw_version) == (cheap_hash("new"), 2)
        assert row.last_changed_PW.isoformat() == "2026-11-23T17:37:22.548985+00:00"

    with_desk(tmp_path, story)


@pytest.mark.parametrize(
    ("topic", "row"),
    [
        (ACTIVE_USERS, None),
        (CHOSEN_PASSWORDS, None),
        (CHOSEN_PASSWORDS, {**PASSWORD, "password": None}),
        (CHOSEN_PASSWORDS, {**PASSWORD, "chosen_version": None}),
        (CHOSEN_PASSWORDS, {**PASSWORD, "chosen_version": 1}),
    ],
)
def test_what_says_nothing_is_ignored(tmp_path: Path, topic: str, row: dict[str, Any] | None) -> None:
    """Tombstones, rows of a snapshot without a password, and old versions."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        before = await desk.row()
        await feed(desk, topic, row)
        assert await desk.row() == before

    with_desk(tmp_path, story)


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        (ACTIVE_USERS, {"_id": "1"}),
        (ACTIVE_USERS, {"_id": None}),
        (ACTIVE_USERS, {"_id": 2**63}),
        (ACTIVE_USERS, {"pw_version": 0}),
        (ACTIVE_USERS, {"pw_version": True}),
        (ACTIVE_USERS, {"status": "Admin"}),
        (ACTIVE_USERS, {"status": None}),
        (ACTIVE_USERS, {"status": ["ACTIVE"]}),
        (ACTIVE_USERS, {"status": "INACTIVE", "reason": "x" * 65}),
        (ACTIVE_USERS, {"status": "INACTIVE", "reason": 7}),
        (CHOSEN_PASSWORDS, {"id": 1.0}),
        (CHOSEN_PASSWORDS, {"chosen_version": "2"}),
        (CHOSEN_PASSWORDS, {"password": "newhash"}),
        (CHOSEN_PASSWORDS, {"password": 7}),
        (CHOSEN_PASSWORDS, {"password": ""}),
        (CHOSEN_PASSWORDS, {"last_changed_PW": "today"}),
        (CHOSEN_PASSWORDS, {"last_changed_PW": 2**62}),
    ],
)
def test_malformed_rows_are_poison(tmp_path: Path, topic: str, changes: dict[str, Any]) -> None:
    """They are parked with a reason that repeats no value, and change nothing."""
    row = {**(DOCUMENT if topic == ACTIVE_USERS else PASSWORD), **changes}

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        before = await desk.row()
        with pytest.raises(PoisonRecord) as poison:
            await feed(desk, topic, row)
        assert poison.value.reason == "ROW_INVALID"
        assert await desk.row() == before

    with_desk(tmp_path, story)


@pytest.mark.parametrize(("topic", "row"), [(ACTIVE_USERS, DOCUMENT), (CHOSEN_PASSWORDS, PASSWORD)])
def test_an_unknown_user_is_poison(tmp_path: Path, topic: str, row: dict[str, Any]) -> None:
    """An event never makes an account."""

    async def story(desk: Desk) -> None:
        with pytest.raises(PoisonRecord) as poison:
            await feed(desk, topic, row)
        assert poison.value.reason == "USER_UNKNOWN"

    with_desk(tmp_path, story)


def test_the_topics_are_those_of_the_connectors() -> None:
    """Names and group are part of the contract."""
    assert list(consumers.topics(ports=None)) == [  # type: ignore[arg-type]
        "mongoserver1.activate_user_reg_db.active_users",
        "rpwd_db.users",
    ]
    assert consumers.GROUP == "signup"


def test_an_old_activation_waits_for_nothing(tmp_path: Path) -> None:
    """Activated under a version that a newer sign-up has replaced meanwhile: read, and without effect."""

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        await desk.sign_up()
        await feed(desk, ACTIVE_USERS, DOCUMENT)
        assert (await desk.row()).User_status == "INACTIVE"
        await asyncio.gather(*(feed(desk, ACTIVE_USERS, {**DOCUMENT, "pw_version": 2}) for _ in range(5)))
        assert (await desk.row()).User_status == "ACTIVE"

    with_desk(tmp_path, story)

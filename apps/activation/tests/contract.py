"""What the store of activation must do on any documents, as functions that every implementation's tests run.

Each rule takes a user of its own, so that a shared database serves as well as an empty one.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.activation import store
from apps.activation.domain import LINK_EXPIRED, Link
from apps.activation.store import ACTIVE_USERS, FAILED_ACTIVATIONS, MOST_FAILURES
from apps.storage.documents import Documents

Rule = Callable[[Documents, int], Awaitable[None]]
RULES: list[Rule] = []

ADA = "ada@example.org"
NOON = datetime(2026, 11, 24, 12, 0, 0, 123000, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
RACERS = 20


def check(rule: Rule, open_documents: Callable[[], Documents]) -> None:
    """Run one rule in a loop of its own on what `open_documents` returns."""

    async def run() -> None:
        documents = open_documents()
        try:
            await rule(documents, secrets.randbelow(2**62))
        finally:
            await documents.close()

    asyncio.run(run())


def name_of(rule: Rule) -> str:
    """Return the name of a rule, for the ids of parametrized tests."""
    return rule.__name__


def rule(function: Rule) -> Rule:
    RULES.append(function)
    return function


def link(user_id: int, version: int = 1) -> Link:
    return Link(user_id=user_id, email=ADA, pw_version=version, expires_at=NOON)


async def document(documents: Documents, user_id: int) -> dict[str, Any] | None:
    return await documents.collection(ACTIVE_USERS).find_one({"_id": user_id})


@rule
async def a_link_makes_its_user_active_once(documents: Documents, user: int) -> None:
    """The second use of a version writes nothing, whatever the time."""
    assert await store.save_active(documents, link(user), now=NOON)
    saved = await document(documents, user)
    assert saved == {
        "_id": user,
        "email": ADA,
        "status": "ACTIVE",
        "pw_version": 1,
        "reason": None,
        "activated_at": NOON,
        "updated_at": NOON,
        "active_versions": [1],
    }
    assert not await store.save_active(documents, link(user), now=LATER)
    assert await document(documents, user) == saved


@rule
async def an_older_link_never_follows_a_newer_one(documents: Documents, user: int) -> None:
    """Neither as ACTIVE nor as expired."""
    assert await store.save_active(documents, link(user, 3), now=NOON)
    saved = await document(documents, user)
    assert not await store.save_active(documents, link(user, 2), now=LATER)
    assert not await store.save_expired(documents, link(user, 2), now=LATER)
    assert not await store.save_expired(documents, link(user, 4), now=LATER)  # who is ACTIVE stays so
    assert await document(documents, user) == saved


@rule
async def an_expired_link_says_why_its_user_is_inactive(documents: Documents, user: int) -> None:
    """Once for each version; a good link of the same version still activates."""
    assert await store.save_expired(documents, link(user), now=NOON)
    assert await document(documents, user) == {
        "_id": user,
        "email": ADA,
        "status": "INACTIVE",
        "pw_version": 1,
        "reason": LINK_EXPIRED,
        "updated_at": NOON,
        "activated_at": None,
        "active_versions": [],
    }
    assert not await store.save_expired(documents, link(user), now=LATER)
    assert await store.save_expired(documents, link(user, 2), now=LATER)
    assert await store.save_active(documents, link(user, 2), now=LATER)
    saved = await document(documents, user)
    assert saved is not None
    assert (saved["status"], saved["reason"], saved["active_versions"]) == ("ACTIVE", None, [2])


@rule
async def the_newest_version_is_remembered(documents: Documents, user: int) -> None:
    """Events may come twice and out of order."""
    told = [await store.learn_version(documents, user, version) for version in (2, 2, 1, 3)]
    assert told == [True, False, False, True]
    assert (await store.find_standing(documents, user)).newest_version == 3


@rule
async def of_many_clicks_one_writes(documents: Documents, user: int) -> None:
    """Twenty at once: one document, one True."""
    clicks = [store.save_active(documents, link(user), now=NOON) for _ in range(RACERS)]
    assert sorted(await asyncio.gather(*clicks)) == [False] * (RACERS - 1) + [True]


@rule
async def a_good_link_wins_against_an_expired_one(documents: Documents, user: int) -> None:
    """Whichever is first, the user ends ACTIVE, and the good link is told that it wrote."""
    writes = []
    for _ in range(RACERS // 2):
        writes.append(store.save_expired(documents, link(user), now=NOON))
        writes.append(store.save_active(documents, link(user), now=NOON))
    written = await asyncio.gather(*writes)
    assert sum(written[1::2]) == 1
    assert sum(written[0::2]) <= 1
    saved = await document(documents, user)
    assert saved is not None
    assert (saved["status"], saved["active_versions"]) == ("ACTIVE", [1])


@rule
async def refused_links_are_counted_up_to_a_limit(documents: Documents, user: int) -> None:
    """In one record for each hour, which goes by itself."""
    hour = NOON + timedelta(hours=user % 10**7)
    await store.prepare(documents)
    await store.prepare(documents)
    counted = await asyncio.gather(*(store.count_failure(documents, now=hour) for _ in range(RACERS)))
    assert all(counted)
    records = documents.collection(FAILED_ACTIVATIONS)
    name = {"_id": hour.strftime("%Y-%m-%dT%H")}
    record = await records.find_one(name)
    assert record is not None
    assert (record["failures"], record["expires_at"]) == (RACERS, hour + store.FAILURES_KEPT)
    await records.update_one(name, {"$set": {"failures": MOST_FAILURES}})
    assert not await store.count_failure(documents, now=hour)

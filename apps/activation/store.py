"""The documents of activation: each write is one conditional upsert, so the database decides every race.

active_users         one for each user: {_id: user id, email, status, pw_version, reason, activated_at,
                     updated_at, active_versions}; captured by mongonewuserconnector
password_versions    {_id: user id, pw_version}: the newest version that sign-up has told of
failed_activations   {_id: hour, failures, expires_at}: refused links, capped, with a time to live
"""

from datetime import datetime, timedelta
from typing import Any

from apps.activation.domain import LINK_EXPIRED, Link, Standing
from apps.storage.documents import Documents
from apps.storage.errors import DuplicateDocument

ACTIVE_USERS = "active_users"
PASSWORD_VERSIONS = "password_versions"  # noqa: S105 - the name of a collection
FAILED_ACTIVATIONS = "failed_activations"

MOST_FAILURES = 100_000
"""Where the count of an hour stops, so that a flood of forged links costs no more writes."""
FAILURES_KEPT = timedelta(days=7)


async def prepare(documents: Documents) -> None:
    """Makes the index by which old failure records go away."""
    await documents.ensure_expiry(FAILED_ACTIVATIONS, "expires_at")


async def find_standing(documents: Documents, user_id: int) -> Standing:
    """Reads what is known of a user."""
    version = await documents.collection(PASSWORD_VERSIONS).find_one({"_id": user_id}) or {}
    document = await documents.collection(ACTIVE_USERS).find_one({"_id": user_id}) or {}
    return Standing.of(
        status=document.get("status"),
        pw_version=document.get("pw_version", 0),
        active_versions=document.get("active_versions", ()),
        newest_version=version.get("pw_version", 0),
    )


async def save_active(documents: Documents, link: Link, *, now: datetime) -> bool:
    """Makes the user ACTIVE under the link's password version; False if another writer was faster."""
    return await _upsert(
        documents,
        ACTIVE_USERS,
        {
            "_id": link.user_id,
            "active_versions": {"$ne": link.pw_version},
            "pw_version": {"$lte": link.pw_version},
        },
        {
            "$set": {
                "email": link.email,
                "status": "ACTIVE",
                "pw_version": link.pw_version,
                "reason": None,
                "activated_at": now,
                "updated_at": now,
            },
            "$addToSet": {"active_versions": link.pw_version},
        },
    )


async def save_expired(documents: Documents, link: Link, *, now: datetime) -> bool:
    """Saves why the user is still INACTIVE; False if a newer version or an ACTIVE document stands there."""
    return await _upsert(
        documents,
        ACTIVE_USERS,
        {"_id": link.user_id, "status": {"$ne": "ACTIVE"}, "pw_version": {"$lt": link.pw_version}},
        {
            "$set": {
                "email": link.email,
                "status": "INACTIVE",
                "pw_version": link.pw_version,
                "reason": LINK_EXPIRED,
                "updated_at": now,
            },
            "$setOnInsert": {"activated_at": None, "active_versions": []},
        },
    )


async def learn_version(documents: Documents, user_id: int, pw_version: int) -> bool:
    """Notes a user's password version if it is the newest; False if it was known or is older."""
    return await _upsert(
        documents,
        PASSWORD_VERSIONS,
        {"_id": user_id, "pw_version": {"$lt": pw_version}},
        {"$set": {"pw_version": pw_version}},
    )


async def count_failure(documents: Documents, *, now: datetime) -> bool:
    """Counts one refused link in the record of this hour; False once that record is full."""
    return await _upsert(
        documents,
        FAILED_ACTIVATIONS,
        {"_id": now.strftime("%Y-%m-%dT%H"), "failures": {"$lt": MOST_FAILURES}},
        {"$inc": {"failures": 1}, "$setOnInsert": {"expires_at": now + FAILURES_KEPT}},
    )


async def _upsert(documents: Documents, name: str, condition: dict[str, Any], change: dict[str, Any]) -> bool:
    """A document that fails the condition makes the insert collide on `_id`: nothing is written."""
    collection = documents.collection(name)
    try:
        return await collection.update_one(condition, change, upsert=True) == 1
    except DuplicateDocument:
        # It collides too when another writer inserted in between, and then the condition may well be met.
        return await collection.update_one(condition, change) == 1

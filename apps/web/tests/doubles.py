"""A clock and a hash pool that the services' tests control."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.auth.passwords import hash_password, verify_password


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class CheapHashes:
    """Stands in for the hash pool: counts, and takes microseconds where argon2id takes 20 ms."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(done=0, refused=0)
        self.in_flight = 0

    async def run(self, work: Callable[..., Any], *args: Any) -> Any:
        self.counts["done"] += 1
        if work is verify_password:
            password, encoded, _ = args
            return encoded == cheap_hash(password)
        assert work is hash_password
        return cheap_hash(args[0])


def cheap_hash(password: str) -> str:
    """What has the form of a hash of the password."""
    digest = base64.b64encode(hashlib.sha256(password.encode()).digest()).decode().rstrip("=")
    return f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0${digest}"

"""Activation on documents in memory, with a clock and links that tests make."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.activation.handlers import Ports
from apps.activation.settings import load
from apps.activation.store import ACTIVE_USERS, FAILED_ACTIVATIONS
from apps.activation.tests.memory import MemoryDocuments
from apps.auth import tokens
from apps.auth.tokens import Purpose, SigningKey, generate_private_pem

KEY = SigningKey.from_pem(generate_private_pem())
OTHER_KEY = SigningKey.from_pem(generate_private_pem())
ADA = "ada@example.org"
USER_ID = 7
ENVIRON = {
    "QUARTET_PROFILE": "development",
    "PUBLIC_ACTIVATION_URL": "https://activation.example.org/",
    "SIGNUP_PUBLIC_KEYS": KEY.public_pem,
}
SETTINGS = load(ENVIRON)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Desk:
    """One activation service without its edge."""

    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    clock: Clock = field(default_factory=Clock)

    @property
    def ports(self) -> Ports:
        return Ports(self.documents, None, self.clock)

    def link(
        self,
        version: int = 1,
        *,
        user_id: int = USER_ID,
        seconds: int = 86400,
        key: SigningKey = KEY,
        purpose: Purpose = tokens.ACTIVATION,
    ) -> str:
        """The token of a link that works for so many seconds from now."""
        return tokens.issue(
            purpose,
            key,
            subject=user_id,
            token_id=tokens.new_token_id(),
            issued_at=self.clock.now,
            expires_at=self.clock.now + timedelta(seconds=seconds),
            claims={"email": ADA, "pwv": version},
        )

    @property
    def document(self) -> dict[str, Any] | None:
        return self.documents.kept[ACTIVE_USERS].get(USER_ID)

    @property
    def versions(self) -> list[dict[str, Any]]:
        """Every state of a user's document that was written: each is one event."""
        return self.documents.versions[ACTIVE_USERS]

    @property
    def failures(self) -> int:
        return sum(record["failures"] for record in self.documents.kept[FAILED_ACTIVATIONS].values())

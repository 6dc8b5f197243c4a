"""One batch of mails over one connection: lease, compose, send, write down what became of each."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.auth.addresses import masked
from apps.mail import leases
from apps.mail.leases import Outcome
from apps.mail.letters import Letter, render
from apps.mail.outage import FIRST_DELAY_SECONDS, Outage, backoff_seconds
from apps.mail.outbox import SENT, OutboxMail
from apps.mail.smtp import (
    CONNECTION_ERROR_PREFIX,
    ConnectionLost,
    MailDelayed,
    MailRefused,
    SMTPSender,
    SMTPSession,
)
from apps.storage.database import Database

# A lease outlives the deadline of one mail by this much; it is renewed before a mail that could outlive it.
LEASE_MARGIN_SECONDS = 3.0
# What a crash can forget, in time: the mails that were sent since the last save are sent once more.
UNSAVED_SECONDS = 0.25

_log = structlog.get_logger()


@dataclass
class Office:
    """What the courier and its deliveries share."""

    database: Database
    outbox: sa.Table
    compose: Callable[[OutboxMail], Letter]
    smtp: SMTPSender
    sender: str
    clock: Callable[[], datetime]
    outage: Outage = field(default_factory=Outage)
    counts: Counter[str] = field(default_factory=lambda: Counter(sent=0, failed=0, abandoned=0))

    @property
    def lease(self) -> timedelta:
        """How long a mail is leased for."""
        return timedelta(seconds=self.smtp.deadline_seconds + LEASE_MARGIN_SECONDS)


class Delivery:
    """Delivers `mails` one after the other; those that it does not come to get their place back."""

    def __init__(self, office: Office, mails: Sequence[OutboxMail]) -> None:
        self._office = office
        self._left = deque(mails)
        self._unsaved: list[Outcome] = []
        self._saved_at = time.monotonic()
        self._leased_until = datetime.max
        self._is_stopping = False

    def stop(self) -> None:
        """End after the mail that is under way."""
        self._is_stopping = True

    async def run(self) -> None:
        """Connect, and only then lease the mails: an outage costs them neither a write nor an attempt."""
        began_at = time.monotonic()
        try:
            session = await self._office.smtp.open()
        except ConnectionLost as loss:
            self._office.counts["failed"] += 1
            self._office.outage.note_loss(began_at=began_at, while_connecting=True)
            _log.warning("mail server not reachable", reason=loss.reason)
            return
        try:
            await self._lease()
            await self._send_all(session)
        finally:
            await session.close()

    async def _send_all(self, session: SMTPSession) -> None:
        try:
            while self._left and session.is_open and not self._is_stopping:
                self._unsaved.append(await self._send(session, self._left[0]))
                self._left.popleft()
                if time.monotonic() - self._saved_at > UNSAVED_SECONDS:
                    await self._save()
                await self._renew_lease()
        finally:
            self._unsaved += [Outcome.untried(mail) for mail in self._left]
            await self._save()

    async def _send(self, session: SMTPSession, mail: OutboxMail) -> Outcome:
        office = self._office
        started_at, began_at = office.clock(), time.monotonic()
        if mail.is_expired(started_at):
            return self._abandoned(mail, "EXPIRED")
        try:
            message = render(
                office.compose(mail),
                sender=office.sender,
                recipient=mail.recipient,
                message_id=mail.message_id,
                date=mail.created_at,
            )
        except Exception as error:
            # A bug in the words, or a letter that this version cannot write: the rest goes on.
            _log.error("mail not composed", mail_id=mail.id, kind=mail.kind, error=type(error).__name__)
            return self._delayed(mail, started_at, "COMPOSE_FAILED")
        try:
            await session.send(message, sender=parseaddr(office.sender)[1], recipient=mail.recipient)
        except ConnectionLost as loss:
            office.outage.note_loss(began_at=began_at, while_connecting=False)
            return self._delayed(mail, started_at, loss.reason)
        except MailRefused as refusal:
            office.outage.note_answer()
            return self._abandoned(mail, refusal.reason)
        except MailDelayed as delay:
            office.outage.note_answer()
            return self._delayed(mail, started_at, delay.reason)
        office.outage.note_answer()
        office.counts["sent"] += 1
        return Outcome.sent(mail, office.clock())

    def _abandoned(self, mail: OutboxMail, reason: str) -> Outcome:
        self._office.counts["abandoned"] += 1
        _note("mail abandoned", mail, reason)
        return Outcome.abandoned(mail, self._office.clock(), reason)

    def _delayed(self, mail: OutboxMail, started_at: datetime, reason: str) -> Outcome:
        self._office.counts["failed"] += 1
        _note("mail delayed", mail, reason)
        planned = started_at + timedelta(seconds=backoff_seconds(mail.attempts))
        earliest = self._office.clock() + timedelta(seconds=FIRST_DELAY_SECONDS)
        return Outcome.delayed(mail, max(planned, earliest), reason)

    async def _lease(self) -> None:
        office, seen = self._office, list(self._left)
        until = office.clock() + office.lease

        async def work(connection: AsyncConnection) -> list[OutboxMail]:
            return await leases.lease(connection, office.outbox, seen, until=until)

        self._left = deque(await office.database.transact(work))
        self._leased_until = until

    async def _renew_lease(self) -> None:
        office, kept = self._office, list(self._left)
        until = office.clock() + office.lease
        if not kept or until - self._leased_until < timedelta(seconds=LEASE_MARGIN_SECONDS) * 0.9:
            return

        async def work(connection: AsyncConnection) -> list[OutboxMail]:
            return await leases.renew(connection, office.outbox, kept, until=until)

        self._left = deque(await office.database.transact(work))
        self._leased_until = until

    async def _save(self) -> None:
        """Write the outcomes, however long that takes: a sent mail that is not marked goes out again."""
        failures = 0
        while self._unsaved:
            outcomes = list(self._unsaved)
            try:
                await self._settle(outcomes)
            except Exception as error:
                failures += 1
                _log.warning("outbox not written", mails=len(outcomes), error=type(error).__name__)
                if self._is_stopping:
                    return
                await asyncio.sleep(backoff_seconds(failures))
            else:
                del self._unsaved[: len(outcomes)]
        self._saved_at = time.monotonic()

    async def _settle(self, outcomes: Sequence[Outcome]) -> None:
        office, now = self._office, self._office.clock()
        has_sent = any(outcome.state == SENT for outcome in outcomes)
        ends_outage = has_sent and office.outage.has_left_delays

        async def work(connection: AsyncConnection) -> None:
            await leases.settle(connection, office.outbox, outcomes, now=now)
            if ends_outage:
                prefix = CONNECTION_ERROR_PREFIX
                await leases.hasten(connection, office.outbox, error_prefix=prefix, now=now)

        await office.database.transact(work)
        if ends_outage:
            office.outage.has_left_delays = False


def _note(event: str, mail: OutboxMail, reason: str) -> None:
    _log.warning(
        event,
        mail_id=mail.id,
        kind=mail.kind,
        recipient=masked(mail.recipient),
        attempts=mail.attempts,
        reason=reason,
    )

"""The loop that delivers the mails of an outbox: woken by commits, patient with outages."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from apps.mail import leases
from apps.mail.delivery import Delivery, Office
from apps.mail.letters import Letter
from apps.mail.outage import backoff_seconds
from apps.mail.outbox import OutboxMail
from apps.mail.smtp import SMTPSender
from apps.storage.database import Database

BATCH = 20
# A server that is slow with one mail does not hold up the others: they go on over another connection.
PATIENCE_SECONDS = 0.5
CONNECTIONS = 4
# The longest time without a look: a mail whose process died before it could be sent wakes nobody.
IDLE_SECONDS = 30.0
STOPPING_SECONDS = 1.5
KEPT = timedelta(days=30)
TRIMMED_EVERY = timedelta(hours=1)

_log = structlog.get_logger()


class Courier:
    """Delivers the mails of one outbox; any number of couriers may work on the same one.

    A mail is leased, composed, sent and marked, and so is sent again only if the courier died, or was cut
    off, between the server's answer and the mark: then with the same Message-ID. A connection that cannot
    be made is tried again with a growing delay and costs the mails nothing. A mail that the server refuses
    for good is abandoned, one that it does not take now is delayed, and neither holds up the rest.

    Args:
        compose: makes the letter from the params of a mail, when it is sent.
        sender: MAIL_FROM, an address with or without a name before it.
        clock: the time, aware, in UTC.
        mail_window_seconds: rows that the mail limit counts are kept for so long, and 30 days at least.
    """

    def __init__(
        self,
        *,
        database: Database,
        outbox: sa.Table,
        compose: Callable[[OutboxMail], Letter],
        smtp: SMTPSender,
        sender: str,
        clock: Callable[[], datetime],
        mail_window_seconds: int = 0,
    ) -> None:
        self._office = Office(database, outbox, compose, smtp, sender, clock)
        self._kept = max(KEPT, timedelta(seconds=mail_window_seconds))
        self._trimmed_at: datetime | None = None
        self._oldest: datetime | None = None
        self._in_flight: set[int] = set()
        self._deliveries: dict[asyncio.Task[None], Delivery] = {}
        self._wake = asyncio.Event()
        self._broken_off = 0
        self._rests_until = 0.0
        database.on_commit(self._wake.set, table=outbox.name)

    @property
    def counts(self) -> Counter[str]:
        """Numbers of mails so far: sent, failed (tried in vain, to be tried again), abandoned."""
        return self._office.counts

    @property
    def queue_age_seconds(self) -> float:
        """How long the first mail of the queue had been waiting; 0.0 with an empty queue."""
        if self._oldest is None:
            return 0.0
        return max((self._office.clock() - self._oldest).total_seconds(), 0.0)

    async def run(self) -> None:
        """Deliver until cancelled; mails under way then get 1.5 s to end, the others their place back."""
        failures = 0
        try:
            while True:
                self._wake.clear()
                try:
                    idle_seconds = await self._look()
                    failures = 0
                except Exception as error:
                    failures += 1
                    _log.warning("outbox not readable", error=type(error).__name__)
                    await asyncio.sleep(backoff_seconds(failures))
                    continue
                with suppress(TimeoutError):
                    async with asyncio.timeout(idle_seconds):
                        await self._wake.wait()
        finally:
            await self._stop()

    async def _look(self) -> float:
        """Start a delivery if there is something to deliver; returns the seconds until the next look."""
        now = self._office.clock()
        await self._trim(now)
        waiting = await self._waiting()
        self._oldest = min((mail.created_at for mail in waiting), default=None)
        ours = [mail for mail in waiting if mail.id not in self._in_flight]
        due = [mail for mail in ours if mail.is_due(now)]
        expired = [mail for mail in due if mail.is_expired(now)]
        if expired:
            await self._abandon(expired, now)
            return 0.0
        if not due:
            ahead = [(mail.next_attempt_at - now).total_seconds() for mail in ours]
            return min([*ahead, IDLE_SECONDS])
        if len(self._deliveries) >= CONNECTIONS:
            return IDLE_SECONDS
        if pause_seconds := max(self._office.outage.seconds_left, self._rests_until - time.monotonic(), 0.0):
            return pause_seconds
        await asyncio.wait({self._start(due[:BATCH])}, timeout=PATIENCE_SECONDS)
        return 0.0

    async def _waiting(self) -> list[OutboxMail]:
        limit = BATCH + len(self._in_flight)
        async with self._office.database.reading() as connection:
            return await leases.waiting(connection, self._office.outbox, limit=limit)

    def _start(self, mails: Sequence[OutboxMail]) -> asyncio.Task[None]:
        ids = {mail.id for mail in mails}
        delivery = Delivery(self._office, mails)
        task = asyncio.create_task(delivery.run())

        def end(task: asyncio.Task[None]) -> None:
            del self._deliveries[task]
            self._in_flight -= ids
            self._wake.set()
            error = None if task.cancelled() else task.exception()
            if error is None:
                self._broken_off = 0
                return
            # The outbox can be read and not written: what is due now would be due again at once.
            self._broken_off += 1
            self._rests_until = time.monotonic() + backoff_seconds(self._broken_off)
            _log.warning("delivery broken off", error=type(error).__name__)

        self._in_flight |= ids
        self._deliveries[task] = delivery
        task.add_done_callback(end)
        return task

    async def _stop(self) -> None:
        for delivery in self._deliveries.values():
            delivery.stop()
        if self._deliveries:
            await asyncio.wait(self._deliveries, timeout=STOPPING_SECONDS)
        cut_off = list(self._deliveries)
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)

    async def _abandon(self, mails: Sequence[OutboxMail], now: datetime) -> None:
        async def work(connection: AsyncConnection) -> int:
            return await leases.abandon_expired(connection, self._office.outbox, mails, now=now)

        number = await self._office.database.transact(work)
        self.counts["abandoned"] += number
        _log.warning("mails abandoned", number=number, reason="EXPIRED")

    async def _trim(self, now: datetime) -> None:
        if self._trimmed_at is not None and now - self._trimmed_at < TRIMMED_EVERY:
            return
        office = self._office
        while True:
            async with office.database.reading() as connection:
                ids = await leases.old_ids(connection, office.outbox, before=now - self._kept)
            if not ids:
                break

            async def work(connection: AsyncConnection, ids: Sequence[int] = ids) -> None:
                await leases.delete(connection, office.outbox, ids)

            await office.database.transact(work)
        self._trimmed_at = now

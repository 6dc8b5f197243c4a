"""The journey of one account as a page and as JSON, and the raw records that it is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from sanic import HTTPResponse, Request

from apps.auth.addresses import AddressInvalid, canonical_address
from apps.auth.errors import Refusal
from apps.web.answers import json_answer
from apps.web.operations import Answer, Operation
from containers.agreement import STORES
from containers.console.context import Context
from containers.console.pages import page_operation
from containers.console.refusals import AddressUnknown, EngineGone, NoAddress, RecordUnknown, TopicUnknown
from containers.console.timeline import WAIT_SECONDS, lay_out
from containers.engines import EngineAway, TopicRecord
from containers.inbox_client import InboxClient
from containers.journey import DEAD_LETTERS, TOPICS, Journey, follow
from containers.masking import masked_parts, masked_text
from containers.threads import in_thread

ADDRESSES_OFFERED = 8
OFFSET_DIGITS = 15

OpenInbox = Callable[[], InboxClient]


@dataclass(frozen=True)
class RawRecord:
    """A record as a page shows it: the texts that stand in it, secrets masked, the schema apart."""

    topic: str
    offset: int
    at: datetime
    key: str | None
    value: str | None
    schema: str | None
    headers: Mapping[str, str]


class JourneyPage:
    """Shows journeys; `open_inbox` is blocking, and so is what it opens."""

    def __init__(self, context: Context, open_inbox: OpenInbox) -> None:
        self._context, self._open_inbox = context, open_inbox

    def operations(self) -> list[Operation]:
        return [
            page_operation("/journey", self._journey, "page_journey", "The journey of one account"),
            page_operation("/records", self._record, "page_record", "One raw record of a topic"),
            Operation(
                method="GET",
                path="/api/journey",
                handler=self._api,
                name="journey",
                summary="The journey of the account with this `address`",
                answers={200: Answer("As `quartet journey --json` prints it.", {"type": "object"})},
                refusals=[NoAddress, AddressUnknown, EngineGone],
            ),
        ]

    async def _journey(self, request: Request) -> HTTPResponse:
        asked = request.args.get("address", "").strip()
        if not asked:
            return self._page(asked, offered=await in_thread(self._newest_addresses))
        try:
            journey = await self._found(asked)
        except (NoAddress, AddressUnknown) as refusal:
            return self._page(asked, refusal, offered=await in_thread(self._newest_addresses))
        except EngineGone as refusal:
            return self._page(asked, refusal)
        return self._page(journey.address, journey=journey)

    async def _api(self, request: Request) -> HTTPResponse:
        journey = await self._found(request.args.get("address", "").strip())
        return json_answer(journey.as_json(), no_store=True)

    async def _record(self, request: Request) -> HTTPResponse:
        topic, offset = request.args.get("topic", ""), request.args.get("offset", "")
        values: dict[str, Any] = {"topic": topic, "offset": offset, "topics": (*TOPICS, *DEAD_LETTERS)}
        try:
            record, end = await in_thread(lambda: self._raw(topic, offset))
        except Refusal as refusal:
            return self._context.pages.page(
                "record.html", refusal.status, refusal=refusal, cause=refusal.__cause__, record=None, **values
            )
        return self._context.pages.page("record.html", refusal=None, record=record, end=end, **values)

    def _page(
        self,
        asked: str,
        refusal: Refusal | None = None,
        *,
        journey: Journey | None = None,
        offered: list[str] | None = None,
    ) -> HTTPResponse:
        differing = [fact.name for fact in journey.facts if fact.differing] if journey else []
        return self._context.pages.page(
            "journey.html",
            refusal.status if refusal else 200,
            asked=asked,
            refusal=refusal,
            cause=refusal.__cause__ if refusal else None,
            journey=journey,
            timeline=lay_out(journey) if journey else None,
            differing=differing,
            stores=STORES,
            offered=offered or [],
            wait_seconds=WAIT_SECONDS,
            record_of=record_of,
        )

    async def _found(self, asked: str) -> Journey:
        try:
            address = canonical_address(asked, allow_test_domains=True)
        except AddressInvalid as invalid:
            raise NoAddress from invalid
        journey = await in_thread(lambda: self._follow(address))
        if journey.is_empty:
            raise AddressUnknown
        return journey

    def _follow(self, address: str) -> Journey:
        try:
            with self._open_inbox() as inbox:
                return follow(self._context.tier, address, inbox)
        except (EngineAway, httpx.HTTPError) as error:
            raise EngineGone from error

    def _newest_addresses(self) -> list[str]:
        """To whom the newest mails went; none where no inbox answers."""
        try:
            with self._open_inbox() as inbox:
                mails = inbox.newest(limit=3 * ADDRESSES_OFFERED)
        except httpx.HTTPError:
            return []
        return list(dict.fromkeys(to for mail in mails for to in mail.recipients))[:ADDRESSES_OFFERED]

    def _raw(self, topic: str, offset: str) -> tuple[RawRecord, int]:
        """The record, and the offset of the topic's next one."""
        if topic not in (*TOPICS, *DEAD_LETTERS):
            raise TopicUnknown
        if not (offset.isascii() and offset.isdecimal() and len(offset) <= OFFSET_DIGITS):
            raise RecordUnknown
        try:
            end = self._context.tier.positions([topic]).ends.get(topic, 0)
            found = self._context.tier.records(topic, int(offset), 1) if int(offset) < end else []
        except (EngineAway, httpx.HTTPError) as error:
            raise EngineGone from error
        # Where the topic has let go of a record, the next one is found.
        if not found or found[0].offset != int(offset):
            raise RecordUnknown
        return _shown(topic, found[0]), end


def record_of(where: str) -> str | None:
    """The topic of a moment that is a record, None of any other."""
    return where.removeprefix("topic ") if where.startswith("topic ") else None


def _parts(text: str | None) -> tuple[str | None, str | None]:
    return (None, None) if text is None else masked_parts(text)


def _shown(topic: str, record: TopicRecord) -> RawRecord:
    key, _ = _parts(record.key)
    value, schema = _parts(record.value)
    return RawRecord(
        topic=topic,
        offset=record.offset,
        at=datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
        key=key,
        value=value,
        schema=schema,
        headers={masked_text(name): masked_text(value) for name, value in record.headers.items()},
    )

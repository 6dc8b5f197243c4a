"""The mails of the platform, and what a mail scanner would do to the link of each."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import msgspec
from sanic import HTTPResponse, Request

from apps.auth.addresses import AddressInvalid, canonical_address
from apps.auth.errors import Refusal
from apps.web.bodies import read_body
from apps.web.operations import Answer, Operation
from containers.console.context import Context
from containers.console.pages import page_operation
from containers.console.refusals import EngineGone, InboxGone, LinkRefused, MailGone, NoAddress
from containers.console.scanner import KINDS, WATCH_SECONDS, Kind, OpenHTTP, Scan, scan, service_of
from containers.engines import EngineAway
from containers.inbox_client import InboxClient, Mail, MailSummary, MailUnknown
from containers.mail_html import SANDBOX, frame_answer
from containers.threads import in_thread

T = TypeVar("T")

MAILS_SHOWN = 50

_MAIL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ScanBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a scanner is to do to the mail's link."""

    kind: Kind


class InboxPage:
    """Shows mails, and visits their links as scanners do; both that it opens are blocking."""

    def __init__(
        self,
        context: Context,
        open_inbox: Callable[[], InboxClient],
        open_http: OpenHTTP,
        *,
        watch_seconds: float = WATCH_SECONDS,
    ) -> None:
        self._context, self._open_inbox, self._open_http = context, open_inbox, open_http
        self._watch_seconds = watch_seconds

    def operations(self) -> list[Operation]:
        return [
            page_operation("/inbox", self._list, "page_inbox", "The mails, newest first"),
            page_operation("/inbox/{mail_id}", self._mail, "page_mail", "One mail"),
            page_operation(
                "/inbox/{mail_id}/html",
                self._html,
                "page_mail_html",
                "The HTML part of a mail, made harmless",
            ),
            Operation(
                method="POST",
                path="/inbox/{mail_id}/scan",
                handler=self._scan,
                name="scan",
                summary="Do to the link of a mail what a mail scanner would",
                body=ScanBody,
                takes_form=True,
                answers={200: Answer("What it changed.", {"type": "string"}, content_type="text/html")},
                refusals=[MailGone, LinkRefused, EngineGone, InboxGone],
            ),
        ]

    async def _list(self, request: Request) -> HTTPResponse:
        to = request.args.get("to", "").strip()
        mails: list[MailSummary] = []
        refusal: Refusal | None = None
        try:
            address = canonical_address(to, allow_test_domains=True) if to else None
            mails = await self._from_inbox(
                lambda inbox: inbox.sent_to(address) if address else inbox.newest(limit=MAILS_SHOWN)
            )
        except AddressInvalid:
            refusal = NoAddress()
        except InboxGone as gone:
            refusal = gone
        return self._context.pages.page(
            "inbox.html",
            # A platform may well have no inbox: the page is there all the same, and says so.
            NoAddress.status if isinstance(refusal, NoAddress) else 200,
            mails=mails[:MAILS_SHOWN],
            most=MAILS_SHOWN,
            to=to,
            refusal=refusal,
            cause=refusal.__cause__ if refusal else None,
        )

    async def _mail(self, request: Request, mail_id: str) -> HTTPResponse:
        try:
            return self._page(await self._read(mail_id))
        except (MailGone, InboxGone) as refusal:
            return self._page(None, refusal)

    async def _html(self, request: Request, mail_id: str) -> HTTPResponse:
        return frame_answer((await self._read(mail_id)).html)

    async def _scan(self, request: Request, mail_id: str) -> HTTPResponse:
        kind = read_body(request, ScanBody, form_allowed=True).kind
        mail: Mail | None = None
        try:
            mail = await self._read(mail_id)
            result = await self._scanned(mail, kind)
        except (MailGone, InboxGone, LinkRefused, EngineGone) as refusal:
            return self._page(mail, refusal)
        return self._page(mail, result=result)

    def _page(
        self, mail: Mail | None, refusal: Refusal | None = None, *, result: Scan | None = None
    ) -> HTTPResponse:
        link = mail.link if mail else None
        return self._context.pages.page(
            "mail.html",
            refusal.status if refusal else 200,
            mail=mail,
            refusal=refusal,
            cause=refusal.__cause__ if refusal else None,
            service=service_of(self._context.tier, link) if link else None,
            kinds=KINDS,
            result=result,
            watch_seconds=self._watch_seconds,
            sandbox=SANDBOX,
        )

    async def _read(self, mail_id: str) -> Mail:
        if not _MAIL_ID.fullmatch(mail_id):
            raise MailGone
        return await self._from_inbox(lambda inbox: inbox.read(mail_id))

    async def _scanned(self, mail: Mail, kind: Kind) -> Scan:
        tier, link = self._context.tier, mail.link
        if link is None or service_of(tier, link) is None:
            raise LinkRefused
        address = mail.recipients[0].lower() if mail.recipients else ""

        def work() -> Scan:
            with self._open_http() as http:
                return scan(tier, link, address, kind, http=http, watch_seconds=self._watch_seconds)

        try:
            return await in_thread(work)
        except EngineAway as error:
            raise EngineGone from error

    async def _from_inbox(self, ask: Callable[[InboxClient], T]) -> T:
        def work() -> Any:
            with self._open_inbox() as inbox:
                return ask(inbox)

        try:
            found: T = await in_thread(work)
        except MailUnknown as error:
            raise MailGone from error
        except httpx.HTTPError as error:
            raise InboxGone from error
        return found

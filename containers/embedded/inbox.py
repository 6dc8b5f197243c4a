"""The development inbox: SMTP in, the part of Mailpit's REST API that clients use and a page for people out.

    GET    /api/v1/messages?start&limit        GET /api/v1/search?query=to:ADDRESS&start&limit
    GET    /api/v1/message/{ID}                `latest` is the newest
    DELETE /api/v1/messages                    all, or the IDs that a JSON body names
    GET, PUT /api/v1/chaos                     what the SMTP side refuses
    GET    /, /mails/{ID}                      the pages

Everything in a mail is somebody else's text, and every web page that a developer visits can reach loopback:
the pages run one script of ours and load nothing, and only requests made to a loopback name are answered.
"""

import re
import socket
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sanic import HTTPResponse, Request

from apps.auth.errors import FieldError, ValidationFailed
from apps.web.answers import json_answer
from apps.web.app import create_app
from apps.web.bodies import read_body
from apps.web.operations import Answer, Operation
from apps.web.refusals import NotFound
from containers.embedded.inbox_pages import InboxPages
from containers.embedded.mailbox import Address, Mail, Mailbox
from containers.embedded.smtp_server import Chaos, SMTPServer, Trigger
from containers.loopback import refuse_foreign_hosts

MOST_MAILS = 2**31
"""The largest start and limit: beyond it nothing can be meant."""

_TO = re.compile(r'\s*to:(?:"([^"]+)"|([^\s"]+))\s*', re.IGNORECASE)


class TriggerBody(msgspec.Struct, rename="pascal", frozen=True):
    """When to refuse, as Mailpit says it: the SMTP code, and how often in a hundred."""

    error_code: Annotated[int, Meta(ge=400, le=599)] = 451
    probability: Annotated[int, Meta(ge=0, le=100)] = 0


class ChaosBody(msgspec.Struct, rename="pascal"):
    """Mailpit's chaos triggers; one that is absent is switched off. Nobody authenticates here."""

    sender: TriggerBody = TriggerBody()
    recipient: TriggerBody = TriggerBody()
    authentication: TriggerBody = TriggerBody()


class DeleteBody(msgspec.Struct, rename={"ids": "IDs"}):
    """Which mails to delete; none named: all."""

    ids: list[str] = []


class Inbox:
    """The mails of one file, and what serves them.

    app: serves the REST API and the pages; hand it to a Server.
    """

    def __init__(self, path: Path) -> None:
        self._mailbox = Mailbox(path)
        self._chaos = Chaos()
        self._smtp = SMTPServer(self._mailbox.add, self._chaos)
        self._pages = InboxPages(self._mailbox)
        self.app = create_app("inbox", service="inbox", operations=self._operations())
        self.app.register_middleware(refuse_foreign_hosts, "request")

    async def start(self, smtp: socket.socket) -> None:
        """Receives mail on this socket."""
        await self._smtp.start(smtp)

    async def stop(self) -> None:
        """Receives no more mail, and closes the file."""
        await self._smtp.stop()
        await self._mailbox.close()

    async def _list(self, request: Request) -> HTTPResponse:
        return await self._summaries(request, to=None)

    async def _search(self, request: Request) -> HTTPResponse:
        query = _TO.fullmatch(request.args.get("query", ""))
        if query is None:
            raise ValidationFailed(
                [FieldError("/query", "FIELD_INVALID", "This search knows to:ADDRESS only.")]
            )
        return await self._summaries(request, to=query[1] or query[2])

    async def _summaries(self, request: Request, *, to: str | None) -> HTTPResponse:
        start, limit = _number(request, "start", 0), _number(request, "limit", 50)
        total, mails = await self._mailbox.newest(start=start, limit=limit, to=to)
        messages = [_summary(mail) for mail in mails]
        counts = {"total": total, "messages_count": total, "count": len(messages), "start": start}
        return json_answer({**counts, "messages": messages}, no_store=True)

    async def _message(self, request: Request, mail_id: str) -> HTTPResponse:
        mail = await self._mailbox.find(mail_id)
        if mail is None:
            raise NotFound
        return json_answer({**_summary(mail), "Text": mail.text, "HTML": mail.html}, no_store=True)

    async def _delete(self, request: Request) -> HTTPResponse:
        body = read_body(request, DeleteBody) if request.body else DeleteBody()
        await self._mailbox.delete(body.ids)
        return HTTPResponse("ok", content_type="text/plain; charset=utf-8")

    async def _show_chaos(self, request: Request) -> HTTPResponse:
        return json_answer(_chaos_shown(self._chaos))

    async def _set_chaos(self, request: Request) -> HTTPResponse:
        body = read_body(request, ChaosBody)
        self._chaos.sender = Trigger(body.sender.error_code, body.sender.probability)
        self._chaos.recipient = Trigger(body.recipient.error_code, body.recipient.probability)
        return json_answer(_chaos_shown(self._chaos))

    def _operations(self) -> list[Operation]:
        return [
            *self._pages.operations(),
            Operation(
                method="GET",
                path="/api/v1/messages",
                handler=self._list,
                name="list_messages",
                summary="The mails, newest first (start, limit)",
                answers={200: Answer("Some of them, and how many there are.", _LIST)},
                refusals=[ValidationFailed],
            ),
            Operation(
                method="GET",
                path="/api/v1/search",
                handler=self._search,
                name="search_messages",
                summary="The mails to one address, newest first (query=to:ADDRESS, start, limit)",
                answers={200: Answer("Some of them, and how many there are.", _LIST)},
                refusals=[ValidationFailed],
            ),
            Operation(
                method="GET",
                path="/api/v1/message/{mail_id}",
                handler=self._message,
                name="read_message",
                summary="One mail with its text and HTML; `latest` is the newest",
                answers={200: Answer("The mail.", {"type": "object"})},
                refusals=[NotFound],
            ),
            Operation(
                method="DELETE",
                path="/api/v1/messages",
                handler=self._delete,
                name="delete_messages",
                summary="Delete all mails, or those that a body names",
                answers={200: Answer("Done.", {"type": "string"}, content_type="text/plain")},
            ),
            Operation(
                method="GET",
                path="/api/v1/chaos",
                handler=self._show_chaos,
                name="show_chaos",
                summary="What the SMTP side refuses",
                answers={200: Answer("The triggers.", ChaosBody)},
            ),
            Operation(
                method="PUT",
                path="/api/v1/chaos",
                handler=self._set_chaos,
                name="set_chaos",
                summary="Have the SMTP side refuse senders or recipients",
                body=ChaosBody,
                answers={200: Answer("The triggers as they are now.", ChaosBody)},
                refusals=[ValidationFailed],
            ),
        ]


_LIST = {
    "type": "object",
    "properties": {"total": {"type": "integer"}, "messages": {"type": "array", "items": {"type": "object"}}},
    "required": ["total", "messages"],
}


def _number(request: Request, name: str, default: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and int(text[:11]) <= MOST_MAILS):
        raise ValidationFailed(
            [FieldError(f"/{name}", "FIELD_INVALID", "This must be a whole number from 0.")]
        )
    return int(text)


def _summary(mail: Mail) -> dict[str, Any]:
    return {
        "ID": mail.id,
        "MessageID": mail.message_id,
        "From": _address(mail.sender),
        "To": [_address(recipient) for recipient in mail.recipients],
        "Subject": mail.subject,
        "Created": mail.created,
        "Size": mail.size,
    }


def _address(address: Address) -> dict[str, str]:
    return {"Name": address.name, "Address": address.address}


def _chaos_shown(chaos: Chaos) -> ChaosBody:
    return ChaosBody(
        sender=TriggerBody(chaos.sender.code, chaos.sender.percent),
        recipient=TriggerBody(chaos.recipient.code, chaos.recipient.percent),
    )

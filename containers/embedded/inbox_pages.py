"""The pages of the development inbox: a list that follows what arrives, and one page for each mail.

The HTML of a mail is shown in a sandboxed frame that can do nothing.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanic import HTTPResponse, Request

from apps.web.operations import Answer, Handler, Operation
from apps.web.refusals import NotFound
from containers.embedded.mailbox import Mail, Mailbox
from containers.mail_html import SANDBOX, frame_answer

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
MAILS_ON_A_PAGE = 50

_COMMON = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
}
_PAGE = {
    **_COMMON,
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


class InboxPages:
    """Shows the mails of a mailbox to people."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    def operations(self) -> list[Operation]:
        """The routes of the pages, of their style and of their script."""
        return [
            _operation("/", self._list, "page_list", "The mails, for people"),
            _operation("/mails/{mail_id}", self._mail, "page_mail", "One mail, for people"),
            _operation(
                "/mails/{mail_id}/html", self._html, "page_html", "The HTML part of a mail, made harmless"
            ),
            _operation("/inbox.css", _asset("inbox.css", "text/css"), "page_style", "The style", "text/css"),
            _operation(
                "/inbox.js",
                _asset("inbox.js", "text/javascript"),
                "page_script",
                "The script",
                "text/javascript",
            ),
        ]

    async def _list(self, request: Request) -> HTTPResponse:
        to = request.args.get("to", "").strip()
        start = request.args.get("start", "0")
        first = int(start) if re.fullmatch(r"[0-9]{1,9}", start) else 0
        total, mails = await self._mailbox.newest(start=first, limit=MAILS_ON_A_PAGE, to=to or None)
        older = first + MAILS_ON_A_PAGE if first + MAILS_ON_A_PAGE < total else None
        return self._page("inbox.html", mails=mails, total=total, to=to, first=first, older=older)

    async def _mail(self, request: Request, mail_id: str) -> HTTPResponse:
        return self._page("mail.html", mail=await self._found(mail_id))

    async def _html(self, request: Request, mail_id: str) -> HTTPResponse:
        return frame_answer((await self._found(mail_id)).html)

    async def _found(self, mail_id: str) -> Mail:
        mail = await self._mailbox.find(mail_id)
        if mail is None:
            raise NotFound
        return mail

    def _page(self, template: str, **values: Any) -> HTTPResponse:
        return _text(
            self._templates.get_template(template).render(values, sandbox=SANDBOX), "text/html", _PAGE
        )

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        return Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )


def _operation(
    path: str, handler: Handler, name: str, summary: str, content_type: str = "text/html"
) -> Operation:
    answer = Answer(f"{summary}.", {"type": "string"}, content_type=content_type)
    return Operation(
        method="GET", path=path, handler=handler, name=name, summary=summary, answers={200: answer}
    )


def _asset(name: str, content_type: str) -> Handler:
    text = (TEMPLATES / name).read_text(encoding="utf-8")

    async def serve(request: Request) -> HTTPResponse:
        return _text(text, content_type, _COMMON)

    return serve


def _text(text: str, content_type: str, headers: dict[str, str]) -> HTTPResponse:
    return HTTPResponse(text, headers=headers, content_type=f"{content_type}; charset=utf-8")

"""What activation serves: one address, opened by a link or by the button of its page."""

from collections.abc import Sequence

import msgspec
from sanic import HTTPResponse, Request

from apps.activation import handlers
from apps.activation.domain import LinkExpired, LinkSuperseded
from apps.activation.handlers import Ports
from apps.auth.tokens import PublicKeys
from apps.storage.errors import StorageUnavailable
from apps.web.answers import json_answer
from apps.web.bodies import read_token_body, read_token_query
from apps.web.operations import Answer, Operation
from apps.web.requests import prefers_html

PATH = "/api/v1/dev/confirmuserReg"


class LinkBody(msgspec.Struct, forbid_unknown_fields=True):
    """The token of an activation link."""

    token: str


class Activated(msgspec.Struct):
    """The account can be used."""

    status: str


def operations(keys: PublicKeys, ports: Ports) -> Sequence[Operation]:
    """Returns the two operations of activation; `keys` are those of sign-up."""

    async def open_link(request: Request) -> HTTPResponse:
        async with handlers.counting_refusals(ports):
            token = read_token_query(request)
            if prefers_html(request):  # a browser, or a scanner of mails: shown, and nothing is changed
                handlers.look_at(token, ports=ports, keys=keys)
                return _page(request, "confirm.html", token=token)
            await handlers.activate(token, ports=ports, keys=keys)
        return _activated(request)

    async def press_button(request: Request) -> HTTPResponse:
        async with handlers.counting_refusals(ports):
            await handlers.activate(read_token_body(request), ports=ports, keys=keys)
        return _activated(request)

    refusals = [LinkExpired, LinkSuperseded, StorageUnavailable]
    activated = Answer("The account is ACTIVE, now or since earlier.", Activated, is_page=True, no_store=True)
    return [
        Operation(
            method="GET",
            path=PATH,
            handler=open_link,
            name="openActivationLink",
            summary="Activate the account, or show the button that does",
            description=(
                "A client that prefers HTML gets a page with one button and changes nothing by it; "
                "for any other the account becomes ACTIVE."
            ),
            takes_token_query=True,
            answers={200: activated},
            refusals=refusals,
            is_page=True,
        ),
        Operation(
            method="POST",
            path=PATH,
            handler=press_button,
            name="activate",
            summary="Activate the account",
            body=LinkBody,
            takes_form=True,
            answers={200: activated},
            refusals=refusals,
            is_page=True,
        ),
    ]


def _activated(request: Request) -> HTTPResponse:
    if prefers_html(request):
        return _page(request, "activated.html")
    return json_answer(Activated("ACTIVE"), no_store=True)


def _page(request: Request, template: str, **values: str | None) -> HTTPResponse:
    page: HTTPResponse = request.app.ctx.pages.page(template, **values)
    return page

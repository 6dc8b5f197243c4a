"""What reset-password serves, and how a request becomes a use case."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
from sanic import HTTPResponse, Request

from apps.auth.addresses import canonical_address
from apps.auth.errors import ValidationFailed
from apps.reset_password import handlers
from apps.reset_password.domain import LinkExpired, LinkUsed, LoginRequired
from apps.reset_password.handlers import Caller, ChoosePassword, Ports, RequestLink
from apps.reset_password.settings import Settings
from apps.storage.errors import StorageUnavailable
from apps.web.answers import json_answer
from apps.web.bodies import read_body, read_token_query
from apps.web.fields import AddressField, PasswordField, email_check
from apps.web.operations import Answer, Operation
from apps.web.refusals import LinkInvalid, Overloaded, TokenRefused
from apps.web.requests import bearer, client_of, prefers_html, request_id

PREFIX = "/api/v1/dev"
MESSAGE = "If a password can be reset for this address, a mail to it says how."


class RequestLinkBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whose password is to be reset."""

    email: AddressField


class ChoosePasswordBody(msgspec.Struct, forbid_unknown_fields=True):
    """The token of a reset link, and the new password."""

    token: str
    password: PasswordField


class Noted(msgspec.Struct):
    """What happens next, told alike to everybody who is answered with it."""

    message: str


class GoodLink(msgspec.Struct):
    """The link can set a password."""

    valid: bool
    expires_at: datetime


class Changed(msgspec.Struct):
    """The new password counts."""

    status: str


def operations(settings: Settings, ports: Ports) -> Sequence[Operation]:
    """Returns the operations of reset-password."""
    check = email_check(allow_test_domains=settings.is_development)

    async def request_link(request: Request) -> HTTPResponse:
        body = read_body(request, RequestLinkBody, check=check)
        address = canonical_address(body.email, allow_test_domains=settings.is_development)
        await handlers.request_link(
            RequestLink(address, bearer(request)), ports=ports, settings=settings, caller=_caller(request)
        )
        return json_answer(Noted(MESSAGE), 202)

    async def open_link(request: Request) -> HTTPResponse:
        token = read_token_query(request)
        link = await handlers.look_at(token, ports=ports, settings=settings)
        if prefers_html(request):
            return _page(request, "new_password.html", token=token, fault=None)
        return json_answer(GoodLink(True, link.expires_at), no_store=True)

    async def choose_password(request: Request) -> HTTPResponse:
        body = read_body(request, ChoosePasswordBody, form_allowed=True)
        await handlers.choose_password(
            ChoosePassword(body.token, body.password),
            ports=ports,
            settings=settings,
            caller=_caller(request),
        )
        if prefers_html(request):
            return _page(request, "password_changed.html")
        return json_answer(Changed("PASSWORD_CHANGED"), no_store=True)

    ask = Operation(
        method="POST",
        path=f"{PREFIX}/resetPW",
        handler=request_link,
        name="requestReset",
        summary="Be mailed a reset link",
        description="Only while the owner is logged in somewhere; a session token may come along.",
        body=RequestLinkBody,
        security="optional",
        answers={202: Answer("The mail is on its way.", Noted)},
        refusals=[TokenRefused, *([] if settings.is_silent else [LoginRequired]), StorageUnavailable],
    )
    link_refusals = [LinkInvalid, LinkExpired, LinkUsed, StorageUnavailable]
    return [
        ask,
        # The original's own spelling of the address: a router keeps the empty segment apart.
        replace(ask, path=f"{PREFIX}//resetPW", name="requestResetOriginal", alias_of="requestReset"),
        Operation(
            method="GET",
            path=f"{PREFIX}/confirmPWreset",
            handler=open_link,
            name="openResetLink",
            summary="Whether a reset link is good, with a form for the new password",
            description="Changes nothing.",
            takes_token_query=True,
            answers={200: Answer("The link is good.", GoodLink, is_page=True, no_store=True)},
            refusals=link_refusals,
            is_page=True,
        ),
        Operation(
            method="POST",
            path=f"{PREFIX}/Process_New_PW",
            handler=choose_password,
            name="choosePassword",
            summary="Set a new password, once for each link",
            description="Ends the sessions and other links of its user. A refused password costs nothing.",
            body=ChoosePasswordBody,
            takes_form=True,
            answers={200: Answer("The new password counts.", Changed, is_page=True, no_store=True)},
            refusals=[ValidationFailed, Overloaded, *link_refusals],
            is_page=True,
        ),
    ]


def _caller(request: Request) -> Caller:
    return Caller(client_of(request), request_id(request))


def _page(request: Request, template: str, **values: str | None) -> HTTPResponse:
    page: HTTPResponse = request.app.ctx.pages.page(template, **values)
    return page

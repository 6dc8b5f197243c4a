"""What login serves, and how a request becomes a use case."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from sanic import HTTPResponse, Request

from apps.auth.addresses import canonical_address
from apps.login import handlers
from apps.login.domain import AccountInactive, LoginFailed, SessionUnknown, TooFast
from apps.login.handlers import Caller, LogIn, Ports
from apps.login.settings import Settings
from apps.storage.errors import StorageUnavailable
from apps.web.answers import json_answer, no_content
from apps.web.bodies import read_body
from apps.web.fields import AddressField, PasswordField, email_check
from apps.web.operations import Answer, Operation
from apps.web.refusals import Overloaded, TokenRefused
from apps.web.requests import bearer, client_of, request_id

PREFIX = "/api/v1/dev"


class LogInBody(msgspec.Struct, forbid_unknown_fields=True):
    """Who wants to come in."""

    email: AddressField
    password: PasswordField


class Token(msgspec.Struct):
    """A session, as its owner carries it."""

    token: str
    token_type: str
    expires_in: Annotated[int, Meta(description="seconds")]


class SessionShown(msgspec.Struct):
    """The session of the bearer token."""

    user_id: int
    email: str
    session_id: str
    issued_at: datetime
    expires_at: datetime


class SessionListed(msgspec.Struct):
    """One of the user's sessions."""

    session_id: str
    issued_at: datetime
    expires_at: datetime
    current: Annotated[bool, Meta(description="whether it is the session of the bearer token")]


class Sessions(msgspec.Struct):
    """The user's live sessions, the newest first."""

    sessions: list[SessionListed]


def operations(settings: Settings, ports: Ports) -> Sequence[Operation]:
    """Returns the operations of login."""
    check = email_check(allow_test_domains=settings.is_development)

    async def log_in(request: Request) -> HTTPResponse:
        body = read_body(request, LogInBody, check=check)
        address = canonical_address(body.email, allow_test_domains=settings.is_development)
        token = await handlers.log_in(
            LogIn(address, body.password), ports=ports, settings=settings, caller=_caller(request)
        )
        return json_answer(Token(token, "Bearer", settings.session_ttl_seconds), no_store=True)

    async def show_session(request: Request) -> HTTPResponse:
        session, holder = await handlers.authenticate(bearer(request), ports=ports, settings=settings)
        shown = SessionShown(
            session.user_id, holder.email, session.session_id, session.issued_at, session.expires_at
        )
        return json_answer(shown, no_store=True)

    async def list_sessions(request: Request) -> HTTPResponse:
        session, holder = await handlers.authenticate(bearer(request), ports=ports, settings=settings)
        listed = [
            SessionListed(each.session_id, each.issued_at, each.expires_at, each == session)
            for each in await handlers.list_sessions(holder, ports=ports)
        ]
        return json_answer(Sessions(listed), no_store=True)

    async def revoke_session(request: Request, session_id: str) -> HTTPResponse:
        _, holder = await handlers.authenticate(bearer(request), ports=ports, settings=settings)
        await handlers.revoke_session(
            session_id, holder, ports=ports, settings=settings, caller=_caller(request)
        )
        return no_content()

    async def revoke_others(request: Request) -> HTTPResponse:
        session, holder = await handlers.authenticate(bearer(request), ports=ports, settings=settings)
        await handlers.revoke_others(session, holder, ports=ports, settings=settings, caller=_caller(request))
        return no_content()

    async def log_out(request: Request) -> HTTPResponse:
        await handlers.log_out(bearer(request), ports=ports, settings=settings, caller=_caller(request))
        return no_content()

    async def publish_keys(_: Request) -> HTTPResponse:
        return json_answer(settings.verifying_keys.jwks())

    needs_session = [TokenRefused, StorageUnavailable]
    log_out_once = Operation(
        method="POST",
        path=f"{PREFIX}/logout",
        handler=log_out,
        name="logOut",
        summary="End the session of the token",
        description="A token that is unknown here, or none at all, gets the same answer.",
        security="optional",
        answers={204: Answer("The token is dead.")},
        refusals=[StorageUnavailable],
    )
    return [
        Operation(
            method="POST",
            path=f"{PREFIX}/login",
            handler=log_in,
            name="logIn",
            summary="Begin a session",
            description="Unknown address, wrong password and suspended account are answered alike.",
            body=LogInBody,
            answers={200: Answer("A session has begun.", Token, no_store=True)},
            refusals=[LoginFailed, AccountInactive, TooFast, Overloaded, StorageUnavailable],
        ),
        log_out_once,
        replace(log_out_once, method="GET", name="logOutByGet", alias_of="logOut"),
        Operation(
            method="GET",
            path=f"{PREFIX}/session",
            handler=show_session,
            name="showSession",
            summary="Whose session the token is",
            security=True,
            answers={200: Answer("The session is live.", SessionShown, no_store=True)},
            refusals=needs_session,
        ),
        Operation(
            method="GET",
            path=f"{PREFIX}/sessions",
            handler=list_sessions,
            name="listSessions",
            summary="Every live session of the user",
            security=True,
            answers={200: Answer("The newest first.", Sessions, no_store=True)},
            refusals=needs_session,
        ),
        Operation(
            method="DELETE",
            path=f"{PREFIX}/sessions",
            handler=revoke_others,
            name="revokeOtherSessions",
            summary="End every session of the user but this one",
            security=True,
            answers={204: Answer("They are dead.")},
            refusals=needs_session,
        ),
        Operation(
            method="DELETE",
            path=f"{PREFIX}/sessions/{{session_id}}",
            handler=revoke_session,
            name="revokeSession",
            summary="End one session of the user",
            security=True,
            answers={204: Answer("It is dead.")},
            refusals=[SessionUnknown, *needs_session],
        ),
        Operation(
            method="GET",
            path="/.well-known/jwks.json",
            handler=publish_keys,
            name="publishKeys",
            summary="The public keys that sessions are verified with (RFC 7517)",
            answers={200: Answer("A JWK set.", {"type": "object", "required": ["keys"]})},
        ),
    ]


def _caller(request: Request) -> Caller:
    return Caller(client_of(request), request_id(request))

"""What sign-up serves, and how a request becomes a use case."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sanic import HTTPResponse, Request

from apps.auth.addresses import canonical_address
from apps.auth.errors import FieldError
from apps.signup import handlers
from apps.signup.domain import (
    PHONE_SIGNS,
    PROFILE_LENGTHS,
    AccountSuspended,
    AddressTaken,
    Profile,
    Standing,
    address_errors,
    sign_up_errors,
)
from apps.signup.handlers import Caller, Ports, SignUp
from apps.signup.settings import Settings
from apps.storage.errors import StorageUnavailable
from apps.web.answers import json_answer
from apps.web.bodies import read_body
from apps.web.operations import Answer, Operation
from apps.web.refusals import Overloaded
from apps.web.requests import client_of, request_id

SIGN_UP_MESSAGE = "If this address can be signed up, a mail to it says how to go on."
RESEND_MESSAGE = "If an account with this address waits for activation, another link is on its way to it."

_Address = Annotated[str, Meta(extra_json_schema={"format": "email", "maxLength": 254})]
_Password = Annotated[
    str, Meta(extra_json_schema={"format": "password", "maxLength": 256, "writeOnly": True})
]


class SignUpBody(msgspec.Struct, forbid_unknown_fields=True):
    """A sign-up: an address, a password, and as much of a profile as one likes."""

    email: _Address
    password: _Password
    full_name: Annotated[str, Meta(max_length=PROFILE_LENGTHS["fullName"])] | None = msgspec.field(
        default=None, name="fullName"
    )
    address: Annotated[str, Meta(max_length=PROFILE_LENGTHS["address"])] | None = None
    phone_no: Annotated[str, Meta(max_length=PROFILE_LENGTHS["phoneNo"], pattern=PHONE_SIGNS)] | None = (
        msgspec.field(default=None, name="phoneNo")
    )
    gender: Annotated[str, Meta(max_length=PROFILE_LENGTHS["gender"])] | None = None


class ResendBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whose activation mail is to be sent again."""

    email: _Address


class Accepted(msgspec.Struct):
    """What happens next, told alike to everybody."""

    status: str
    message: str


class Noted(msgspec.Struct):
    """What happens next, told alike to everybody."""

    message: str


def operations(settings: Settings, ports: Ports) -> Sequence[Operation]:
    """Returns the two operations of sign-up."""

    def faults(fields: Mapping[str, Any]) -> list[FieldError]:
        return sign_up_errors(
            fields, rules=settings.password_rules, allow_test_domains=settings.is_development
        )

    def address_faults(fields: Mapping[str, Any]) -> list[FieldError]:
        return address_errors(fields, allow_test_domains=settings.is_development)

    def canonical(address: str) -> str:
        return canonical_address(address, allow_test_domains=settings.is_development)

    async def sign_up(request: Request) -> HTTPResponse:
        body = read_body(request, SignUpBody, check=faults)
        profile = Profile(body.full_name, body.address, body.phone_no, body.gender)
        command = SignUp(canonical(body.email), body.password, profile)
        standing = await handlers.sign_up(command, ports=ports, settings=settings, caller=_caller(request))
        return _answer(standing, is_explicit=settings.is_explicit)

    async def resend(request: Request) -> HTTPResponse:
        body = read_body(request, ResendBody, check=address_faults)
        await handlers.resend(canonical(body.email), ports=ports, settings=settings, caller=_caller(request))
        return json_answer(Noted(RESEND_MESSAGE), 202)

    return [
        Operation(
            method="POST",
            path="/api/v1/dev/signup",
            handler=sign_up,
            name="signUp",
            summary="Sign up, and be mailed an activation link",
            description=(
                "An account that waits for activation is replaced by a newer sign-up. The answer is the same "
                "for every address unless the service is set to explicit answers."
            ),
            body=SignUpBody,
            answers=_SIGN_UP_ANSWERS if settings.is_explicit else {202: _ACCEPTED},
            refusals=[
                *([AccountSuspended, AddressTaken] if settings.is_explicit else []),
                Overloaded,
                StorageUnavailable,
            ],
        ),
        Operation(
            method="POST",
            path="/api/v1/dev/resend",
            handler=resend,
            name="resend",
            summary="Be mailed another activation link",
            description="Earlier links of the same sign-up stay good. Every address gets the same answer.",
            body=ResendBody,
            answers={202: Answer("Taken note of.", Noted)},
            refusals=[StorageUnavailable],
        ),
    ]


_ACCEPTED = Answer("Taken note of; the mail says how to go on.", Accepted)
_SIGN_UP_ANSWERS = {
    200: Answer("The earlier sign-up with this address is replaced.", Accepted),
    201: Answer("There is a new account, and it waits for activation.", Accepted),
}


def _answer(standing: Standing, *, is_explicit: bool) -> HTTPResponse:
    accepted = Accepted("INACTIVE", SIGN_UP_MESSAGE)
    if not is_explicit:
        return json_answer(accepted, 202)
    if standing is Standing.SUSPENDED:
        raise AccountSuspended
    if standing is Standing.ACTIVE:
        raise AddressTaken
    return json_answer(accepted, 201 if standing is Standing.NEW else 200)


def _caller(request: Request) -> Caller:
    return Caller(client_of(request), request_id(request))

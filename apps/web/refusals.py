"""The refusals of the edge itself, whatever the route: what its framework, its limits and its clock refuse.

400 REQUEST_MALFORMED, BODY_INVALID, LINK_INVALID
401 TOKEN_INVALID          404 NOT_FOUND            405 METHOD_NOT_ALLOWED
408 REQUEST_TIMEOUT        413 BODY_TOO_LARGE       414 URI_TOO_LONG
415 UNSUPPORTED_MEDIA_TYPE 417 EXPECTATION_UNKNOWN  431 HEADERS_TOO_LARGE
500 INTERNAL               503 UNAVAILABLE, OVERLOADED, NOT_READY
"""

from apps.auth.errors import Refusal


class RequestMalformed(Refusal):
    """What came is not HTTP/1.1 (RFC 9112)."""

    status = 400
    code = "REQUEST_MALFORMED"
    title = "Malformed request"
    detail = "The request is not well-formed HTTP."


class BodyInvalid(Refusal):
    """The body, or the query, cannot be read as one set of named values."""

    status = 400
    code = "BODY_INVALID"
    title = "Unreadable request"
    detail = "The body is not one JSON object (or form), or a name is given twice."


class LinkInvalid(Refusal):
    """The token of a link is forged, malformed, of another purpose, missing or given twice."""

    status = 400
    code = "LINK_INVALID"
    title = "This link is not valid"
    detail = "The link is incomplete or was not made by this service. Open it again from the newest mail."


class TokenRefused(Refusal):
    """The bearer token is missing, malformed, expired, revoked, of another purpose or of another account."""

    status = 401
    code = "TOKEN_INVALID"
    title = "Not signed in"
    detail = "The bearer token is missing or not valid. Log in again."


class NotFound(Refusal):
    """No route has this path."""

    status = 404
    code = "NOT_FOUND"
    title = "Not found"
    detail = "There is nothing at this address."


class MethodNotAllowed(Refusal):
    """The route does not know this method; the header Allow names those that it knows."""

    status = 405
    code = "METHOD_NOT_ALLOWED"
    title = "Method not allowed"
    detail = "This address does not take that method; see the header Allow."


class RequestTimeout(Refusal):
    """The request was not complete in time."""

    status = 408
    code = "REQUEST_TIMEOUT"
    title = "Request took too long"
    detail = "The request did not arrive completely in time."


class BodyTooLarge(Refusal):
    """The body is over 16 KiB."""

    status = 413
    code = "BODY_TOO_LARGE"
    title = "Body too large"
    detail = "A body may have at most 16 KiB."


class URITooLong(Refusal):
    """The request target cannot be handled for its length."""

    status = 414
    code = "URI_TOO_LONG"
    title = "Address too long"
    detail = "The address of the request is too long."


class UnsupportedMediaType(Refusal):
    """The body is of a content type that this route does not take."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    title = "Unsupported content type"
    detail = "Send the body as application/json."


class ExpectationUnknown(Refusal):
    """The header Expect asks for something other than 100-continue."""

    status = 417
    code = "EXPECTATION_UNKNOWN"
    title = "Unknown expectation"
    detail = "The only expectation that can be met is 100-continue."


class HeadersTooLarge(Refusal):
    """Request line and headers are over 8 KiB."""

    status = 431
    code = "HEADERS_TOO_LARGE"
    title = "Headers too large"
    detail = "Request line and headers may have at most 8 KiB together."


class Internal(Refusal):
    """Something that nobody expected; the log says what, under the request's id."""

    status = 500
    code = "INTERNAL"
    title = "Internal error"
    detail = "Something went wrong here. The request id leads to the log."


class Unavailable(Refusal):
    """The service did not answer in time, or is stopping."""

    status = 503
    code = "UNAVAILABLE"
    title = "Not available"
    detail = "The service cannot answer at the moment."


class Overloaded(Refusal):
    """Taking this request on would keep everybody waiting; come back after Retry-After."""

    status = 503
    code = "OVERLOADED"
    title = "Too busy"
    detail = "Too many requests are waiting. Try again a little later."


class NotReady(Refusal):
    """A part that the service needs does not answer."""

    status = 503
    code = "NOT_READY"
    title = "Not ready"
    detail = "A part that this service needs is not ready."

"""Errors of the embedded Connect's REST API, in Connect's own shape: {"error_code", "message"}."""

from sanic import HTTPResponse, Request
from sanic import exceptions as framework
from sanic.handlers import ErrorHandler

from apps.web.answers import json_answer
from apps.web.errors import as_refusal
from apps.web.logs import get_logger
from apps.web.refusals import Internal
from containers.connector_files.config import ClassUnknown, ConfigInvalid
from containers.embedded.connect import ConnectorExists, ConnectorUnknown, NotStopped
from containers.embedded.log import LogDamaged
from containers.embedded.plugins import plugins

log = get_logger("connect")


class RestError(Exception):
    """A refusal of the REST API. code: what `error_code` says, where that is not the status."""

    def __init__(self, status: int, message: str, *, code: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code or status


class ConnectErrorHandler(ErrorHandler):
    """Sanic's error handler, replaced as a whole."""

    def response(self, request: Request, exception: BaseException) -> HTTPResponse:
        """The answer for an exception; one that nobody expected is logged and told without its words."""
        error = _as_error(exception)
        if error.status == 500 and not isinstance(exception, RestError):
            log.error("request_failed", method=request.method, error=exception)
        answer = json_answer({"error_code": error.code, "message": str(error)}, error.status)
        if isinstance(exception, framework.MethodNotAllowed):
            answer.headers["allow"] = exception.headers.get("Allow", "")
        return answer


def _as_error(exception: BaseException) -> RestError:
    if isinstance(exception, RestError):
        return exception
    if isinstance(exception, ConnectorUnknown):
        return RestError(404, f"Connector {exception} not found")
    if isinstance(exception, ConnectorExists):
        return RestError(409, f"Connector {exception} already exists")
    if isinstance(exception, NotStopped):
        return RestError(
            400,
            "Connectors must be in the STOPPED state before their offsets can be modified. This can be done "
            f"for the specified connector by issuing a 'PUT' request to the '/connectors/{exception}/stop' "
            "endpoint",
        )
    if isinstance(exception, ClassUnknown):
        known = ", ".join(f"PluginDesc{{name='{plugin['class']}'}}" for plugin in plugins())
        return RestError(
            400,
            "Failed to find any class that implements Connector and which name matches "
            f"{exception.class_name}, available connectors are: {known}",
        )
    if isinstance(exception, ConfigInvalid):
        told = "".join(f"\n{problem.option}: {problem.reason}" for problem in exception.problems)
        return RestError(
            400,
            "Connector configuration is invalid and contains the following "
            f"{len(exception.problems)} error(s):{told}\nYou can also find the above list of errors at the "
            "endpoint `/connector-plugins/{connectorType}/config/validate`",
        )
    if isinstance(exception, LogDamaged):
        return RestError(500, str(exception))
    refusal = as_refusal(exception)
    message = "Internal Server Error" if isinstance(refusal, Internal) else refusal.title
    return RestError(refusal.status, f"HTTP {refusal.status} {message}")

"""Who may ask what listens on loopback: every web page that a developer visits can reach it, too."""

import re
from urllib.parse import urlsplit

from sanic import Request

from apps.auth.errors import Refusal

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})


class HostRefused(Refusal):
    """The request was made to another name than a loopback one: a page of another site may be behind it."""

    status = 403
    code = "HOST_REFUSED"
    title = "Unknown host"
    detail = "This is answered to localhost only."


class OriginRefused(Refusal):
    """A page of another site, or of another port, wants something changed."""

    status = 403
    code = "ORIGIN_REFUSED"
    title = "Unknown origin"
    detail = "This is changed from its own pages only, or by a client that is no browser."


def names_loopback(request: Request) -> bool:
    """Whether the request was made to a loopback name; a name of somebody else's may point here as well."""
    return re.sub(r":[0-9]+\Z", "", request.headers.get("host", "").lower()) in HOSTS


def comes_from_loopback(request: Request) -> bool:
    """Whether the page that made the request, if it was one, is itself from loopback."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).hostname in ("localhost", "127.0.0.1")


async def refuse_foreign_hosts(request: Request) -> None:
    """Middleware: raises HostRefused."""
    if not names_loopback(request):
        raise HostRefused


async def refuse_foreign_changes(request: Request) -> None:
    """Middleware: raises OriginRefused for all but GET when the page that asks is not from the same port."""
    origin = request.headers.get("origin")
    if request.method != "GET" and origin is not None and origin != f"http://{request.headers.get('host')}":
        raise OriginRefused

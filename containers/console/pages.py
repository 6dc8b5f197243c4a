"""The console's pages: one layout, its own script and style, nothing from another host, never cached."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanic import HTTPResponse, Request

from apps.web.operations import Answer, Handler, Operation
from containers.embedded.inbox_pages import TEMPLATES as INBOX_TEMPLATES

if TYPE_CHECKING:
    from jinja2 import Environment

ROOM = Path(__file__).parent
ASSETS = {path.name: path for path in (INBOX_TEMPLATES / "inbox.css", *sorted((ROOM / "assets").iterdir()))}
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_COMMON = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_PAGE = {
    **_COMMON,
    # With no-referrer a browser would name "null" as the origin of our own forms, and they would be refused.
    "referrer-policy": "same-origin",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


NAVIGATION = (
    ("map", "/", "Map"),
    ("journey", "/journey", "Journey"),
    ("inbox", "/inbox", "Inbox"),
    ("break", "/break", "Break it"),
    ("numbers", "/numbers", "Numbers"),
)
"""The pages: name of the template, path, and what the link says."""


class Pages:
    """Renders the console's templates.

    everywhere: values that every page has.
    """

    def __init__(self, everywhere: Mapping[str, Any]) -> None:
        self._everywhere = everywhere

    def page(self, template: str, status: int = 200, **values: Any) -> HTTPResponse:
        """The template filled with the values, as an answer; `here` is the page's name in the navigation."""
        text = self._templates.get_template(template).render(
            values, here=template.removesuffix(".html"), **self._everywhere
        )
        return HTTPResponse(text, status, _PAGE, content_type="text/html; charset=utf-8")

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        environment = Environment(
            loader=FileSystemLoader(ROOM / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"navigation": NAVIGATION, "shown": shown, "told": told, "facts": facts}
        return environment


def shown(value: object) -> str:
    """A dash for what is not known."""
    return "–" if value is None else str(value)


def told(carrier: Mapping[str, Any]) -> str:
    """The second line of a carrier's box."""
    return f"{carrier['state']} · {shown(carrier['per_second'])}/s · lag {shown(carrier['lag'])}"


def facts(record_facts: Mapping[str, Any]) -> str:
    """What a record says, but for its offset."""
    return ", ".join(f"{name} {value}" for name, value in record_facts.items() if name != "offset")


def page_operation(
    path: str, handler: Handler, name: str, summary: str, content_type: str = "text/html"
) -> Operation:
    """A route for people."""
    answer = Answer(f"{summary}.", {"type": "string"}, content_type=content_type)
    return Operation(
        method="GET", path=path, handler=handler, name=name, summary=summary, answers={200: answer}
    )


def asset_operations() -> list[Operation]:
    """The routes of the scripts and styles."""
    return [
        page_operation(
            f"/assets/{name}",
            _asset(path, TYPES[path.suffix]),
            f"asset_{name.replace('.', '_').replace('-', '_')}",
            f"The file {name}",
            TYPES[path.suffix],
        )
        for name, path in ASSETS.items()
    ]


def _asset(path: Path, content_type: str) -> Handler:
    text = path.read_text(encoding="utf-8")

    async def serve(request: Request) -> HTTPResponse:
        return HTTPResponse(text, headers=_COMMON, content_type=f"{content_type}; charset=utf-8")

    return serve

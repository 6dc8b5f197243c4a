"""Pages for people: one layout, no script, nothing from another host, never cached."""

import hashlib
from base64 import b64encode
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sanic import HTTPResponse

if TYPE_CHECKING:
    from jinja2 import Environment

OWN_TEMPLATES = Path(__file__).parent / "templates"
STYLE = (OWN_TEMPLATES / "style.css").read_text(encoding="utf-8")


def page_headers(style: str = STYLE) -> dict[str, str]:
    """The headers of every page. `style`: the text of its one style element, which the policy names."""
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return {
        "cache-control": "no-store",
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


_HEADERS = page_headers()


def page_answer(text: str, status: int = 200) -> HTTPResponse:
    """A rendered page with all the headers that a page has."""
    return HTTPResponse(text, status, _HEADERS, content_type="text/html; charset=utf-8")


class Pages:
    """Renders the templates of a folder (and those of the edge: base.html, error.html).

    base_path: what the public's paths start with, as templates put it before those of their forms.
    """

    def __init__(self, folder: Path | None = None, *, base_path: str = "") -> None:
        self.folder, self._base_path = folder, base_path

    def page(self, template: str, status: int = 200, **values: Any) -> HTTPResponse:
        """The template filled with the values, as an answer."""
        return page_answer(self.render(template, **values), status)

    def render(self, template: str, **values: Any) -> str:
        """The text of the page alone."""
        return self._environment.get_template(template).render(values, base_path=self._base_path)

    @cached_property
    def _environment(self) -> "Environment":
        # Jinja2 is imported with the first page: most processes never show one, and start the sooner.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup

        folders = [folder for folder in (self.folder, OWN_TEMPLATES) if folder is not None]
        environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["style"] = Markup(STYLE)  # noqa: S704 - a file of ours, and quotes must stay as they are
        return environment

"""The layout that every page shares."""

import base64
import hashlib
import re
from pathlib import Path

import pytest

from apps.web.pages import STYLE, Pages

TEMPLATES = Path(__file__).parent / "templates"


def palette(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", css))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        ("ink", "card"),
        ("ink", "code"),
        ("soft", "card"),
        ("soft", "code"),
        ("soft", "paper"),
        ("accent", "card"),
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
        ("bad", "card"),
    ],
)
def test_text_has_enough_contrast(scheme: str, ink: str, paper: str) -> None:
    """4.5 : 1 (WCAG 2.2, 1.4.3)."""
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    colours = palette(light if scheme == "light" else dark.partition("}\n}")[0])
    low, high = sorted((luminance(colours[ink]), luminance(colours[paper])))
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_policy_names_exactly_the_style_that_the_page_has() -> None:
    """A browser leaves out a style whose hash is not in the policy."""
    answer = Pages(TEMPLATES).page("page.html", token="t")
    assert answer.body is not None
    (style,) = re.findall(r"<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in answer.headers["content-security-policy"]


def test_values_are_escaped() -> None:
    """Whatever is in a token."""
    text = Pages(TEMPLATES).render("page.html", token='"><script>alert(1)</script>')
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_forms_go_where_the_public_reaches_the_service(tmp_path: Path) -> None:
    """A proxy may put a path before those of the service."""
    (tmp_path / "form.html").write_text('<form action="{{ base_path }}/api">')
    assert Pages(tmp_path).render("form.html") == '<form action="/api">'
    assert Pages(tmp_path, base_path="/accounts").render("form.html") == '<form action="/accounts/api">'


def test_a_missing_value_is_an_error_and_not_an_empty_place() -> None:
    """A page that lacks its token would have a button that cannot work."""
    with pytest.raises(Exception, match="'token' is undefined"):
        Pages(TEMPLATES).render("page.html")

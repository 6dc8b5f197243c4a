"""What every page of the console has to be: without barriers, and narrow where the screen is."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page
from pytest_bdd import given, parsers, then

from steps.browser import Windows
from steps.console import navigation

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
"""Runs before a page's own scripts, so no page has to allow it."""

COLOURS = r"""() => {
  const { color, backgroundColor } = getComputedStyle(document.body);
  return [color, backgroundColor].map((text) => text.match(/\d+/g).map(Number));
}"""

SERIOUS = frozenset({"serious", "critical"})


@given(parsers.parse("the map is open in the {theme:w} theme"), target_fixture="page")
def open_in_theme(windows: Windows, console_url: str, theme: str) -> Page:
    page = windows.open(AXE, color_scheme=theme)
    page.goto(f"{console_url}/")
    assert is_dark(page) == (theme == "dark"), "the page follows the theme"
    return page


@given(parsers.parse("the map is open on a screen of {width:d} pixels"), target_fixture="page")
def open_on_a_screen(windows: Windows, console_url: str, width: int) -> Page:
    page = windows.open(viewport={"width": width, "height": 2 * width})
    page.goto(f"{console_url}/")
    return page


def is_dark(page: Page) -> bool:
    """Whether the text is lighter than what it stands on."""
    ink, paper = page.evaluate(COLOURS)
    return bool(sum(ink) > sum(paper))


def each_page(page: Page) -> Iterator[str]:
    """Opens every page that the navigation of this one leads to, one after the other."""
    addresses = navigation(page).evaluate_all("links => links.map(link => link.href)")
    assert addresses
    for address in addresses:
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok, f"{address} answers {answer.status}"
        yield address


@then("axe finds nothing serious on any page of the navigation")
def axe_finds_nothing(page: Page) -> None:
    found = {address: barriers(page) for address in each_page(page)}
    assert not any(found.values()), found


def barriers(page: Page) -> list[str]:
    """The findings of axe that keep people out, each with its places."""
    result: dict[str, Any] = page.evaluate("axe.run()")
    assert result["passes"], "axe has looked at something"
    return [
        f"{finding['id']} ({finding['impact']}): {[node['target'] for node in finding['nodes']]}"
        for finding in result["violations"]
        if finding["impact"] in SERIOUS
    ]


@then("no page of the navigation scrolls sideways")
def nothing_scrolls_sideways(page: Page) -> None:
    for address in each_page(page):
        wide, seen = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert wide <= seen, f"{address} is {wide} pixels wide on a screen of {seen}"

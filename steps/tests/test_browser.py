"""The watch on pages, seen failing: each thing that no page may do is done by a page of our own."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from steps.browser import CHROMIUM, Windows, leaves_the_machine
from steps.waiting import eventually

HERE = "http://localhost/"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """As the scenarios have them, but that nobody asserts afterwards that there are no faults."""
    windows = Windows(browser)
    yield windows
    windows.close()


@pytest.fixture
def show(windows: Windows) -> Callable[..., Page]:
    """Opens a page with this body, and this policy, at an address of this machine."""

    def open_page(body: str, policy: str = "default-src *") -> Page:
        page = windows.open()

        def answer(route: Route) -> None:
            route.fulfill(
                body=f"<!doctype html><link rel=icon href=data:,><body>{body}",
                headers={
                    "content-type": "text/html",
                    "content-security-policy": f"{policy}; img-src * data:",
                },
            )

        page.route(HERE, answer)
        page.goto(HERE, wait_until="load")
        return page

    return open_page


def wait_for_fault(windows: Windows, page: Page, pattern: str) -> None:
    def faults() -> list[str]:
        page.evaluate("0")  # what the browser has told comes in before the answer
        return windows.faults

    eventually(
        faults,
        within=10,
        what=f"a fault like {pattern}",
        accept=lambda told: any(re.match(pattern, fault) for fault in told),
    )


@pytest.mark.parametrize(
    ("url", "leaves"),
    [
        ("http://localhost:8088/events", False),
        ("http://127.0.0.1/", False),
        ("http://[::1]:8088/", False),
        ("data:,", False),
        ("blob:http://localhost/1", False),
        ("about:blank", False),
        ("https://example.org/font.woff2", True),
        ("//example.org/", True),
        ("ws://example.org/", True),
        ("http://localhost.example.org/", True),
        ("http://localhost@example.org/", True),
        ("http://10.0.0.1/", True),
        ("ftp://example.org/", True),
    ],
)
def test_what_leaves_the_machine(url: str, leaves: bool) -> None:
    """Only loopback stays, and what needs no request."""
    assert leaves_the_machine(url) is leaves


def test_a_good_page_has_no_faults(windows: Windows, show: Callable[..., Page]) -> None:
    """What is held in memory is no request."""
    page = show("<p>Hello<img alt='' src='data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>'>")
    page.evaluate("0")
    assert windows.faults == []


@pytest.mark.parametrize(
    "body",
    [
        "<img alt='' src='https://example.org/picture.png'>",
        "<link rel=stylesheet href='http://example.org/style.css'>",
        "<iframe src='http://example.org/'></iframe>",
        "<script>fetch('http://example.org/').catch(() => {})</script>",
        "<script>new WebSocket('ws://example.org/')</script>",
    ],
)
def test_a_request_to_elsewhere_is_a_fault(windows: Windows, show: Callable[..., Page], body: str) -> None:
    """Whatever makes it; the name is not even looked up."""
    page = show(body, "default-src * 'unsafe-inline'")
    wait_for_fault(windows, page, r"left the machine: \w+://example.org/")


def test_what_the_policy_keeps_has_not_left(windows: Windows, show: Callable[..., Page]) -> None:
    """A request that is announced and then forbidden is told as a breach alone."""
    page = show("<link rel=stylesheet href='http://example.org/style.css'>", "default-src 'self'")
    wait_for_fault(windows, page, "error: .*Content Security Policy")
    assert not [fault for fault in windows.faults if "left the machine" in fault]


@pytest.mark.parametrize(
    "body",
    ["<img alt='' src='data:,' onerror='hurt = 1'>", "<p style='color: red'>", "<script>hurt = 1</script>"],
)
def test_a_breach_of_the_policy_is_a_fault(windows: Windows, show: Callable[..., Page], body: str) -> None:
    """A browser tells it as an error."""
    page = show(body, "default-src 'self'")
    wait_for_fault(windows, page, "error: .*Content Security Policy")


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("alert('boo')", "dialog: boo"),
        ("console.error('oh')", "error: oh"),
        ("throw new Error('oh')", "uncaught: "),
        ("Promise.reject(new Error('oh'))", "uncaught: "),
    ],
)
def test_what_a_script_does_wrong_is_a_fault(
    windows: Windows, show: Callable[..., Page], script: str, fault: str
) -> None:
    """Dialogs, errors that are told, and errors that nobody catches."""
    page = show(f"<script>{script}</script>", "default-src 'unsafe-inline'")
    wait_for_fault(windows, page, fault)


def test_only_what_is_tolerated_is_left_out(windows: Windows, show: Callable[..., Page]) -> None:
    """A scenario that brings an error about says which."""
    windows.tolerated.append("expected")
    page = show(
        "<script>console.error('expected'); console.error('other')</script>", "default-src 'unsafe-inline'"
    )
    wait_for_fault(windows, page, "error: other")
    assert windows.faults == ["error: other"]

"""The door to the browser: Debian's Chromium through Playwright, and a watch on what its pages do.

A scenario opens as many windows as it needs. By its end it fails if one of their pages has asked for anything
that is not on this machine, has opened a dialog, or has told an error: so a browser also tells what a policy
has forbidden.
"""

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    expect,
    sync_playwright,
)

from steps import waiting

CHROMIUM = shutil.which("chromium")
SECONDS = 10.0
"""A deadline for what a page does at once, before patience."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
KEPT_BY_POLICY = "csp"
HELD_IN_MEMORY = frozenset({"about", "blob", "data"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("console"):
                item.add_marker(pytest.mark.skip(reason="no chromium on this machine"))


def leaves_the_machine(url: str) -> bool:
    """Whether a request for it would go to another machine."""
    parts = urlsplit(url)
    return parts.scheme not in HELD_IN_MEMORY and parts.hostname not in LOOPBACK


class Windows:
    """Opens windows, each with a profile of its own.

    faults: what pages did that no page may do, in words. tolerated: parts of errors that the scenario itself
    brings about.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._told: list[str] = []
        self.tolerated: list[str] = []

    @property
    def faults(self) -> list[str]:
        return [told for told in self._told if not any(part in told for part in self.tolerated)]

    def open(self, script: str = "", **options: Any) -> Page:
        """A window with an empty page; `script` runs before its pages' own, `options` are Playwright's."""
        context = self._browser.new_context(**{"locale": "en-GB", **options})
        self._contexts.append(context)
        context.set_default_timeout(milliseconds(SECONDS))
        context.on("request", lambda request: self._asks_for(request.url))
        context.on("console", self._hears)
        context.on("requestfailed", self._was_it_kept)
        context.on("weberror", lambda web: self._told.append(f"uncaught: {web.error}"))
        context.on("dialog", self._dismisses)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asks_for(socket.url)))
        context.add_init_script(script)
        return context.new_page()

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _hears(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self._told.append(f"error: {said.text}")

    def _dismisses(self, dialog: Dialog) -> None:
        self._told.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _was_it_kept(self, request: Request) -> None:
        """What a page's own policy forbids is announced, and then not sent."""
        if request.failure == KEPT_BY_POLICY and f"left the machine: {request.url}" in self._told:
            self._told.remove(f"left the machine: {request.url}")

    def _asks_for(self, url: str) -> None:
        if leaves_the_machine(url):
            self._told.append(f"left the machine: {url}")


def milliseconds(seconds: float) -> float:
    """A deadline as Playwright takes it, with the patience of this run."""
    return seconds * waiting.patience * 1000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a feature.

    Not for the session: while Playwright is at work, no other code of this thread can run an event loop.
    """
    arguments = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses to work for root
    with sync_playwright() as playwright:
        expect.set_options(timeout=milliseconds(SECONDS))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def windows(browser: Browser) -> Iterator[Windows]:
    """The scenario's windows; it fails if a page of them has done what no page may do."""
    windows = Windows(browser)
    yield windows
    windows.close()
    assert windows.faults == [], "done by the pages of the scenario"

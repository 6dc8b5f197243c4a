"""The page on which something is broken: its switches, and what it tells of the newest experiment."""

import re

from playwright.sync_api import Locator, Page, expect
from pytest_bdd import given, parsers, then, when

from steps.browser import Windows, milliseconds
from steps.console import navigation
from steps.waiting import eventually
from steps.world import World

HEALING_SECONDS = 60.0
"""A deadline: for a killed database that comes back, and for the pause before a mail is tried anew."""


@given(parsers.parse('the page "{title}" is open'), target_fixture="page")
def a_page_is_open(windows: Windows, console_url: str, title: str) -> Page:
    return open_page(windows.open(), console_url, title)


@given(parsers.parse('the page "{title}" is open without script'), target_fixture="page")
def a_page_is_open_without_script(windows: Windows, console_url: str, title: str) -> Page:
    return open_page(windows.open(java_script_enabled=False), console_url, title)


def open_page(page: Page, console_url: str, title: str) -> Page:
    """The page that the navigation leads to under this title."""
    page.goto(console_url)
    navigation(page).get_by_text(title, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


@when(parsers.parse('"{target}" is chosen, and the switch "{title}" is thrown'))
def a_switch_is_thrown_at(page: Page, target: str, title: str) -> None:
    switch(page, title).get_by_role("combobox").select_option(target)
    throw(page, title)


@when(parsers.parse('the switch "{title}" is thrown'))
def throw(page: Page, title: str) -> None:
    before = page.get_by_role("article").count()
    switch(page, title).get_by_role("button").click()
    expect(page.get_by_role("article")).to_have_count(before + 1)


def switch(page: Page, title: str) -> Locator:
    button = page.get_by_role("button", name=title, exact=True)
    return page.locator("form.switch").filter(has=button)


def newest(page: Page) -> Locator:
    """The experiment that began last stands first."""
    return page.get_by_role("article").first


@when(parsers.parse('the button "{title}" is pressed'))
def a_button_is_pressed(page: Page, title: str) -> None:
    newest(page).get_by_role("button", name=title).click()


@when(parsers.parse('the page is opened anew until the button "{title}" is there, which is pressed'))
def a_button_is_pressed_once_it_is_there(page: Page, title: str) -> None:
    button = newest(page).get_by_role("button", name=title)
    _reload_until(page, button)
    with page.expect_navigation():
        button.click()


def _reload_until(page: Page, wanted: Locator) -> None:
    def look() -> int:
        page.reload()
        return wanted.count()

    eventually(look, within=HEALING_SECONDS, what=f"{wanted} on the page", accept=lambda count: count == 1)


@then(parsers.parse('the page tells "{what}"'))
def the_page_tells(page: Page, what: str) -> None:
    line = newest(page).get_by_role("listitem").filter(has_text=what)
    expect(line.first).to_be_visible(timeout=milliseconds(HEALING_SECONDS))


@then("the page tells that it has healed, and after how long")
def the_page_tells_that_it_has_healed(page: Page) -> None:
    expect(newest(page).get_by_role("heading")).to_contain_text(
        re.compile(r"healed in [0-9.]+ s"), timeout=milliseconds(HEALING_SECONDS)
    )


@then("the page tells, once it is opened anew, that it has healed")
def the_page_tells_that_it_has_healed_once_it_is_opened_anew(page: Page) -> None:
    _reload_until(page, newest(page).get_by_text("healed in"))


@then(parsers.parse("{name:w} has reached login_db after all"))
def has_reached_login_db(world: World, name: str) -> None:
    world.wait_for_status(world.person(name), "INACTIVE")


@then(parsers.parse("no mail comes to {name:w}"))
def no_mail_comes(world: World, name: str) -> None:
    """Until all else has been handed on."""
    world.drained()
    assert world.mails(world.person(name)) == []


@then(parsers.parse("{name:w} is mailed a link after all"))
def is_mailed_a_link(world: World, name: str) -> None:
    assert world.wait_for_link(world.person(name))


@then(parsers.parse("{name:w} logs in as before"))
def logs_in_as_before(world: World, name: str) -> None:
    world.log_in(world.person(name))

"""The console as people use it: in a window, by its words."""

import json

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_bdd import given, parsers, then, when

from containers.process import PlatformProcess
from steps.browser import Album, Windows, milliseconds
from steps.waiting import eventually
from steps.world import Person, World, payload

PLAY = "Play the story of a demo user"
PICTURE = {"width": 1280, "height": 900}
TOPICS = (
    "users",
    "mongoserver1.activate_user_reg_db.active_users",
    "login_db.users",
    "rpwd_db.users",
)
"""Those whose records are known by the id of their user."""

STORY_SECONDS = 60.0
"""A deadline: at the pace at which the console plays it, a story takes a dozen seconds."""

WITNESS = """(() => {
  const seen = globalThis.seen = { dots: 0, moves: 0, lit: [] };
  const all = { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "cx"] };
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      const circles = [...addedNodes].filter((node) => node.nodeName === "circle");
      if (type === "childList") seen.dots += circles.length;
      else if (target.nodeName === "circle") seen.moves += 1;
      else if (target.matches(".arrow.lit")) seen.lit.push(target.dataset.carrier);
    }
  }).observe(document, all);
})()"""
"""Counts what is over too soon to be looked for: dots, their moves, and arrows that light up."""


@pytest.fixture
def console_url(platform: PlatformProcess) -> str:
    return f"http://localhost:{platform.environ['CONSOLE_PORT']}"


@given("the map is open", target_fixture="page")
def the_map_is_open(windows: Windows, console_url: str) -> Page:
    return open_map(windows, console_url, viewport=PICTURE, color_scheme="light")


def open_map(windows: Windows, url: str, **options: object) -> Page:
    """The map in a window of its own, once it has been told how things are now."""
    page = windows.open(WITNESS, **options)
    with page.expect_request(lambda request: "/events" in request.url):
        page.goto(f"{url}/")
    return page


@when("the story of a demo user is played")
def story_is_played(world: World, page: Page) -> None:
    page.get_by_role("button", name=PLAY).click()
    knows_the_demo_user(world, page)


def knows_the_demo_user(world: World, page: Page) -> None:
    address = page.get_by_role("link", name="Follow").locator("span").inner_text()
    world.people["demo"] = Person("demo", address)


@then("data is seen travelling")
def data_is_seen_travelling(page: Page, album: Album) -> None:
    if album.is_wanted:
        expect(steps_told(page).last).to_contain_text("Log in")
        page.locator("#dots circle").first.wait_for()
        album.take(page, "map")
    seen = eventually(lambda: page.evaluate("seen"), within=10, what="dots", accept=lambda seen: seen["dots"])
    assert seen["moves"] > seen["dots"], "a dot moves"
    assert "signupconnector" in seen["lit"]


def steps_told(page: Page) -> Locator:
    return page.get_by_role("log", name="The story").get_by_role("listitem")


@then("every step of the story is listed with a tick")
def every_step_is_listed(world: World, page: Page) -> None:
    """The steps are those that `quartet demo` tells."""
    expect(steps_told(page).last).to_contain_text(
        "every one as it should be", timeout=milliseconds(STORY_SECONDS)
    )
    told = world.platform.run("demo", "--json")
    assert told.returncode == 0, told.stderr
    titles = [step["title"] for step in json.loads(told.stdout)["steps"]]
    assert steps_told(page).locator("b").all_inner_texts() == [
        *(f"✓ {title}" for title in titles),
        f"{len(titles)} steps, every one as it should be.",
    ]


@then(parsers.parse("each record of {name:w} is listed once"))
def each_record_is_listed(world: World, page: Page, name: str) -> None:
    assert_listed(world, page, world.person(name))


@then(parsers.parse("each record of the demo user is listed once, among them of the topics"))
def each_record_of_the_demo_user(world: World, page: Page, datatable: list[list[str]]) -> None:
    listed = assert_listed(world, page, world.person("demo"))
    assert set(listed) >= {topic for (topic,) in datatable}


def assert_listed(world: World, page: Page, person: Person) -> list[str]:
    """Waits until the page lists every record that topics hold of the person; returns the topic of each."""
    world.drained()
    user_id = str(world.user_id(person))
    held = sorted(
        topic
        for topic in TOPICS
        for record in world.platform.tier.records(topic)
        if str((payload(record.key) or {}).get("id")) == user_id
    )
    return eventually(
        lambda: listed(page, user_id),
        within=10,
        what=f"the page lists {held}",
        accept=lambda topics: topics == held,
    )


def listed(page: Page, user_id: str) -> list[str]:
    """The topic of each record of this user that the page lists, in the order of names."""
    of_user = records_told(page).filter(has=page.get_by_text(f"id {user_id}", exact=True))
    return sorted(topic for topic in of_user.locator("b").all_inner_texts() if topic in TOPICS)


def records_told(page: Page) -> Locator:
    return page.get_by_role("log", name="Records").get_by_role("listitem")


@then(parsers.parse("the map says {word}"))
def the_map_says(page: Page, word: str) -> None:
    expect(page.get_by_role("status").locator("b")).to_have_text(word)

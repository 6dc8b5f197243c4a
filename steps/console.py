"""The console as people use it: in a window, by its words."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_bdd import given, parsers, then, when

from containers.process import PlatformProcess
from containers.registration import NOBODY
from steps.browser import Windows, milliseconds
from steps.pictures import Album
from steps.route import Route
from steps.waiting import eventually
from steps.world import Person, World, payload

PLAY = "Play the story of a demo user"
AS_IT_SHOULD = "every one as it should be"
PICTURE = {"width": 1280, "height": 850}
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


@pytest.fixture
def network() -> Iterator[Route]:
    route = Route()
    yield route
    route.close()


@given("the map is open", target_fixture="page")
def the_map_is_open(windows: Windows, console_url: str) -> Page:
    return open_map(windows, console_url, viewport=PICTURE, color_scheme="light")


@given("the map is open over a network that can fail", target_fixture="page")
def the_map_is_open_over_a_network(windows: Windows, platform: PlatformProcess, network: Route) -> Page:
    network.open("127.0.0.1", int(platform.environ["CONSOLE_PORT"]))
    return open_map(windows, f"http://localhost:{network.port}")


@given("the map is open in another window", target_fixture="other")
def the_map_is_open_twice(windows: Windows, console_url: str) -> Page:
    return open_map(windows, console_url)


@given("the map is open with reduced motion", target_fixture="page")
def the_map_is_open_still(windows: Windows, console_url: str) -> Page:
    return open_map(windows, console_url, reduced_motion="reduce")


@given("the map is open without script", target_fixture="page")
def the_map_is_open_plain(windows: Windows, console_url: str) -> Page:
    page = windows.open(java_script_enabled=False)
    page.goto(f"{console_url}/")
    return page


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
        page.locator("svg#map").evaluate("map => map.scrollIntoView()")
        page.locator("#dots circle").first.wait_for()
        album.take(page, "map")
    eventually(
        lambda: page.evaluate("seen"),
        within=10,
        what="dots that move, and the arrow of signupconnector lit",
        accept=lambda seen: seen["moves"] > seen["dots"] > 0 and "signupconnector" in seen["lit"],
    )


def steps_told(page: Page) -> Locator:
    return page.get_by_role("log", name="The story").get_by_role("listitem")


@then("every step of the story is listed with a tick")
def every_step_is_listed(world: World, page: Page) -> None:
    """The steps are those that `quartet demo` tells."""
    expect(steps_told(page).last).to_contain_text(AS_IT_SHOULD, timeout=milliseconds(STORY_SECONDS))
    told = world.platform.run("demo", "--json")
    assert told.returncode == 0, told.stderr
    titles = [step["title"] for step in json.loads(told.stdout)["steps"]]
    assert steps_told(page).locator("b").all_inner_texts() == [
        *(f"✓ {title}" for title in titles),
        f"{len(titles)} steps, {AS_IT_SHOULD}.",
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


@when("the network fails")
def network_fails(windows: Windows, page: Page, network: Route) -> None:
    """A browser that is set offline makes no new connection, and keeps those that it has: they are cut."""
    windows.tolerated += ["net::ERR_INTERNET_DISCONNECTED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING"]
    page.context.set_offline(True)
    with page.expect_event("requestfailed"):
        network.cut()


@when("the network is there again")
def network_is_there_again(page: Page) -> None:
    page.context.set_offline(False)


@when("the page is paused")
def is_paused(page: Page) -> None:
    pause = page.get_by_role("button", name="Pause the page")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")


@when("the page is resumed")
def is_resumed(page: Page) -> None:
    page.get_by_role("button", name="Pause the page", pressed=True).click()


@when(parsers.parse('{number:d} records that change nothing come into the topic "{topic}"'))
def records_come(world: World, number: int, topic: str) -> None:
    """That a user is gone whom there never was."""
    for _ in range(number):
        world.platform.tier.produce(topic, NOBODY.decode(), None)


@then(parsers.parse("the page tells that at least {number:d} records are not listed"))
def left_out_is_told(page: Page, number: int) -> None:
    """Not all of what it lacks: it catches up in one message, or in two that list a hundred each."""
    told = page.get_by_text(re.compile(r"^\d+ more came too fast to be listed\.$"))
    eventually(
        lambda: int(told.inner_text().split()[0]) if told.count() else 0,
        within=10,
        what="how many records are not listed",
        accept=lambda left_out: left_out >= number,
    )


@when("the demo user is followed")
def demo_user_is_followed(page: Page) -> None:
    page.get_by_role("link", name="Follow").click()


@then(parsers.parse("the journey of the demo user is shown as {word}"))
def journey_is_shown(world: World, page: Page, album: Album, word: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text(world.person("demo").address)
    expect(page.get_by_role("status").locator("b")).to_have_text(word)
    page.emulate_media(color_scheme="dark")
    album.take(page, "journey")


@then(parsers.parse("the records of {name:w} are listed in the other window only"))
def are_listed_in_the_other(world: World, page: Page, other: Page, name: str) -> None:
    assert assert_listed(world, other, world.person(name))
    assert listed(page, str(world.user_id(world.person(name)))) == []


HOSTILE = """<img src=x onerror="hurt=1;alert(1)">"""
ALSO_HOSTILE = """</script><script>hurt=1;alert(2)</script>"""


@when(parsers.parse("{name:w} signs up under a hostile name"))
def signs_up_under_a_hostile_name(world: World, name: str) -> None:
    world.sign_up(world.person(name), fullName=HOSTILE, address=ALSO_HOSTILE)


@when(parsers.parse('hostile text is written into the topic "{topic}"'))
def hostile_text_is_written(world: World, topic: str) -> None:
    """In the key, and in a member of the value that is shown."""
    world.platform.tier.produce(topic, json.dumps({"id": HOSTILE}), json.dumps({"status": ALSO_HOSTILE}))


@then("the hostile text is listed as it is, and nothing of it has run")
def hostile_text_is_text(page: Page) -> None:
    """Twice: in the topic into which it was written, and where it was parked."""
    lines = records_told(page).filter(has_text=f"id {HOSTILE}").filter(has_text=f"status {ALSO_HOSTILE}")
    expect(lines).to_have_count(2)
    nothing_has_run(page)


@then("nothing of the hostile text has run")
def nothing_has_run(page: Page) -> None:
    expect(page.locator("main img, main script")).to_have_count(0)
    assert page.evaluate("typeof hurt") == "undefined"


@when(parsers.parse("the journey of {name:w} is asked for"))
def journey_is_asked_for(world: World, page: Page, name: str) -> None:
    address = world.person(name).address
    navigation(page).get_by_text("Journey").click()
    page.get_by_label("Address").fill(address)
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(address)


@when("the page is opened anew")
def is_opened_anew(page: Page) -> None:
    page.reload()


FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const label = document.getElementById(at.getAttribute("aria-labelledby"));
  const name = at.getAttribute("aria-label") ?? (label ?? at).textContent.trim();
  return [name, at.matches(":focus-visible") && getComputedStyle(at).outlineStyle !== "none"];
}"""
"""The name of what has the focus, and whether that is seen."""


def press_tab(page: Page) -> list[str]:
    """What Tab reaches, in order, until it begins anew; fails where the focus is not seen."""
    names: list[str] = []
    while True:
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None or focused[0] in names[:1]:
            return names
        name, is_seen = focused
        assert is_seen, f"{name} does not look as if it had the focus"
        names.append(name)


@then("Tab reaches these in order, each seen to have the focus")
def tab_reaches(page: Page, datatable: list[list[str]]) -> None:
    wanted: list[str] = []
    for (name,) in datatable:
        if name == "every link of the navigation":
            wanted += navigation(page).all_inner_texts()
        else:
            wanted.append(name)
    assert [name for name in press_tab(page) if name in wanted] == wanted


@when("the play button is reached by Tab, and Enter pressed")
def play_by_keyboard(page: Page) -> None:
    play = page.get_by_role("button", name=PLAY)
    page.get_by_role("link", name="Skip to the content").focus()
    while not play.evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUSED) is not None, "the button has been missed"
    page.keyboard.press("Enter")


@then("the focus stays at the play button")
def focus_stays(page: Page) -> None:
    """Nobody has to begin at the top again."""
    expect(steps_told(page)).not_to_have_count(0)
    expect(page.get_by_role("button", name=PLAY)).to_be_focused()


@then("the table lists everything that carries data as RUNNING")
def table_lists_everything(world: World, page: Page) -> None:
    rows = page.get_by_role("table").locator("tbody").get_by_role("row")
    names = rows.get_by_role("rowheader").all_inner_texts()
    assert set(names) > {view.name for view in world.platform.tier.connectors.overview()}
    assert set(rows.locator("[data-field=state]").all_inner_texts()) == {"RUNNING"}


@when("the other window wants to play one, too")
def other_wants_to_play(windows: Windows, other: Page) -> None:
    windows.tolerated.append("409")
    other.get_by_role("button", name=PLAY).click()


@then("it is told that one is playing already")
def is_told_that_one_is_playing(other: Page) -> None:
    expect(steps_told(other).filter(has_text="One story is playing already")).to_have_count(1)


@then("the story ends as it should in the other window")
def story_ends(other: Page) -> None:
    expect(steps_told(other).last).to_contain_text(AS_IT_SHOULD, timeout=milliseconds(STORY_SECONDS))


@then("an arrow has been lit, and no dot was seen")
def arrows_are_lit(page: Page) -> None:
    seen = eventually(
        lambda: page.evaluate("seen"), within=10, what="arrows", accept=lambda seen: seen["lit"]
    )
    assert seen["dots"] == 0


def navigation(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Console").get_by_role("link")

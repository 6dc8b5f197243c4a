"""The journey of an account and the mails, as people read them on the console."""

import json
import smtplib
from email.message import EmailMessage
from email.policy import SMTP

from playwright.sync_api import Page, expect
from pytest_bdd import given, parsers, then, when

from steps.browser import Windows, milliseconds
from steps.world import World

NOBODY = "nobody.at.all@example.org"
MAIL_SECONDS = 20.0
HURTING = """<h1>Hello</h1><script>parent.hurt = 1</script>
<img src="http://elsewhere.example/x.png" onerror="hurt=1">
<form action="http://elsewhere.example/"><button>Go</button></form><p>Everything is fine.</p>"""
AWAY = "http://elsewhere.example/confirmuserReg?token=x"


@when(parsers.parse("the address of {name:w} is followed"))
def address_is_followed(world: World, page: Page, name: str) -> None:
    world.drained()
    follow(page, world.person(name).address)


@when("an address that nobody has is followed")
def unknown_address_is_followed(windows: Windows, page: Page) -> None:
    windows.tolerated.append("404")
    follow(page, NOBODY)


def follow(page: Page, address: str) -> None:
    page.get_by_label("Address").fill(address)
    page.get_by_role("button", name="Follow").click()


@then(parsers.re("the page says (?P<verdict>CONVERGED|CHANGED NOTHING)"))
def page_says(page: Page, verdict: str) -> None:
    expect(page.get_by_role("status").get_by_text(verdict, exact=True)).to_be_visible(
        timeout=milliseconds(MAIL_SECONDS)
    )


@then("it tells, one after the other")
def it_tells(page: Page, datatable: list[list[str]]) -> None:
    told = page.get_by_role("region", name="What happened").get_by_role("row").all_inner_texts()
    at = -1
    for (what,) in datatable:
        at = next((index for index in range(at + 1, len(told)) if what in told[index]), len(told))
        assert at < len(told), f"{what!r} is not told, or not in this order: {told}"


@then(parsers.parse('the hop from the topic "{source}" to "{target}" has a bar'))
def hop_has_a_bar(page: Page, source: str, target: str) -> None:
    row = page.get_by_role("row").filter(has_text=f"from topic {source}").filter(has_text=target).first
    bar = row.locator("svg rect").last
    assert (bar.bounding_box() or {"width": 0})["width"] > 0


@then('what "quartet journey" tells in JSON is offered as well')
def journey_in_json(world: World, page: Page) -> None:
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download as JSON").click()
    said = world.platform.run("journey", world.person("ada").address, "--json")
    assert said.returncode == 0, said.stderr
    assert json.loads(downloading.value.path().read_text()) == json.loads(said.stdout)


@when(parsers.parse('the first record of the topic "{topic}" is opened'))
def record_is_opened(page: Page, topic: str) -> None:
    row = page.get_by_role("row").filter(has=page.get_by_text(topic, exact=True))
    row.get_by_role("link", name="changed, record").first.click()


@then("its key and value are shown, but no password")
def key_and_value_are_shown(world: World, page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("of users")
    shown = page.locator("main").inner_text()
    assert world.person("ada").address in shown
    assert "argon2" not in shown
    assert '"password"' in shown


@then("the page says that nobody knows it, and what to do")
def page_says_nobody(page: Page) -> None:
    expect(page.locator("main")).to_contain_text("Nobody knows this address")
    expect(page.locator("main")).to_contain_text("sign up")


@then(parsers.parse("a mail to {name:w} is listed without a reload"))
def mail_is_listed(world: World, page: Page, name: str) -> None:
    row = page.get_by_role("row").filter(has_text=world.person(name).address)
    expect(row).to_have_count(1, timeout=milliseconds(MAIL_SECONDS))


@when(parsers.parse("the mail to {name:w} is opened"))
def mail_is_opened(world: World, page: Page, name: str) -> None:
    open_mail(page, world.person(name).address)


def open_mail(page: Page, to: str) -> None:
    row = page.get_by_role("row").filter(has_text=to)
    expect(row).to_have_count(1, timeout=milliseconds(MAIL_SECONDS))
    row.locator("a[href^='/inbox/']").click()


@when(parsers.parse('the scanner\'s button "{visit}" is pressed'))
def scanner_is_pressed(page: Page, visit: str) -> None:
    page.get_by_role("button", name=visit, exact=True).click()


@when("its link is followed, and the button pressed there")
def link_is_followed(page: Page) -> None:
    with page.expect_popup() as opening:
        page.get_by_role("link", name="Follow the link of this mail").click()
    opening.value.get_by_role("button").click()
    expect(opening.value.locator("main")).to_be_visible()


@given("a mail comes that holds scripts, forms and remote pictures")
def hostile_mail_comes(world: World) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "evil@example.org", world.person("victim").address
    mail["Subject"] = "<script>hurt=1</script>"
    mail.set_content(f"Everything is fine.\n\n{AWAY}\n")
    mail.add_alternative(HURTING, subtype="html")
    host, port = world.platform.tier.smtp.rsplit(":", 1)
    with smtplib.SMTP(host, int(port), local_hostname="localhost") as client:
        client.sendmail("evil@example.org", [world.person("victim").address], mail.as_bytes(policy=SMTP))


@when("the hostile mail is opened")
def hostile_mail_is_opened(windows: Windows, world: World, page: Page) -> None:
    """The browser says aloud what the frame's policy and sandbox have kept from running or loading."""
    windows.tolerated += ["Content Security Policy", "sandboxed", "ERR_BLOCKED_BY_CSP"]
    open_mail(page, world.person("victim").address)


@then("its text is shown, and nothing of it has run or been fetched")
def nothing_has_run(page: Page) -> None:
    """What had been asked for elsewhere would end the scenario by itself."""
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Everything is fine.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("<script>hurt=1</script>")
    assert page.evaluate("typeof hurt") == "undefined"


@then("its link is not tried from here")
def link_is_not_tried(page: Page) -> None:
    expect(page.get_by_text("Not from here")).to_be_visible()
    expect(page.get_by_role("button", name="HEAD")).to_have_count(0)

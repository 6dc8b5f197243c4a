"""What arrives in a person's inbox."""

import re

from pytest_bdd import parsers, then

from steps.client import token_in
from steps.waiting import eventually
from steps.world import World


@then(parsers.parse('{name:w} has a mail "{subject}" with one link'))
def has_a_mail_with_one_link(world: World, name: str, subject: str) -> None:
    mail = world.wait_for_mail(world.person(name))
    token = token_in(mail)
    assert mail["Subject"] == subject
    assert token is not None
    assert mail["HTML"].count(token) == 1, "the HTML part holds the link once, as its button"
    assert [to["Address"] for to in mail["To"]] == [world.person(name).address]


@then(parsers.re(r"(?P<name>\w+) has (?P<number>\d+) mails?"))
def has_mails(world: World, name: str, number: str) -> None:
    world.wait_for_mail(world.person(name), int(number))
    assert len(world.mails(world.person(name))) == int(number)


@then(parsers.parse("{name:w} has no mail"))
def has_no_mail(world: World, name: str) -> None:
    assert world.mails(world.person(name)) == []


@then(parsers.parse("{name:w}'s mail waits"))
def mail_waits(world: World, name: str) -> None:
    """Sign-up keeps it in its queue: an inbox that is down cannot tell what it has."""
    mails = world.platform.tier.rows("signup_db", "outbox", recipient=world.person(name).address)
    assert [mail["state"] for mail in mails] == ["queued"]


@then(parsers.parse("{name:w} has no further mail"))
def has_no_further_mail(world: World, name: str) -> None:
    """Somebody else's mail that was asked for afterwards has arrived, and nothing for this person has."""
    person = world.person(name)
    known = len(person.links) + len(person.reset_links)
    world.sign_up(world.person(f"later{len(world.people)}"))
    assert len(world.mails(person)) == known


@then(parsers.parse("the newest mail to {name:w} holds no link"))
def newest_mail_holds_no_link(world: World, name: str) -> None:
    mail = world.wait_for_mail(world.person(name), len(world.person(name).links) + 1)
    assert not re.search(r"token|https?://", mail["Text"] + mail["HTML"].replace("http://www.w3.org", ""))


@then(parsers.re(r"the newest mail to (?P<name>\w+) says that (?P<news>.+)"))
def newest_mail_says(world: World, name: str, news: str) -> None:
    words = {
        "it replaced an earlier sign-up": r"replace",
        "new logins are refused for a while": r"refused|suspend|locked|paused",
        "the password was changed": r"password\W+.*changed|changed.*password",
    }[news]
    eventually(
        lambda: world.mails(world.person(name))[0]["Text"],
        within=5,
        what=f"a mail that says that {news}",
        accept=lambda text: re.search(words, text, re.IGNORECASE | re.DOTALL),
        timeline=world.timeline(world.person(name)),
    )


@then(parsers.parse("{name:w} is mailed within {seconds:d} seconds"))
def is_mailed_within(world: World, name: str, seconds: int) -> None:
    person = world.person(name)
    person.links.append(world.wait_for_link(person, within=seconds))
    assert len(world.mails(person)) == 1

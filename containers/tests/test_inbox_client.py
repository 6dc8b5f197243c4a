"""The inbox client finds the right mail and its link."""

import httpx
import pytest

from containers.inbox_client import InboxClient, MailUnknown
from containers.polling import DeadlinePassed
from containers.tests.fake_platform import FakePlatform


@pytest.fixture
def platform() -> FakePlatform:
    return FakePlatform()


@pytest.fixture
def inbox(platform: FakePlatform) -> InboxClient:
    return InboxClient("http://inbox.test", transport=platform.transport())


def test_mail_to_another_address_is_not_taken(platform: FakePlatform, inbox: InboxClient) -> None:
    """The search also finds addresses that only contain the wanted one."""
    platform.deliver("Mine", None, to="a@x.test")
    platform.deliver("Not mine", None, to="anna-a@x.test")
    assert [mail.subject for mail in inbox.sent_to("A@x.test")] == ["Mine"]


def test_the_link_is_the_line_of_its_own(platform: FakePlatform, inbox: InboxClient) -> None:
    """A notice, which has no link, gives none."""
    platform.deliver("Reset", "http://x.test/confirmPWreset?token=abc.def", to="a@x.test")
    platform.deliver("Your password was changed", None, to="a@x.test")
    assert [inbox.read(mail.id).link for mail in inbox.sent_to("a@x.test")] == [
        None,
        "http://x.test/confirmPWreset?token=abc.def",
    ]


def test_waiting_takes_the_newest_mail_that_is_wanted(platform: FakePlatform, inbox: InboxClient) -> None:
    """A notice that came after the link does not hide it."""
    platform.deliver("Old", "http://x.test/1?token=a", to="a@x.test")
    platform.deliver("New", "http://x.test/2?token=b", to="a@x.test")
    platform.deliver("Notice", None, to="a@x.test")
    mail = inbox.wait_for("a@x.test", within_seconds=1, accept=lambda mail: mail.link is not None)
    assert mail.subject == "New"


def test_waiting_ends_at_the_deadline(inbox: InboxClient) -> None:
    """The message names what was waited for."""
    with pytest.raises(DeadlinePassed, match=r"a mail to a@x\.test did not happen within 0 s"):
        inbox.wait_for("a@x.test", within_seconds=0)


def test_an_unknown_mail_is_said_to_be_unknown(platform: FakePlatform, inbox: InboxClient) -> None:
    """An id is part of the path, whatever signs it holds."""
    platform.broken["/api/v1/message/a/b"] = httpx.Response(404)
    with pytest.raises(MailUnknown, match="a/b"):
        inbox.read("a/b")

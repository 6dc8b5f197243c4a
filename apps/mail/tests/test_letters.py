"""A mail says the same in both parts, its link is whole, and no value can become something else."""

import re
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.policy import SMTP, default
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.mail.letters import Letter, Link, render
from apps.mail.wording import Wording, spoken

TOKEN = "eyJhbGciOiJFUzI1NiJ9." + "a-_Z" * 140
LINK = f"https://accounts.example/api/v1/dev/confirmuserReg?token={TOKEN}"
WIRE = SMTP.clone(max_line_length=998)


def mail(letter: Letter, *, recipient: str = "a@example.org", sender: str = "q@example.com") -> EmailMessage:
    """The mail as it arrives: through bytes, as the server gets it."""
    made = render(
        letter, sender=sender, recipient=recipient, message_id="id1", date=datetime(2026, 11, 24, tzinfo=UTC)
    )
    arrived = message_from_bytes(made.as_bytes(policy=WIRE), policy=default)
    assert isinstance(arrived, EmailMessage)
    return arrived


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


class Seen(HTMLParser):
    """What a reader of the HTML part sees, and its links."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.text = ""
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_link_stands_once_on_a_line_of_its_own():
    """In the text part whole, in the HTML part as the one button."""
    letter = Letter("Activate", ("Hello.", "You signed up."), Link("Activate my account", LINK), ("Bye.",))
    arrived = mail(letter)
    text, markup = part(arrived, "plain"), part(arrived, "html")
    assert text == f"Hello.\n\nYou signed up.\n\nActivate my account:\n\n{LINK}\n\nBye.\n"
    assert (markup.count(LINK), Seen(markup).links) == (1, [LINK])
    assert re.findall(r"https?://", markup) == ["https://"]


def test_a_letter_without_a_button_has_no_link():
    """Notices hold none."""
    arrived = mail(Letter("Password changed", ("Your password was changed.",)))
    assert part(arrived, "plain") == "Your password was changed.\n"
    assert Seen(part(arrived, "html")).links == []


def test_long_paragraphs_are_wrapped_but_no_word_is_broken():
    """As mails are read in a terminal."""
    words = "An-address-or-so@a-very-long-name.example " * 9
    lines = part(mail(Letter("S", (words.strip(),))), "plain").splitlines()
    assert max(map(len, lines)) <= 72
    assert " ".join(lines) == words.strip()


def test_no_line_on_the_wire_is_longer_than_servers_take():
    """RFC 5322: 998 characters; RFC 2045: 76 where quoted-printable is used."""
    letter = Letter("S", ("é" * 2000,), Link("Go", LINK))
    made = render(
        letter, sender="q@example.com", recipient="a@example.org", message_id="i", date=datetime.now(UTC)
    )
    body = made.as_bytes(policy=WIRE).partition(b"\r\n\r\n")[2]
    assert max(map(len, body.splitlines())) <= 76
    body.decode("ascii")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80))
def test_both_parts_hold_what_the_letter_says(words: str):
    """Whatever the letters of it, and however much it looks like markup."""
    arrived = mail(Letter("S", (f"Hello {words}",), Link("Go", LINK), (words,)))
    assert " ".join(part(arrived, "plain").split()).count(" ".join(words.split())) >= 2
    assert " ".join(Seen(part(arrived, "html")).text.split()).count(" ".join(words.split())) >= 2
    assert Seen(part(arrived, "html")).links == [LINK]


def test_an_address_as_long_as_they_get_stays_whole():
    """254 octets do not fit into a folded line, and a folded address is none."""
    recipient = "a" * 64 + "@" + ".".join(["b" * 60, "c" * 60, "d" * 60]) + ".example"
    arrived = mail(Letter("S", ("x",)), recipient=recipient)
    assert [address.addr_spec for address in arrived["To"].addresses] == [recipient]


@pytest.mark.parametrize(
    "recipient",
    ["a@example.org, b@example.org", "a@example.org\r\nBcc: b@example.org", "A <a@example.org>", ""],
)
def test_a_recipient_is_one_address(recipient: str):
    """A second address or a header cannot be smuggled in; Python's versions refuse with different errors."""
    with pytest.raises((ValueError, IndexError, HeaderParseError)):
        mail(Letter("S", ("x",)), recipient=recipient)


def test_a_subject_is_one_line():
    """A line break would start another header."""
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        mail(Letter("S\r\nBcc: b@example.org", ("x",)))


def test_headers_say_who_writes_and_that_nobody_need_answer():
    """The Message-ID is the one of the outbox, within the sender's domain."""
    arrived = mail(Letter("Grüße", ("x",)), sender="Quartet <accounts@quartet.example>")
    assert arrived["From"].addresses[0].addr_spec == "accounts@quartet.example"
    assert (arrived["Subject"], arrived["Message-ID"]) == ("Grüße", "<id1@quartet.example>")
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert arrived["Date"].datetime == datetime(2026, 11, 24, tzinfo=UTC)


def wording(text: str) -> Wording:
    folder = Path(tempfile.mkdtemp())
    (folder / "hello.txt").write_text(text)
    return Wording(folder)


def test_a_letter_is_read_from_its_template():
    """Subject, paragraphs, button, closing; empty blocks are left out."""
    words = wording(
        "Subject: Hello {{ name }}\n\nYou have\n{{ days }} days.\n\n{% if again %}Again.{% endif %}\n\n"
        "[Go on]\n\nBye.\n"
    )
    letter = words.letter("hello", link=LINK, name="Zoë", days=3, again=0)
    assert letter == Letter("Hello Zoë", ("You have 3 days.",), Link("Go on", LINK), ("Bye.",))


def test_a_value_stays_within_its_block():
    """It can neither break the line of the subject nor become a button."""
    letter = wording("Subject: Hello {{ name }}\n\n{{ name }}\n").letter("hello", name="a\r\n\n[b]")
    assert letter == Letter("Hello a [b]", ("a [b]",))


@pytest.mark.parametrize(
    ("text", "link"),
    [("Hello\n", None), ("Subject: S\n\n[Go]\n", None), ("Subject: S\n\nGo\n", LINK)],
    ids=["no subject", "no link", "no button"],
)
def test_a_template_that_does_not_fit_is_refused(text: str, link: str | None):
    """At the first use, not in the reader's eyes."""
    with pytest.raises(ValueError, match=r"hello\.txt"):
        wording(text).letter("hello", link=link)


def test_moments_are_spoken_in_utc():
    """Readers live in any zone: the letter says which one it means."""
    moment = datetime(2031, 6, 3, 11, 5, 59, tzinfo=timezone(timedelta(hours=2)))
    assert spoken(moment) == "3 June 2031, 09:05 UTC"

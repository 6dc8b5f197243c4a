"""A letter as a service words it, and the mail that it becomes: a text part and an HTML part."""

import textwrap
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

_TEXT_WIDTH = 72
# RFC 2045 section 6.7 allows 76 characters in a quoted-printable line; Python's default is 78.
_POLICY = SMTP.clone(max_line_length=76)


@dataclass(frozen=True)
class Link:
    """The one thing to click on."""

    label: str
    url: str


@dataclass(frozen=True)
class Letter:
    """What a mail says: paragraphs of plain text around at most one link."""

    subject: str
    paragraphs: tuple[str, ...]
    button: Link | None = None
    closing: tuple[str, ...] = ()


def render(letter: Letter, *, sender: str, recipient: str, message_id: str, date: datetime) -> EmailMessage:
    """Make the mail: in the text part the link stands once, alone on its line; in HTML as one button.

    sender: an address, with or without a name before it. recipient: one address.
    message_id: the part before the @; what follows is the sender's domain.

    Raises:
        ValueError: an address is malformed, or a header would hold a line break.
    """
    name, address = parseaddr(sender)
    author = Address(name, addr_spec=address)
    message = EmailMessage(policy=_POLICY)
    message["From"] = author
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = letter.subject
    message["Date"] = date
    message["Message-ID"] = f"<{message_id}@{author.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text(letter), cte="quoted-printable")
    message.add_alternative(_layout().render(letter=letter), subtype="html", cte="quoted-printable")
    return message


def _text(letter: Letter) -> str:
    blocks = [_wrapped(paragraph) for paragraph in letter.paragraphs]
    if letter.button is not None:
        blocks.append(f"{letter.button.label}:\n\n{letter.button.url}")
    blocks += [_wrapped(paragraph) for paragraph in letter.closing]
    return "\n\n".join(blocks) + "\n"


def _wrapped(paragraph: str) -> str:
    return textwrap.fill(paragraph, _TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)


@cache
def _layout() -> Template:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("letter.html")

"""The words of letters, kept in a service's `templates/` as plain text.

    Subject: Activate your account

    Somebody, most likely you, signed up with this address.

    [Activate my account]

    If that was not you, {{ advice }}

Blocks are parted by empty lines. The block in brackets is the label of the button; what follows it
is the closing. Jinja's words may stand within a block; a block that comes out empty is left out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from apps.mail.letters import Letter, Link

_SUBJECT = "Subject: "
# Letters are plain text here; the layout of the HTML part escapes them.
_environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - no HTML


class Wording:
    """The letters in one folder, each in a file `<name>.txt`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def letter(self, name: str, /, *, link: str | None = None, **values: str | int) -> Letter:
        """Fill in one letter; a value can add neither a block nor a line, and cannot be the button.

        Raises:
            ValueError: the file has no subject, a button without a link to it, or no place for `link`.
        """
        words = _read(self._folder / f"{name}.txt")
        if (words.button is None) != (link is None):
            raise ValueError(f"{name}.txt: a button needs a link, and a link a button")
        return Letter(
            subject=_filled(words.subject, values),
            paragraphs=_all_filled(words.paragraphs, values),
            button=None
            if words.button is None or link is None
            else Link(_filled(words.button, values), link),
            closing=_all_filled(words.closing, values),
        )


def spoken(moment: datetime) -> str:
    """A moment as a letter names it: "3 June 2031, 09:05 UTC"; seconds are cut off."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


@dataclass(frozen=True)
class _Words:
    subject: Template
    paragraphs: tuple[Template, ...]
    button: Template | None
    closing: tuple[Template, ...]


@cache
def _read(path: Path) -> _Words:
    subject, *blocks = [block.strip() for block in path.read_text("utf-8").split("\n\n") if block.strip()]
    if not subject.startswith(_SUBJECT):
        raise ValueError(f"{path.name}: the first line is 'Subject: ...'")
    at = next((i for i, block in enumerate(blocks) if block[0] == "[" and block[-1] == "]"), None)
    return _Words(
        subject=_environment.from_string(subject.removeprefix(_SUBJECT)),
        paragraphs=_templates(blocks[:at]),
        button=None if at is None else _environment.from_string(blocks[at][1:-1]),
        closing=() if at is None else _templates(blocks[at + 1 :]),
    )


def _templates(blocks: list[str]) -> tuple[Template, ...]:
    return tuple(_environment.from_string(block) for block in blocks)


def _filled(template: Template, values: dict[str, str | int]) -> str:
    return " ".join(template.render(values).split())


def _all_filled(templates: tuple[Template, ...], values: dict[str, str | int]) -> tuple[str, ...]:
    texts = (_filled(template, values) for template in templates)
    return tuple(text for text in texts if text)

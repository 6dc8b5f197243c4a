import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from apps.auth import tokens
from apps.mail.courier import Courier
from apps.mail.letters import Letter, render
from apps.mail.outbox import OutboxMail
from apps.mail.wording import Wording
from apps.signup.app import TEMPLATES
from apps.signup.handlers import compose
from apps.signup.settings import load
from apps.signup.tables import outbox
from apps.signup.tests.desk import ADA, ENVIRON, Desk, with_desk

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SETTINGS = load({**ENVIRON, "PUBLIC_ACTIVATION_URL": "https://accounts.example.org/activation/"})
CLAIMS = {
    "user_id": 7,
    "pw_version": 3,
    "token_id": "a-token-id",
    "issued_at": int(NOW.timestamp()),
    "expires_at": int((NOW + timedelta(days=1)).timestamp()),
}


def letter(template: str) -> Letter:
    mail = OutboxMail(
        id=1,
        kind="taken_notice" if template == "taken" else "activation",
        recipient=ADA,
        params={"template": template, **({} if template == "taken" else CLAIMS)},
        attempts=1,
        created_at=NOW,
        next_attempt_at=NOW,
        expires_at=None,
        message_id="m1",
    )
    return compose(mail, wording=Wording(TEMPLATES), settings=SETTINGS)


def parts(composed: Letter) -> tuple[str, str]:
    mail = render(composed, sender=SETTINGS.mail_from, recipient=ADA, message_id="m1", date=NOW)
    text, html = (part.get_content() for part in mail.iter_parts())
    return text, html


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("activation", "Activate your account"),
        ("activation_again", "Activate your account (newer sign-up)"),
    ],
)
def test_a_link_stands_once_in_each_part(template: str, subject: str) -> None:
    """Alone on a line of the text, as the one button of the HTML; configuration alone says where it leads."""
    composed = letter(template)
    text, html = parts(composed)
    assert composed.subject == subject
    assert composed.button is not None
    link = composed.button.url
    assert text.splitlines().count(link) == 1
    assert text.count("http") == html.count("http") == 1
    assert re.findall(r'<a [^>]*href="([^"]+)"', html) == [link]
    assert "25 November 2026, 12:00 UTC" in text
    assert "not you?" in text


def test_the_link_carries_the_queued_claims() -> None:
    """It leads to activation with a token that activation accepts, and no other service does."""
    composed = letter("activation")
    assert composed.button is not None
    parsed = urlsplit(composed.button.url)
    assert f"{parsed.scheme}://{parsed.netloc}{parsed.path}" == (
        "https://accounts.example.org/activation/api/v1/dev/confirmuserReg"
    )
    (token,) = parse_qs(parsed.query)["token"]
    claims = tokens.read(tokens.ACTIVATION, SETTINGS.signing_key.public_keys(), token, now=NOW)
    assert (claims.user_id, claims.pw_version, claims.token_id, claims.email) == (7, 3, "a-token-id", ADA)
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + timedelta(days=1))
    with pytest.raises(tokens.TokenInvalid):
        tokens.read(tokens.SESSION, SETTINGS.signing_key.public_keys(), token, now=NOW)


def test_a_notice_holds_no_link() -> None:
    """Whoever reads it can do nothing by it."""
    text, html = parts(letter("taken"))
    assert not re.search(r"https?:|token|href", text + html)
    assert "nothing has changed" in " ".join(text.split())
    assert "not you?" in text


class Postbox:
    """Stands in for the mail server: keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.deadline_seconds = 1.0
        self.is_open = True
        self.is_full = asyncio.Event()

    async def open(self) -> "Postbox":
        return self

    async def send(self, message: object, *, sender: str, recipient: str) -> None:
        self.mails.append(f"{recipient}: {message['Subject']}")  # type: ignore[index]
        if len(self.mails) == 3:
            self.is_full.set()

    async def close(self) -> None:
        pass


def test_queued_mails_can_be_composed(tmp_path: Path) -> None:
    """What the handlers queue is what the letters need: all three go out, and their claims are forgotten."""
    postbox = Postbox()

    async def story(desk: Desk) -> None:
        await desk.sign_up()
        await desk.sign_up()
        await desk.activate()
        await desk.sign_up()
        wording = Wording(TEMPLATES)
        courier = Courier(
            database=desk.database,
            outbox=outbox,
            compose=lambda mail: compose(mail, wording=wording, settings=SETTINGS),
            smtp=postbox,  # type: ignore[arg-type]
            sender=SETTINGS.mail_from,
            clock=desk.clock,
        )
        running = asyncio.create_task(courier.run())
        async with asyncio.timeout(5):
            await postbox.is_full.wait()
        running.cancel()  # it ends what it is at: the mark of the last mail
        await asyncio.gather(running, return_exceptions=True)
        assert [mail.params for mail in await desk.rows(outbox)] == [None] * 3

    with_desk(tmp_path, story)
    assert postbox.mails == [
        f"{ADA}: Activate your account",
        f"{ADA}: Activate your account (newer sign-up)",
        f"{ADA}: You already have an account",
    ]

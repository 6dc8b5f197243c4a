"""Mails as `quartet inbox` prints them."""

from dataclasses import asdict
from typing import Any

from apps.auth.addresses import AddressInvalid, canonical_address
from containers.engines import PlatformRefused, Tier
from containers.inbox_client import InboxClient, Mail, MailSummary, MailUnknown
from containers.output import show, show_json, show_table
from containers.polling import DeadlinePassed

NO_SUCH_MAIL = "The inbox has no such mail: --wait --to ADDRESS waits for one."


def reading(tier: Tier) -> InboxClient:
    """A client of the platform's inbox."""
    return InboxClient(tier.urls["inbox"])


def address_of(text: str) -> str:
    """The address as the platform writes to it.

    Raises:
        PlatformRefused: it is none; exit code 2.
    """
    try:
        return canonical_address(text, allow_test_domains=True)
    except AddressInvalid as invalid:
        raise PlatformRefused("That is not an e-mail address.", exit_code=2) from invalid


def read(client: InboxClient, mail_id: str) -> Mail:
    """The mail with this id.

    Raises:
        PlatformRefused: there is none; exit code 1.
    """
    try:
        return client.read(mail_id)
    except MailUnknown as unknown:
        raise PlatformRefused(str(unknown), exit_code=1) from unknown


def newest(client: InboxClient, address: str | None, *, has_link: bool, within_seconds: float | None) -> Mail:
    """The newest mail (to this address, with a link); of an address waited for if it is not there.

    within_seconds: None: it has to be there.

    Raises:
        PlatformRefused: none came in time; exit code 1.
    """

    def accept(mail: Mail) -> bool:
        return mail.link is not None or not has_link

    if address is None:
        found = (client.read(summary.id) for summary in client.newest())
        mail = next((mail for mail in found if accept(mail)), None)
        if mail is None:
            raise PlatformRefused(NO_SUCH_MAIL, exit_code=1)
        return mail
    try:
        return client.wait_for(address, within_seconds=within_seconds or 0.0, accept=accept)
    except DeadlinePassed as passed:
        if within_seconds is None:
            raise PlatformRefused(NO_SUCH_MAIL, exit_code=1) from passed
        raise PlatformRefused(f"{passed}.".capitalize(), exit_code=1) from passed


def show_list(mails: list[MailSummary], *, as_json: bool) -> None:
    """Prints one line for each mail, newest first."""
    if as_json:
        show_json([asdict(mail) for mail in mails])
    else:
        rows = [(mail.id, mail.created, ", ".join(mail.recipients), mail.subject) for mail in mails]
        show_table(("id", "created", "to", "subject"), rows)


def show_mail(mail: Mail, *, as_json: bool, link_only: bool) -> None:
    """Prints a whole mail, or its link and nothing else."""
    if link_only and mail.link is None:
        raise PlatformRefused(f"The mail {mail.id} holds no link.", exit_code=1)
    if as_json:
        whole: dict[str, Any] = asdict(mail) | {"link": mail.link}
        show_json({"link": mail.link} if link_only else whole)
    elif link_only:
        show(mail.link or "")
    else:
        show(f"From: {mail.sender}\nTo: {', '.join(mail.recipients)}\nDate: {mail.created}")
        show(f"Subject: {mail.subject}\n\n{mail.text}")

"""Reads a development inbox through the part of Mailpit's REST API that Mailpit and ours share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from containers.polling import poll

_LINK_LINE = re.compile(r"^(https?://\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class MailSummary:
    """One line of the inbox; `created` is RFC 3339."""

    id: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    created: str


@dataclass(frozen=True)
class Mail(MailSummary):
    """A whole mail."""

    text: str
    html: str

    @property
    def link(self) -> str | None:
        """The link that stands on a line of its own in the text part; notices have none."""
        found = _LINK_LINE.search(self.text)
        return found[1] if found else None


class MailUnknown(Exception):
    """The inbox has no mail with this id."""


class InboxClient:
    """The inbox at one base URL."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=url, timeout=5.0, trust_env=False, transport=transport)

    def __enter__(self) -> "InboxClient":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def newest(self, *, limit: int = 50) -> list[MailSummary]:
        """The mails of everybody, newest first."""
        return self._list("/api/v1/messages", {"start": 0, "limit": limit})

    def sent_to(self, address: str) -> list[MailSummary]:
        """The mails to exactly this address, newest first; Mailpit's search also finds parts of addresses."""
        found = self._list("/api/v1/search", {"query": f"to:{address}"})
        wanted = address.lower()
        return [mail for mail in found if wanted in (recipient.lower() for recipient in mail.recipients)]

    def read(self, mail_id: str) -> Mail:
        """The whole mail.

        Raises:
            MailUnknown: there is no such mail.
        """
        answer = self._http.get(f"/api/v1/message/{quote(mail_id, safe='')}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise MailUnknown(f"The inbox has no mail {mail_id}.")
        answer.raise_for_status()
        found = answer.json()
        return Mail(**vars(_summary(found)), text=found["Text"], html=found["HTML"])

    def wait_for(
        self, address: str, *, within_seconds: float, accept: Callable[[Mail], bool] = lambda mail: True
    ) -> Mail:
        """The newest mail to this address that `accept` takes: at once if it is there, else when it comes.

        Raises:
            DeadlinePassed: none came in time.
        """
        refused: set[str] = set()

        def look() -> Mail | None:
            for summary in self.sent_to(address):
                if summary.id not in refused:
                    mail = self.read(summary.id)
                    if accept(mail):
                        return mail
                    refused.add(summary.id)
            return None

        return poll(look, within_seconds=within_seconds, what=f"a mail to {address}")

    def refuse_mail(self, *, percent: int = 100) -> None:
        """Has the SMTP side refuse so many of a hundred senders for a while (451); 0: none any more."""
        trigger = {"ErrorCode": 451, "Probability": percent}
        self._http.put("/api/v1/chaos", json={"Sender": trigger}).raise_for_status()

    def _list(self, path: str, query: dict[str, Any]) -> list[MailSummary]:
        answer = self._http.get(path, params=query)
        answer.raise_for_status()
        return [_summary(message) for message in answer.json()["messages"]]


def _summary(message: dict[str, Any]) -> MailSummary:
    return MailSummary(
        id=message["ID"],
        sender=message["From"]["Address"],
        recipients=tuple(recipient["Address"] for recipient in message["To"]),
        subject=message["Subject"],
        created=message.get("Created") or message["Date"],
    )

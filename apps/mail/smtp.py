"""The door to the mail server; the only import of aiosmtplib."""

import asyncio
import re
import socket
from email.message import EmailMessage
from email.policy import SMTP

import aiosmtplib
from aiosmtplib import (
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

DEADLINE_SECONDS = 10.0
# What happened to the connection and says nothing about a mail; replies start with their number.
CONNECTION_ERROR_PREFIX = "SMTP_"

# Long addresses must not be folded: what is split by a fold is not an address any more.
_WIRE = SMTP.clone(max_line_length=998)
_ENHANCED_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_CLOSING = 421


class MailRefused(Exception):
    """The server will never take this mail.

    reason: its reply code, without its text, which may hold the address.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class MailDelayed(Exception):
    """The server does not take this mail now. reason: its reply code, or a word starting with SMTP_."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConnectionLost(MailDelayed):
    """There is no connection to the server, or none any more; this says nothing about the mail."""


class SMTPSession:
    """One connection to the server: mails one after the other, until one of them loses it."""

    def __init__(self, client: aiosmtplib.SMTP, deadline_seconds: float) -> None:
        self._client = client
        self._deadline_seconds = deadline_seconds

    @property
    def is_open(self) -> bool:
        """Whether another mail may be sent."""
        return self._client.is_connected

    async def send(self, message: EmailMessage, *, sender: str, recipient: str) -> None:
        """Hand over one mail; returns once the server has answered 250 to all of it.

        sender, recipient: the addresses of the envelope.

        Raises:
            MailRefused: 5xx to the recipient or the content.
            MailDelayed: 4xx; also 5xx to the sender, which is ours and the same for every mail.
            ConnectionLost: deadline, 421, or the connection broke; the session is of no more use.
        """
        content = message.as_bytes(policy=_WIRE)
        try:
            async with asyncio.timeout(self._deadline_seconds):
                await self._client.sendmail(sender, [recipient], content)
        except SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0]) from error
        except SMTPResponseException as error:
            raise _judged(error) from error
        except TimeoutError as error:
            self._client.close()
            raise ConnectionLost("SMTP_TIMEOUT") from error
        except (SMTPException, OSError) as error:
            self._client.close()
            raise ConnectionLost("SMTP_CONNECTION_LOST") from error
        except ValueError as error:
            raise MailRefused("ADDRESS_MALFORMED") from error
        except asyncio.CancelledError:
            # In the middle of a mail there is no goodbye that the server would understand.
            self._client.close()
            raise

    async def close(self) -> None:
        """Say goodbye if the connection still stands, and close it. Raises nothing."""
        try:
            if self._client.is_connected:
                async with asyncio.timeout(1):
                    await self._client.quit()
        except (SMTPException, OSError):
            pass  # The server has what it answered 250 to; a goodbye adds nothing.
        finally:
            self._client.close()


class SMTPSender:
    """Opens sessions with one mail server.

    Args:
        host, port: where it listens.
        username, password: for AUTH; None where it asks for none.
        starttls: True demands an encrypted connection with a valid certificate, False uses none.
        deadline_seconds: for connecting (with TLS and AUTH), and for each mail from MAIL to 250.
    """

    def __init__(
        self,
        host: str,
        port: int,
        username: str | None = None,
        password: str | None = None,
        starttls: bool = False,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._starttls = starttls
        self.deadline_seconds = deadline_seconds

    async def open(self) -> SMTPSession:
        """Connect, encrypt and log in.

        Raises:
            ConnectionLost: any of it failed; its reason says which.
        """
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            start_tls=self._starttls,
            # Asking the resolver for our own name can take seconds.
            local_hostname=socket.gethostname(),
            timeout=self.deadline_seconds,
        )
        try:
            async with asyncio.timeout(self.deadline_seconds):
                await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise ConnectionLost("SMTP_LOGIN_REFUSED") from error
        except SMTPResponseException as error:
            raise ConnectionLost("SMTP_NOT_AVAILABLE") from error
        except TimeoutError as error:
            raise ConnectionLost("SMTP_TIMEOUT") from error
        except (SMTPException, OSError) as error:
            raise ConnectionLost("SMTP_UNREACHABLE") from error
        return SMTPSession(client, self.deadline_seconds)


def _judged(error: SMTPResponseException) -> MailRefused | MailDelayed:
    if error.code == _CLOSING:
        return ConnectionLost("SMTP_NOT_AVAILABLE")
    if not 400 <= error.code <= 599:
        return ConnectionLost("SMTP_REPLY_MALFORMED")
    enhanced = _ENHANCED_STATUS.match(error.message)
    reason = f"{error.code} {enhanced[0]}" if enhanced else str(error.code)
    if error.code >= 500 and not isinstance(error, SMTPSenderRefused):
        return MailRefused(reason)
    return MailDelayed(reason)

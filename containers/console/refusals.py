"""What the pages of the console refuse, each with what to do about it.

    404  AddressUnknown, RecordUnknown, TopicUnknown, MailGone
    422  NoAddress, LinkRefused
    503  EngineGone, InboxGone

The exception that caused a 503 says which engine it is.
"""

from apps.auth.errors import Refusal


class NoAddress(Refusal):
    """What was asked for is no e-mail address."""

    status = 422
    code = "ADDRESS_INVALID"
    title = "That is not an e-mail address"
    detail = "Give one address, such as ada@example.org."


class AddressUnknown(Refusal):
    """No database, topic or mail knows the address."""

    status = 404
    code = "ADDRESS_UNKNOWN"
    title = "Nobody knows this address"
    detail = "No database, topic or mail knows it. Look for a typing error, or sign up with it first."


class RecordUnknown(Refusal):
    """The topic holds no record at that offset."""

    status = 404
    code = "RECORD_UNKNOWN"
    title = "There is no such record"
    detail = (
        "It was never written, or the topic has let go of it: of several records with one key "
        "a topic keeps the newest."
    )


class TopicUnknown(Refusal):
    """None of the platform's topics has that name."""

    status = 404
    code = "TOPIC_UNKNOWN"
    title = "There is no such topic"
    detail = "These topics hold records that can be shown:"


class EngineGone(Refusal):
    """An engine of the platform does not answer."""

    status = 503
    code = "ENGINE_AWAY"
    title = "An engine does not answer"
    detail = (
        "This page is read from the engines of the platform. Reload it when the one that is away is back."
    )


class MailGone(Refusal):
    """The inbox has no mail with that id."""

    status = 404
    code = "MAIL_UNKNOWN"
    title = "There is no such mail"
    detail = "The inbox does not have it, or no longer. The list shows what it has."


class InboxGone(Refusal):
    """No inbox answers."""

    status = 503
    code = "INBOX_AWAY"
    title = "No inbox answers"
    detail = (
        "Mails are read from a development inbox. If this platform has one, reload when it is back; if not, "
        "start Mailpit, and name it with INBOX_URL, SMTP_HOST and SMTP_PORT before `quartet up`."
    )


class LinkRefused(Refusal):
    """The link does not lead to a service of this platform."""

    status = 422
    code = "LINK_REFUSED"
    title = "This link is not followed"
    detail = "A mail may hold any link. Only links to the services of this platform are asked for from here."

"""The settings that several services declare alike: profile, mail, pepper, keys and database."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Any, TypeVar

from apps.auth.addresses import AddressInvalid, canonical_address
from apps.auth.hosts import is_host, is_host_and_port
from apps.auth.passwords import DEVELOPMENT, PRODUCTION, PasswordRules, pepper_problem
from apps.auth.tokens import KeyInvalid, PublicKeys, SigningKey
from apps.web.settings import Secret, Setting, SettingsInvalid, load, origin


def _pepper_complaint(text: str) -> str | None:
    problem = pepper_problem(text)
    return problem and f"is too weak: {problem}"


def _sender_complaint(text: str) -> str | None:
    try:
        ((_, address),) = getaddresses([text])
        canonical_address(address, allow_test_domains=True)
    except (AddressInvalid, ValueError):  # ValueError: not exactly one
        return "must be one address, with or without a name before it"
    return None


def _host_complaint(text: str) -> str | None:
    return None if is_host(text) else "must be the name or the address of a host; no scheme, no port"


def _brokers_complaint(text: str) -> str | None:
    if all(is_host_and_port(broker.strip()) for broker in text.split(",")):
        return None
    return "must be host:port of each broker, with commas between them"


def _database_complaint(text: str) -> str | None:
    from apps.storage.urls import DatabaseURLInvalid, read_database_url  # SQLAlchemy, only for a given value

    try:
        read_database_url(text)
    except DatabaseURLInvalid as invalid:
        return str(invalid)
    return None


def _key_complaint(read: Callable[[str], object]) -> Callable[[str], str | None]:
    def complaint(text: str) -> str | None:
        try:
            read(text.replace("\\n", "\n"))
        except KeyInvalid as error:
            return f"is not usable: {error}"
        return None

    return complaint


def database_url(name: str, help: str) -> Setting:
    """Declares a database address; a secret, because it holds a password."""
    return Setting(name, "secret", required_in_production=True, check=_database_complaint, help=help)


def private_key(name: str, help: str) -> Setting:
    """Declares a key to sign tokens with."""
    complaint = _key_complaint(SigningKey.from_pem)
    return Setting(name, "pem", required_in_production=True, check=complaint, help=help)


def public_keys(name: str, help: str, *, required_in_production: bool = True) -> Setting:
    """Declares the public keys of whose tokens are accepted, one PEM block after another."""
    complaint = _key_complaint(PublicKeys.from_pem)
    return Setting(name, "pem", required_in_production=required_in_production, check=complaint, help=help)


def public_url(name: str, help: str, *, default: str | None = None) -> Setting:
    """Declares where the public reaches a service."""
    return Setting(name, "url", default, choices=("http", "https"), help=help)


KAFKA_BOOTSTRAP_SERVERS = Setting(
    "KAFKA_BOOTSTRAP_SERVERS",
    "text",
    required_in_production=True,
    check=_brokers_complaint,
    help="host:port of the brokers",
)

LISTEN_HOST = Setting(
    "LISTEN_HOST",
    "text",
    check=_host_complaint,
    help="address to listen on; if not set, every one in production, 127.0.0.1 in development",
)


def listening_on(listen_host: str | None, *, is_development: bool) -> str:
    """Where a service listens unless told: in development nobody outside of this machine can reach it."""
    return listen_host or ("127.0.0.1" if is_development else "0.0.0.0")  # noqa: S104 - in its container


COMMON_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "QUARTET_PROFILE",
        "choice",
        "production",
        choices=("development", "production"),
        help="which rules hold: development or production",
    ),
    LISTEN_HOST,
    Setting(
        "MAIL_PER_ADDRESS", "count", "5", help="mails of one kind that one address gets within the window"
    ),
    Setting("MAIL_WINDOW_SECONDS", "seconds", "900", minimum=1, help="the window of the mail limit"),
    Setting(
        "SMTP_HOST",
        "text",
        "localhost",
        required_in_production=True,
        check=_host_complaint,
        help="the mail server; no scheme, no port",
    ),
    Setting("SMTP_PORT", "port", "1025", help="port of the mail server"),
    Setting("SMTP_USERNAME", "text", help="name for the mail server, if it asks for one"),
    Setting("SMTP_PASSWORD", "secret", help="password for the mail server"),
    Setting("SMTP_STARTTLS", "flag", "false", help="send mail only over an encrypted connection"),
    Setting(
        "MAIL_FROM",
        "text",
        "Quartet <no-reply@quartet.test>",
        required_in_production=True,
        check=_sender_complaint,
        help="whom mail is from",
    ),
    Setting(
        "PASSWORD_PEPPER",
        "secret",
        required_in_production=True,
        check=_pepper_complaint,
        help="secret of every password hash, the same in each service",
    ),
)
"""What a service declares that handles passwords and sends mail."""


@dataclass(frozen=True, kw_only=True)
class CommonSettings:
    """The values of COMMON_SETTINGS, under their names in lower case."""

    quartet_profile: str
    listen_host: str | None
    mail_per_address: int
    mail_window_seconds: int
    smtp_host: str
    smtp_port: int
    smtp_username: str | None
    smtp_password: Secret | None
    smtp_starttls: bool
    mail_from: str
    password_pepper: Secret

    @property
    def is_development(self) -> bool:
        """Whether the rules of the development profile hold."""
        return self.quartet_profile == "development"

    @property
    def password_rules(self) -> PasswordRules:
        """What a new password must fulfil."""
        return DEVELOPMENT if self.is_development else PRODUCTION

    @property
    def pepper(self) -> bytes:
        """The pepper as it goes into every hash."""
        return self.password_pepper.reveal().encode()

    @property
    def host(self) -> str:
        """Where the service listens."""
        return listening_on(self.listen_host, is_development=self.is_development)


T = TypeVar("T", bound=CommonSettings)


def load_into(
    shape: type[T], settings: Sequence[Setting], environ: Mapping[str, str], *, needed: Sequence[str]
) -> T:
    """Reads the declared settings into the dataclass that has a field for each.

    needed: names without which the service cannot run in either profile.

    Raises:
        SettingsInvalid: with everything that is missing or malformed.
    """
    profile = "development" if environ.get("QUARTET_PROFILE") == "development" else "production"
    values, problems = dict[str, Any](), list[str]()
    try:
        values = load(settings, environ, profile=profile)
    except SettingsInvalid as invalid:
        problems = invalid.problems
    named = {problem.split()[0] for problem in problems}
    missing = [each.name for each in settings if each.name in needed and origin(each, environ) == "missing"]
    problems += [f"{name} is not set" for name in missing if name not in named]
    if problems:
        raise SettingsInvalid(problems)
    return shape(**values)

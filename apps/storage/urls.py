"""The address of a SQL database, read and judged by its form alone."""

import re

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from apps.auth.hosts import is_host, is_port

MYSQL, SQLITE = "mysql+aiomysql://", "sqlite+aiosqlite:///"

# What aiomysql takes as text. Time limits and the session are decided in database.py, and TLS needs an
# SSLContext, which no URL can hold.
_MYSQL_OPTIONS = frozenset({"charset", "program_name", "unix_socket"})
_SCHEMA = re.compile(r"[\w$-]+")


class DatabaseURLInvalid(ValueError):
    """What is wrong, to be read after a name; without the address, which holds a password."""


def read_database_url(text: str) -> URL:
    """The parts of `mysql+aiomysql://user:password@host:port/name` or `sqlite+aiosqlite:///path`.

    Raises:
        DatabaseURLInvalid: no engine could be made of it.
    """
    if not text.startswith((MYSQL, SQLITE)):
        raise DatabaseURLInvalid(f"must begin with {MYSQL} or {SQLITE}")
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise DatabaseURLInvalid(f"must be of the form {MYSQL}user:password@host:port/name") from None
    problem = _mysql_problem(url) if text.startswith(MYSQL) else _sqlite_problem(url)
    if problem:
        raise DatabaseURLInvalid(problem)
    return url


def _mysql_problem(url: URL) -> str | None:
    if not is_host(url.host or ""):
        return "must name a host; a special character of the password is percent-encoded"
    if url.port is not None and not is_port(url.port):
        return "must name a port from 1 to 65535"
    if not _SCHEMA.fullmatch(url.database or ""):
        return "must end with the name of a database"
    if not all(name in _MYSQL_OPTIONS and isinstance(value, str) for name, value in url.query.items()):
        return f"must have no options but {', '.join(sorted(_MYSQL_OPTIONS))}, each once"
    return None


def _sqlite_problem(url: URL) -> str | None:
    if not url.database:
        return f"must name a file after {SQLITE}"
    return "must have no options; a question mark of the path is percent-encoded" if url.query else None

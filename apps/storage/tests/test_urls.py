"""Which addresses of a SQL database are read, and which are refused before an engine is made."""

import pytest

from apps.storage.database import Database
from apps.storage.urls import DatabaseURLInvalid, read_database_url


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mysql+aiomysql://u:p@h/db", ("h", None, "db")),
        ("mysql+aiomysql://u:p@[::1]:3306/db", ("::1", 3306, "db")),
        ("mysql+aiomysql://u:p%40%2F@signup_mysql:3306/db?charset=utf8mb4", ("signup_mysql", 3306, "db")),
        ("sqlite+aiosqlite:///x", (None, None, "x")),
        ("sqlite+aiosqlite:////tmp/a%3Fb", (None, None, "/tmp/a?b")),
    ],
)
def test_a_good_address_is_read(text: str, parts: tuple[str | None, int | None, str]) -> None:
    """With or without a port, with options that the driver takes as they are."""
    url = read_database_url(text)
    assert (url.host, url.port, url.database) == parts


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "mysql://u:s3cret@h/d",
        "mysql+pymysql://u:s3cret@h/d",
        "postgresql://u:s3cret@h/d",
        "mysql+aiomysql://",
        "mysql+aiomysql:///db",
        "mysql+aiomysql://u:s3cret@h",
        "mysql+aiomysql://u:s3cret@h/",
        "mysql+aiomysql://u:s3cret@h/d/x",
        "mysql+aiomysql://u:s3cret@h:/db",
        "mysql+aiomysql://u:s3cret@h:0/db",
        "mysql+aiomysql://u:s3cret@h:abc/db",
        "mysql+aiomysql://u:s3cret@h:99999/db",
        "mysql+aiomysql://u:s3cret@[::1/db",
        "mysql+aiomysql://u:s3cret@x@h/db",
        "mysql+aiomysql://u:s3cret@a b/db",
        "mysql+aiomysql://u:s3cret@h/db?connect_timeout=abc",
        "mysql+aiomysql://u:s3cret@h/db?charset=a&charset=b",
        "sqlite:///x",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite://h/x",
        "sqlite+aiosqlite:///",
        "sqlite+aiosqlite:///x?mode=ro",
    ],
)
def test_any_other_address_is_refused(text: str) -> None:
    """By the engine as by the setting's check; the complaint repeats nothing of it."""
    with pytest.raises(DatabaseURLInvalid, match=r"^must ") as caught:
        Database(text)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None

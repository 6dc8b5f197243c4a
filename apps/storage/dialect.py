"""The few words in which MySQL and SQLite differ: column types and the two kinds of upsert."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


class UTCDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC with microseconds.

    MySQL: DATETIME(6). SQLite: text, 'YYYY-MM-DD HH:MM:SS.ffffff', which sorts as the times do.
    Raises ValueError for a naive datetime: its zone would be a guess.
    """

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "mysql":
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def big_id() -> TypeEngine[int]:
    """A 64-bit primary key: BIGINT; on SQLite INTEGER, the only type that AUTOINCREMENT takes there."""
    return sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def address_type() -> TypeEngine[str]:
    """A canonical e-mail address (RFC 5321 allows 254 octets), compared byte for byte."""
    return code_type(254)


def code_type(length: int) -> TypeEngine[str]:
    """A machine-made ASCII word (token id, digest, client address), compared byte for byte.

    MySQL's own default collation takes "a" and "A" for one: two token ids could be confused.
    """
    return sa.String(length).with_variant(
        mysql.VARCHAR(length, charset="ascii", collation="ascii_bin"), "mysql"
    )


def digest_type() -> TypeEngine[str]:
    """A SHA-256 digest as 64 lower-case hexadecimal digits."""
    return sa.CHAR(64).with_variant(mysql.CHAR(64, charset="ascii", collation="ascii_bin"), "mysql")


def enum_type(*values: str, name: str) -> sa.Enum:
    """One of a few words: ENUM on MySQL; on SQLite VARCHAR with a CHECK named `name`."""
    return sa.Enum(*values, name=name, native_enum=True, create_constraint=True)


def insert_or_update(
    table: sa.Table, values: Mapping[str, Any], *, update: Mapping[str, Any], dialect: str
) -> sa.Insert:
    """An INSERT of `values` that becomes an UPDATE with `update` where a unique key exists already.

    Values of `update` may be expressions over the row that stands there (`table.c.failures + 1`).
    dialect: "mysql" or "sqlite", as `connection.dialect.name` gives it.
    """
    if dialect == "mysql":
        return mysql.insert(table).values(**values).on_duplicate_key_update(**update)
    return sqlite.insert(table).values(**values).on_conflict_do_update(set_=dict(update))

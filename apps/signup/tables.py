"""The tables of signup_db; apps/storage/migrations/signup makes them, and a test holds the two equal."""

import sqlalchemy as sa

from apps.mail.outbox import outbox_table
from apps.storage.audit import audit_table
from apps.storage.dialect import UTCDateTime, address_type, big_id, enum_type

metadata = sa.MetaData()

# The order of the columns is the order of the fields in the topic `users`.
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", big_id(), primary_key=True, autoincrement=True),
    sa.Column("email", address_type(), nullable=False, server_default=sa.text("''"), unique=True),
    sa.Column("password", sa.String(255), nullable=False, server_default=sa.text("''")),
    sa.Column("fullName", sa.String(200)),
    sa.Column("address", sa.String(500)),
    sa.Column("phoneNo", sa.String(32)),
    sa.Column("gender", sa.String(16)),
    sa.Column(
        "userRole",
        enum_type("visitor", "student", "Admin", name="userRole"),
        nullable=False,
        server_default="visitor",
    ),
    sa.Column(
        "User_status",
        enum_type("ACTIVE", "INACTIVE", name="User_status"),
        nullable=False,
        server_default="INACTIVE",
    ),
    sa.Column("reason_for_inactive", sa.String(64)),
    sa.Column("firstvisit", UTCDateTime()),
    sa.Column("last_changed_PW", UTCDateTime()),
    sa.Column("regDate", UTCDateTime()),
    sa.Column("auth_token", sa.String(2048)),
    sa.Column("pw_version", sa.BigInteger(), nullable=False, server_default=sa.text("1")),
    sqlite_autoincrement=True,
)

# Filled by signup-sink-connector, so its one unique key is the primary key.
suspended_users = sa.Table(
    "suspended_users",
    metadata,
    sa.Column("id", big_id(), primary_key=True, autoincrement=False),
    sa.Column("email", address_type(), nullable=False, server_default=sa.text("''")),
    sa.Column("user_id", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    sa.Column("reason", sa.String(64)),
    sa.Column("suspended_at", UTCDateTime()),
    sa.Column("suspended_until", UTCDateTime()),
    sa.Column("lifted_at", UTCDateTime()),
    sa.Index("ix_suspended_users_user_id", "user_id"),
)

outbox = outbox_table(metadata)
audit = audit_table(metadata)

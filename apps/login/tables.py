"""The tables of login_db.

    users             filled by login-sink-connector from topic `users`; login itself writes auth_token only
    suspended_users   who is kept out, until when, and when that ended; captured by loginconnector
    sessions          one row for each login that lasts
    login_failures    wrong passwords in a row, by account
    login_attempts    the last failure, by address (known or not) and client
    outbox, audit     see apps/mail and apps/storage/audit.py

The order of columns in `users` and `suspended_users` is the order of fields in their change events.
"""

import sqlalchemy as sa

from apps.mail.outbox import outbox_table
from apps.storage.audit import audit_table
from apps.storage.dialect import UTCDateTime, address_type, big_id, code_type, digest_type, enum_type

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", big_id(), primary_key=True, autoincrement=False),
    sa.Column("email", address_type(), nullable=False, server_default=sa.text("''")),
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
    sa.Index("ix_users_email", "email"),  # not unique: an upsert would match it and overwrite another user
)

suspended_users = sa.Table(
    "suspended_users",
    metadata,
    sa.Column("id", big_id(), primary_key=True, autoincrement=True),
    sa.Column("email", address_type(), nullable=False, server_default=sa.text("''")),
    sa.Column("user_id", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    sa.Column("reason", sa.String(64)),
    sa.Column("suspended_at", UTCDateTime()),
    sa.Column("suspended_until", UTCDateTime()),
    sa.Column("lifted_at", UTCDateTime()),
    sa.Column("pw_version", sa.BigInteger(), nullable=False, server_default=sa.text("1")),
    sa.Index("ix_suspended_users_user_id", "user_id"),
    sa.Index("ix_suspended_users_lifted_at", "lifted_at"),
    sqlite_autoincrement=True,
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", code_type(64), primary_key=True),
    sa.Column("user_id", sa.BigInteger(), nullable=False),
    sa.Column("pw_version", sa.BigInteger(), nullable=False),
    sa.Column("issued_at", UTCDateTime(), nullable=False),
    sa.Column("expires_at", UTCDateTime(), nullable=False),
    sa.Index("ix_sessions_user_id", "user_id"),
    sa.Index("ix_sessions_expires_at", "expires_at"),
)

login_failures = sa.Table(
    "login_failures",
    metadata,
    sa.Column("user_id", big_id(), primary_key=True, autoincrement=False),
    sa.Column("failures", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
    sa.Column("updated_at", UTCDateTime(), nullable=False),
)

login_attempts = sa.Table(
    "login_attempts",
    metadata,
    sa.Column("id", big_id(), primary_key=True, autoincrement=True),
    sa.Column("address_key", digest_type(), nullable=False),
    sa.Column("client", code_type(64), nullable=False),
    sa.Column("failed_at", UTCDateTime(), nullable=False),
    sa.UniqueConstraint("address_key", "client"),
    sa.Index("ix_login_attempts_failed_at", "failed_at"),
    sqlite_autoincrement=True,
)

outbox = outbox_table(metadata)
audit = audit_table(metadata)

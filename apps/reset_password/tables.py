"""The tables of rpwd_db.

users          filled by resetpassword-sink-connector from topic `login_db.users`; reset-password itself
               writes password, chosen_version and last_changed_PW, and resetpasswordconnector captures them
reset_links    one row for each link that was mailed: its single use is decided here
outbox, audit  see apps/mail and apps/storage/audit.py
"""

import sqlalchemy as sa

from apps.mail.outbox import outbox_table
from apps.storage.audit import audit_table
from apps.storage.dialect import UTCDateTime, address_type, big_id, code_type, enum_type

metadata = sa.MetaData()

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", big_id(), primary_key=True, autoincrement=False),
    sa.Column("email", address_type(), nullable=False, server_default=sa.text("''")),
    sa.Column("password", sa.String(255)),
    sa.Column("chosen_version", sa.BigInteger()),
    sa.Column("last_changed_PW", UTCDateTime()),
    sa.Column(
        "User_status",
        enum_type("ACTIVE", "INACTIVE", name="User_status"),
        nullable=False,
        server_default="INACTIVE",
    ),
    sa.Column("auth_token", sa.String(2048)),
    sa.Column("pw_version", sa.BigInteger(), nullable=False, server_default=sa.text("1")),
    sa.Index("ix_users_email", "email"),  # not unique: an upsert would match it and overwrite another user
)

reset_links = sa.Table(
    "reset_links",
    metadata,
    sa.Column("id", code_type(64), primary_key=True),
    sa.Column("user_id", sa.BigInteger(), nullable=False),
    sa.Column("pw_version", sa.BigInteger(), nullable=False),
    sa.Column("created_at", UTCDateTime(), nullable=False),
    sa.Column("expires_at", UTCDateTime(), nullable=False),
    sa.Column("used_at", UTCDateTime()),
    sa.Column("killed_at", UTCDateTime()),
    sa.Index("ix_reset_links_user_id", "user_id"),
    sa.Index("ix_reset_links_expires_at", "expires_at"),
)

outbox = outbox_table(metadata)
audit = audit_table(metadata)

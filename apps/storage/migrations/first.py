"""What the first scripts of the three databases share. Part of revision 0001: never edit it afterwards."""

import sqlalchemy as sa

from apps.storage.dialect import UTCDateTime, address_type, big_id, code_type, digest_type, enum_type


def create_missing(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create each table and index that is not there yet.

    MySQL commits every DDL statement by itself: a start that was killed half-way goes on from here.
    """
    for table in metadata.sorted_tables:
        # Whatever the server's defaults are: names need four-byte characters, transactions need InnoDB.
        table.dialect_kwargs.update(mysql_engine="InnoDB", mysql_charset="utf8mb4")
        table.create(connection, checkfirst=True)
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            index.create(connection, checkfirst=True)


def id_column(*, auto: bool) -> sa.Column[int]:
    """The primary key; not `auto` where a sink brings the id along."""
    return sa.Column("id", big_id(), primary_key=True, autoincrement=auto)


def email_column(*, unique: bool = False) -> sa.Column[str]:
    """The canonical address. Never unique in a table that a sink fills."""
    return sa.Column("email", address_type(), nullable=False, server_default="", unique=unique)


def role_column() -> sa.Column[str]:
    """`userRole`, with a default that a sink need not bring."""
    roles = enum_type("visitor", "student", "Admin", name="userRole")
    return sa.Column("userRole", roles, nullable=False, server_default="visitor")


def status_column() -> sa.Column[str]:
    """`User_status`, with a default that a sink need not bring."""
    states = enum_type("ACTIVE", "INACTIVE", name="User_status")
    return sa.Column("User_status", states, nullable=False, server_default="INACTIVE")


def version_column() -> sa.Column[int]:
    """`pw_version`: which of the user's passwords this is about, counted from 1."""
    return sa.Column("pw_version", sa.BigInteger(), nullable=False, server_default=sa.text("1"))


def time_column(name: str, *, nullable: bool = True) -> sa.Column[object]:
    """A moment in UTC with microseconds."""
    return sa.Column(name, UTCDateTime(), nullable=nullable)


def users_columns(*, auto: bool) -> list[sa.Column[object]]:
    """The columns of `users` in signup_db and login_db; their order is that of the fields in events."""
    return [
        id_column(auto=auto),
        email_column(unique=auto),
        sa.Column("password", sa.String(255), nullable=False, server_default=""),
        sa.Column("fullName", sa.String(200)),
        sa.Column("address", sa.String(500)),
        sa.Column("phoneNo", sa.String(32)),
        sa.Column("gender", sa.String(16)),
        role_column(),
        status_column(),
        sa.Column("reason_for_inactive", sa.String(64)),
        time_column("firstvisit"),
        time_column("last_changed_PW"),
        time_column("regDate"),
        sa.Column("auth_token", sa.String(2048)),
        version_column(),
    ]


def suspension_columns(*, auto: bool) -> list[sa.Column[object]]:
    """The seven columns of `suspended_users` that flow from login_db to signup_db."""
    return [
        id_column(auto=auto),
        email_column(),
        sa.Column("user_id", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.Column("reason", sa.String(64)),
        time_column("suspended_at"),
        time_column("suspended_until"),
        time_column("lifted_at"),
    ]


def add_outbox(metadata: sa.MetaData) -> None:
    """Declare `outbox`: mails that wait for the courier."""
    sa.Table(
        "outbox",
        metadata,
        id_column(auto=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recipient", address_type(), nullable=False),
        sa.Column("params", sa.Text()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        time_column("created_at", nullable=False),
        time_column("next_attempt_at", nullable=False),
        time_column("leased_until"),
        time_column("sent_at"),
        time_column("expires_at"),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("last_error", sa.String(200)),
        sa.Index("ix_outbox_state_next_attempt_at", "state", "next_attempt_at"),
        sa.Index("ix_outbox_recipient_kind_created_at", "recipient", "kind", "created_at"),
        sqlite_autoincrement=True,
    )


def add_audit(metadata: sa.MetaData) -> None:
    """Declare `audit`: what happened to the accounts."""
    sa.Table(
        "audit",
        metadata,
        id_column(auto=True),
        time_column("happened_at", nullable=False),
        sa.Column("event", code_type(64), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("address_key", digest_type()),
        sa.Column("client", code_type(64)),
        sa.Column("request_id", code_type(64)),
        sa.Index("ix_audit_user_id", "user_id"),
        sa.Index("ix_audit_happened_at", "happened_at"),
        sqlite_autoincrement=True,
    )

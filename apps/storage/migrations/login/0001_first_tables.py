"""Users as login knows them, suspensions, sessions, failures, outbox and audit."""

import sqlalchemy as sa
from alembic import op

from apps.storage.dialect import big_id, code_type, digest_type
from apps.storage.migrations import first

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata = sa.MetaData()
    sa.Table("users", metadata, *first.users_columns(auto=False), sa.Index("ix_users_email", "email"))
    sa.Table(
        "suspended_users",
        metadata,
        *first.suspension_columns(auto=True),
        first.version_column(),
        sa.Index("ix_suspended_users_user_id", "user_id"),
        sqlite_autoincrement=True,
    )
    sa.Table(
        "sessions",
        metadata,
        sa.Column("id", code_type(64), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("pw_version", sa.BigInteger(), nullable=False),
        first.time_column("issued_at", nullable=False),
        first.time_column("expires_at", nullable=False),
        sa.Index("ix_sessions_user_id", "user_id"),
        sa.Index("ix_sessions_expires_at", "expires_at"),
    )
    sa.Table(
        "login_failures",
        metadata,
        sa.Column("user_id", big_id(), primary_key=True, autoincrement=False),
        sa.Column("failures", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        first.time_column("updated_at", nullable=False),
    )
    sa.Table(
        "login_attempts",
        metadata,
        first.id_column(auto=True),
        sa.Column("address_key", digest_type(), nullable=False),
        sa.Column("client", code_type(64), nullable=False),
        first.time_column("failed_at", nullable=False),
        sa.UniqueConstraint("address_key", "client"),
        sqlite_autoincrement=True,
    )
    first.add_outbox(metadata)
    first.add_audit(metadata)
    first.create_missing(op.get_bind(), metadata)

"""Users as reset-password knows them, reset links, outbox and audit."""

import sqlalchemy as sa
from alembic import op

from apps.storage.dialect import code_type
from apps.storage.migrations import first

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata = sa.MetaData()
    sa.Table(
        "users",
        metadata,
        first.id_column(auto=False),
        first.email_column(),
        sa.Column("password", sa.String(255)),
        sa.Column("chosen_version", sa.BigInteger()),
        first.time_column("last_changed_PW"),
        first.status_column(),
        sa.Column("auth_token", sa.String(2048)),
        first.version_column(),
        sa.Index("ix_users_email", "email"),
    )
    sa.Table(
        "reset_links",
        metadata,
        sa.Column("id", code_type(64), primary_key=True),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("pw_version", sa.BigInteger(), nullable=False),
        first.time_column("created_at", nullable=False),
        first.time_column("expires_at", nullable=False),
        first.time_column("used_at"),
        first.time_column("killed_at"),
        sa.Index("ix_reset_links_user_id", "user_id"),
        sa.Index("ix_reset_links_expires_at", "expires_at"),
    )
    first.add_outbox(metadata)
    first.add_audit(metadata)
    first.create_missing(op.get_bind(), metadata)

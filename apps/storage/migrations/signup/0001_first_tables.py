"""Users as they sign up, the suspensions that login reports, outbox and audit."""

import sqlalchemy as sa
from alembic import op

from apps.storage.migrations import first

revision = "0001"
down_revision = None


def upgrade() -> None:
    metadata = sa.MetaData()
    sa.Table("users", metadata, *first.users_columns(auto=True), sqlite_autoincrement=True)
    sa.Table(
        "suspended_users",
        metadata,
        *first.suspension_columns(auto=False),
        sa.Index("ix_suspended_users_user_id", "user_id"),
    )
    first.add_outbox(metadata)
    first.add_audit(metadata)
    first.create_missing(op.get_bind(), metadata)

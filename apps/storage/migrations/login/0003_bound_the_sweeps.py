"""Indexes for the sweeper, whose rounds must not grow with the tables."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_INDEXES = {
    "suspended_users": ("ix_suspended_users_lifted_at", "lifted_at"),
    "login_attempts": ("ix_login_attempts_failed_at", "failed_at"),
}


def upgrade() -> None:
    connection = op.get_bind()
    for table, (name, column) in _INDEXES.items():
        # MySQL commits every DDL statement by itself: a start that was killed half-way goes on from here.
        present = {index["name"] for index in sa.inspect(connection).get_indexes(table)}
        if name not in present:
            op.create_index(name, table, [column])

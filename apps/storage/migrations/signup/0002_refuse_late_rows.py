"""A suspension that comes late would look as if it had never been lifted."""

from apps.storage.migrations.late_rows import refuse_late_rows

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    is_late = "OLD.lifted_at IS NOT NULL AND NEW.lifted_at IS NULL"
    refuse_late_rows("suspended_users", is_late=is_late, kept=("lifted_at",))

"""A row that comes late would show an older password version, and with it a receipt that is dead."""

from apps.storage.migrations.late_rows import LATE_USER, refuse_late_rows

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    kept = ("email", "User_status", "auth_token", "pw_version")
    refuse_late_rows("users", is_late=LATE_USER, kept=kept)

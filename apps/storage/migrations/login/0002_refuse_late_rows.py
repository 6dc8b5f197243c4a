"""A row that comes late would bring an old password back."""

from apps.storage.migrations.late_rows import LATE_USER, refuse_late_rows

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    kept = ("email", "password", "userRole", "User_status", "pw_version")
    refuse_late_rows("users", is_late=LATE_USER, kept=kept)

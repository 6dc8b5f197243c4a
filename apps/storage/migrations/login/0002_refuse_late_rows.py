"""A row that comes late leaves a newer one as it is.

The sink writes whatever record comes, and a record can come after a newer one: put there again by hand,
or by a connector that lost its place. A password version only grows, and within one version an account
only becomes ACTIVE; what goes the other way is late, and would bring an old password back.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_IS_LATE = (
    "NEW.pw_version < OLD.pw_version OR (NEW.pw_version = OLD.pw_version"
    " AND OLD.User_status = 'ACTIVE' AND NEW.User_status = 'INACTIVE')"
)

_SQLITE = f"""
CREATE TRIGGER users_refuse_late BEFORE UPDATE ON users WHEN {_IS_LATE}
BEGIN SELECT RAISE(IGNORE); END
"""

# MySQL cannot leave an UPDATE out; one that changes nothing writes no row event (measured on 9.7.4).
# Needs log_bin_trust_function_creators=ON where the account that migrates has no SUPER.
_KEPT = ("email", "password", "userRole", "User_status", "pw_version")
_MYSQL = (
    f"CREATE TRIGGER users_refuse_late BEFORE UPDATE ON users FOR EACH ROW IF {_IS_LATE} THEN SET "  # noqa: S608 - names only
    + ", ".join(f"NEW.{column} = OLD.{column}" for column in _KEPT)
    + "; END IF"
)


def upgrade() -> None:
    op.execute(sa.text("DROP TRIGGER IF EXISTS users_refuse_late"))
    op.execute(sa.text(_MYSQL if op.get_bind().dialect.name == "mysql" else _SQLITE))

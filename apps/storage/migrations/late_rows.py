"""A trigger that lets a row which comes late leave a newer one as it is.

A sink writes whatever record comes, and a record can come after a newer one: put there again by hand, or by
a connector that lost its place.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

LATE_USER = (
    "NEW.pw_version < OLD.pw_version OR (NEW.pw_version = OLD.pw_version"
    " AND OLD.User_status = 'ACTIVE' AND NEW.User_status = 'INACTIVE')"
)
"""A password version only grows, and within one version an account only becomes ACTIVE."""


def refuse_late_rows(table: str, *, is_late: str, kept: Sequence[str]) -> None:
    """Makes the trigger `<table>_refuse_late`, in place of one that is there.

    is_late: of OLD and NEW, in SQL. kept: the columns that a late row must not change.
    """
    name = f"{table}_refuse_late"
    op.execute(sa.text(f"DROP TRIGGER IF EXISTS {name}"))
    head = f"CREATE TRIGGER {name} BEFORE UPDATE ON {table}"
    if op.get_bind().dialect.name == "mysql":
        # MySQL cannot leave an UPDATE out; one that changes nothing writes no row event (measured on 9.7.4).
        # Needs log_bin_trust_function_creators=ON where the account that migrates has no SUPER.
        old = ", ".join(f"NEW.{column} = OLD.{column}" for column in kept)
        op.execute(sa.text(f"{head} FOR EACH ROW IF {is_late} THEN SET {old}; END IF"))
    else:
        op.execute(sa.text(f"{head} WHEN {is_late} BEGIN SELECT RAISE(IGNORE); END"))

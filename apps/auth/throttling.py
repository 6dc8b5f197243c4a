"""When the next attempt, the next mail or a suspension is due."""

import math
from datetime import datetime, timedelta


def seconds_left(last_failure_at: datetime | None, now: datetime, retry_seconds: int) -> int:
    """Return the whole seconds, rounded up, until another attempt may be made; 0 is "go on".

    A failure that lies in the future (clocks were set back) counts as one of this moment.
    """
    if last_failure_at is None:
        return 0
    passed = max(now - last_failure_at, timedelta(0))
    return max(0, math.ceil(retry_seconds - passed.total_seconds()))


def is_suspending(failures: int, max_failures: int) -> bool:
    """Say whether `failures` in a row, the present one included, suspend the account."""
    return failures >= max_failures


def may_mail(sent_in_window: int, limit: int) -> bool:
    """Say whether one more mail of a kind may go to an address that got `sent_in_window` of them."""
    return sent_in_window < limit

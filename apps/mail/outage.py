"""What a courier knows about its mail server: whether to try it now, or how long to wait."""

import time

FIRST_DELAY_SECONDS = 1.0
# After an outage mail goes on within 30 s: this, and one deadline of a server that stalls (see note_loss).
LONGEST_DELAY_SECONDS = 15.0


def backoff_seconds(failures: int) -> float:
    """The delay after so many failures in a row: 1, 2, 4, 8, then 15 seconds."""
    exponent = min(max(failures, 1) - 1, 10)
    return min(FIRST_DELAY_SECONDS * 2.0**exponent, LONGEST_DELAY_SECONDS)


class Outage:
    """Counts lost connections; any answer of the server to a mail ends the count.

    One connection that is lost over a mail may be the mail's fault: the next mail is tried at once.
    """

    def __init__(self) -> None:
        self._losses = 0
        self._paused_until = 0.0
        self.has_left_delays = False

    @property
    def seconds_left(self) -> float:
        """How long the server should be left alone."""
        return max(self._paused_until - time.monotonic(), 0.0)

    def note_loss(self, *, began_at: float, while_connecting: bool) -> None:
        """Count a lost connection; the pause is measured from `began_at` (monotonic seconds).

        So a server that stalls is tried again 1 s after its deadline, not 15 s later still.
        """
        self._losses += 1
        turn = self._losses if while_connecting else self._losses - 1
        if turn:
            self.has_left_delays = True
            earliest = time.monotonic() + FIRST_DELAY_SECONDS
            self._paused_until = max(began_at + backoff_seconds(turn), earliest)

    def note_answer(self) -> None:
        """The server is there."""
        self._losses = 0
        self._paused_until = 0.0

"""The base of every error that a client may see.

    Refusal                   status, code, title, detail: all safe to show
    └── ValidationFailed      400, with one FieldError for each invalid field

Every room hangs its own refusals under Refusal; `apps/web/errors.py` alone turns them into answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of a request, without the value that was sent.

    pointer: JSON pointer of the field ("/email"); empty for a field whose name must not be echoed.
    code: stable UPPER_SNAKE word. detail: a sentence that is safe to show.
    """

    pointer: str
    code: str
    detail: str


class Refusal(Exception):
    """A request that is answered with a problem; the class says which, the instance how long to wait."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "REQUEST_REFUSED"
    title: ClassVar[str] = "Request refused"
    detail: ClassVar[str] = "The request cannot be carried out."

    def __init__(self, *, retry_after_seconds: int | None = None, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(self.code)
        self.retry_after_seconds = retry_after_seconds
        self.errors = tuple(errors)


class ValidationFailed(Refusal):
    """Some fields of the request are invalid; `errors` names each of them."""

    status = 400
    code = "VALIDATION_FAILED"
    title = "Some fields are invalid"
    detail = "See errors for the fields and the reasons."

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors=errors)

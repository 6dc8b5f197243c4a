"""Refusals carry what an answer needs."""

from apps.auth.errors import FieldError, Refusal, ValidationFailed


def test_a_refusal_is_named_by_its_code() -> None:
    """The text of the exception is the code: nothing that was submitted gets into a log with it."""

    class TooFast(Refusal):
        status, code = 429, "TOO_FAST"

    refusal = TooFast(retry_after_seconds=3)
    assert (str(refusal), refusal.status, refusal.retry_after_seconds, refusal.errors) == (
        "TOO_FAST",
        429,
        3,
        (),
    )


def test_validation_names_each_field() -> None:
    """The errors are kept in their order."""
    errors = [
        FieldError("/email", "EMAIL_INVALID", "Not an address."),
        FieldError("", "FIELD_UNKNOWN", "Unknown."),
    ]
    refusal = ValidationFailed(errors)
    assert refusal.errors == tuple(errors)
    assert (refusal.status, refusal.code) == (400, "VALIDATION_FAILED")

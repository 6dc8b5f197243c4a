"""What gets into the log, and what never does."""

import json
import logging

import pytest

from apps.web.logs import bind, configure_logging, described, get_logger

ADDRESS = "alice.smith@example.org"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    out, err = capfd.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_a_line_is_json_on_stderr_with_time_level_and_fields(capfd: pytest.CaptureFixture[str]) -> None:
    """Configured twice, written once."""
    configure_logging()
    configure_logging()
    get_logger("mail").info("mail_sent", attempts=2)
    (line,) = lines(capfd)
    assert line.items() >= {"event": "mail_sent", "level": "info", "room": "mail", "attempts": 2}.items()
    assert str(line["timestamp"]).endswith("Z")


def test_bound_values_are_on_every_line_of_libraries_too(capfd: pytest.CaptureFixture[str]) -> None:
    """A request's id reaches what a driver logs."""
    configure_logging()
    bind(request_id="r-1")
    logging.getLogger("driver").warning("slow %s", "query")
    (line,) = lines(capfd)
    assert (line["request_id"], line["event"], line["logger"]) == ("r-1", "slow query", "driver")


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"mail to {ADDRESS} failed", ADDRESS),
        (f"mail to <{ADDRESS}> failed", "alice"),
        (f"header {TOKEN} refused", "c2lnbmF0dXJl"),
        (f"GET /link?token={TOKEN}&x=1", "eyJ"),
        ("GET /link?token=abc.def HTTP/1.1", "abc.def"),
        ("mysql+aiomysql://root:hunter2@db/x is away", "hunter2"),
        ("password=hunter2 given", "hunter2"),
    ],
)
def test_texts_of_libraries_are_masked(text: str, hidden: str, capfd: pytest.CaptureFixture[str]) -> None:
    """In the message and in nested fields alike."""
    configure_logging()
    logging.getLogger("driver").warning(text)
    get_logger("web").warning("seen", nested=[{"text": text}])
    for line in lines(capfd):
        assert hidden not in json.dumps(line)
        assert "***" in json.dumps(line)


def test_exceptions_are_logged_without_their_text(capfd: pytest.CaptureFixture[str]) -> None:
    """By us, and by libraries with exc_info: class, frames, cause."""
    configure_logging()
    try:
        try:
            raise KeyError(ADDRESS)
        except KeyError as inner:
            raise RuntimeError(TOKEN) from inner
    except RuntimeError as error:
        get_logger("web").error("failed", error=error)
        logging.getLogger("driver").exception("failed")
    for line in lines(capfd):
        assert [link["class"] for link in line["error"]] == ["builtins.RuntimeError", "builtins.KeyError"]  # type: ignore[attr-defined]
        assert "test_logs.py" in json.dumps(line)
        assert ADDRESS not in json.dumps(line)
        assert TOKEN not in json.dumps(line)


def test_a_suppressed_context_is_not_described() -> None:
    """`raise … from None` means it."""
    try:
        try:
            raise KeyError
        except KeyError:
            raise OSError(28, "disk") from None
    except OSError as error:
        (link,) = described(error)
    assert (link["class"], link["errno"]) == ("builtins.OSError", 28)

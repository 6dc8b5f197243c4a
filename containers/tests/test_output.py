"""What is printed cannot steer a terminal, and is plain wherever no person looks."""

import io
import sys

import pytest

from containers.output import open_streams, printable, say, show, show_table


class Terminal(io.StringIO):
    """A stdout that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def table_on(stdout: io.StringIO, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", stdout)
    show_table(("name", "state"), [("a" * 300, "FAILED"), ("b", None)])
    return stdout.getvalue()


def test_off_a_terminal_a_row_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long; and no escape sequence, no trailing blank."""
    lines = table_on(io.StringIO(), monkeypatch).splitlines()
    assert [line.split() for line in lines] == [["NAME", "STATE"], ["a" * 300, "FAILED"], ["b", "-"]]
    assert lines[2].endswith("-")


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which repeats the word."""
    assert "\x1b[1;31mFAILED" in table_on(Terminal(), monkeypatch)


def test_no_color_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal too, and bold goes with it."""
    assert "\x1b" not in table_on(Terminal(), monkeypatch, NO_COLOR="1")


def test_signs_of_others_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A mail's subject may hold anything."""
    show("\x1b]0;owned\x07 héllo ✓\n")
    assert capsys.readouterr().out == "\ufffd]0;owned\ufffd héllo ✓\n\n"
    assert printable("a\r\u202eb") == "a\ufffd\ufffdb"


def test_a_sign_that_the_terminal_lacks_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoding is no reason to fail."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    open_streams()
    show("said “aye” …")
    assert shown.getvalue() == b"said ?aye? ?\n"


def test_a_closed_stream_takes_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what was meant for one does not come out of the other."""
    monkeypatch.setattr(sys, "stderr", None)
    open_streams()
    say("talk")
    show("result")
    assert capsys.readouterr().out == "result\n"
    monkeypatch.setattr(sys, "stdout", None)
    open_streams()
    show_table(("name",), [("a",)])
    sys.stdout.close()
    sys.stderr.close()

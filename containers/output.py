"""What a command prints: results on stdout, talk on stderr, and tables that stay plain off a terminal."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import TextIOWrapper
from typing import Any, TextIO

from containers.settings import environment

STYLES: Mapping[str, str] = {
    "ready": "green",
    "ok": "green",
    "RUNNING": "green",
    "ACTIVE": "green",
    "warning": "yellow",
    "PAUSED": "yellow",
    "STOPPED": "yellow",
    "missing": "bold red",
    "not ready": "bold red",
    "FAILED": "bold red",
}
"""Colour repeats what the word says; without colour nothing is lost."""

WIDE = 4096
"""Columns of a pipe or file: a line is never wrapped there, so that it can be cut, sorted and searched."""


def open_streams() -> None:
    """Sees to it that nothing is lost for want of a stream: what a closed one gets is shown to nobody, and
    what the encoding of a terminal lacks is shown as a question mark.
    """
    sys.stdout, sys.stderr = (_able_to_take_all(stream) for stream in (sys.stdout, sys.stderr))


def show(text: str = "") -> None:
    """Prints one line of the result."""
    print(printable(text), flush=True)


def say(text: str) -> None:
    """Prints one line of talk."""
    print(printable(text), file=sys.stderr, flush=True)


def show_json(value: Any) -> None:
    """Prints the result for programs: the whole stdout is this one document."""
    print(json.dumps(value, indent=2), flush=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints rows under their column names; None is shown as a dash."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name.upper())
    for row in rows:
        cells = ["-" if cell is None else printable(str(cell)) for cell in row]
        table.add_row(*(Text(cell, style=STYLES.get(cell, ""), overflow="fold") for cell in cells))
    terminal = sys.stdout.isatty()
    console = Console(
        highlight=False,
        width=None if terminal else WIDE,
        force_terminal=terminal,
        color_system=None if environment().get("NO_COLOR") else "auto",  # rich would keep bold
    )
    if terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())
    sys.stdout.flush()


def printable(text: str) -> str:
    """The text with every control character but the line feed replaced: what others wrote (a mail's subject,
    a name) must not steer the terminal.
    """
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)


def _able_to_take_all(stream: TextIO | None) -> TextIO:
    """Opened at once, nothing takes the place of a closed one: no file of ours gets what is printed."""
    if stream is None:
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream

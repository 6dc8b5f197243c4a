"""The command where its streams or its imports fail it: a sentence or silence, never a traceback."""

import subprocess
from pathlib import Path
from unittest.mock import Mock

import pytest

from containers import cli
from containers.__main__ import main as entry_point
from containers.process import COMMAND


def run_in_shell(line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with its streams as a shell hands them on: `"$@"` in the line."""
    command = ["sh", "-c", line, "sh", *COMMAND, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_closed_stdout_is_quiet(tmp_path: Path) -> None:
    """The exit code still tells."""
    for arguments, code in ((["config"], 0), (["config", "--json"], 0), (["status"], 3)):
        said = run_in_shell('"$@" >&-', *arguments, "--data", str(tmp_path))
        assert (said.returncode, "Traceback" in said.stderr) == (code, False), said.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_result_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """In one sentence."""
    for verb in (["config"], ["config", "--json"], ["--help"]):
        said = run_in_shell('"$@" >/dev/full', *verb)
        assert (said.returncode, "Traceback" in said.stderr) == (1, False)
        assert "the disk is full" in said.stderr


def test_ctrl_c_while_the_command_is_still_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback, and the exit code that shells know."""
    monkeypatch.setattr(cli, "main", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(SystemExit) as end:
        entry_point()
    assert end.value.code == 130

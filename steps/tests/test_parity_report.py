"""The parity report: what it says of a run, and how the columns of two tiers come together in one file."""

from pathlib import Path

import pytest

from steps.parity_report import merged, read, written
from steps.tests import test_guards

pytest_plugins = ["pytester"]

FEATURE = """
@login
Feature: Small
  Scenario: One passes
    Given a thing

  Scenario: One needs
    Given a thing that this tier lacks

  Scenario: One | fails
    Given a broken thing

  Scenario Outline: Some
    Given a <kind>
    Examples:
      | kind         |
      | thing        |
      | broken thing |
"""
STEPS = """
import pytest
from pytest_bdd import given

@given("a thing")
def a_thing():
    pass

@given("a broken thing")
def a_broken_thing():
    assert 1 == 2

@given("a thing that this tier lacks")
def a_thing_that_is_not_there():
    pytest.skip("the tier lacks @needs_moon")
"""

suite = test_guards.suite


@pytest.fixture
def reported(suite: pytest.Pytester) -> pytest.Pytester:
    """The real conftest and the report over one feature."""
    conftest = suite.path / "conftest.py"
    conftest.write_text(
        conftest.read_text().replace('"small_steps"]', '"small_steps", "steps.parity_report"]')
    )
    suite.makepyfile(small_steps=STEPS)
    test_guards.write(suite, FEATURE)
    return suite


def run(suite: pytest.Pytester, *arguments: str) -> str:
    _, said = test_guards.output(suite, *arguments)
    return said


def rows(path: Path) -> list[list[str]]:
    lines = [line for line in path.read_text().splitlines() if line.startswith("|")]
    return [line.strip("| ").split(" | ") for line in lines]


def test_it_tells_what_became_of_each_scenario(reported: pytest.Pytester) -> None:
    """Every scenario and every example by its title, with the reason of a skip, and their sum."""
    said = run(reported, "--tier", "containers")
    told = said.split("= parity report =")[1].splitlines()
    folder = reported.path.name
    assert [line for line in told if line.startswith(f"{folder}/small: ")] == [
        f"{folder}/small: One needs: skipped: the tier lacks @needs_moon",
        f"{folder}/small: One passes: passed",
        f"{folder}/small: One | fails: failed",
        f"{folder}/small: Some [broken thing]: failed",
        f"{folder}/small: Some [thing]: passed",
    ]
    assert "tier containers: 5 scenarios: 2 passed, 2 failed, 1 skipped" in told


def test_it_is_silent_on_the_doorstep(reported: pytest.Pytester) -> None:
    """On the embedded tier nothing is printed unless it is asked for."""
    assert "parity report" not in run(reported)


def test_two_runs_fill_one_file(reported: pytest.Pytester, tmp_path: Path) -> None:
    """Each tier has its column; a scenario that did not run again keeps what it had."""
    path = tmp_path / "parity.md"
    run(reported, f"--parity-report={path}")
    run(reported, "--tier", "containers", f"--parity-report={path}", "-k", "passes")
    found = read(path.read_text())
    folder = reported.path.name
    assert found[f"{folder}/small: One passes"] == {"embedded": "passed", "containers": "passed"}
    assert found[f"{folder}/small: One | fails"] == {"embedded": "failed"}
    assert rows(path)[0] == ["scenario", "embedded", "containers"]
    assert [row[-1] for row in rows(path) if row[0].endswith("fails")] == ["–"]


def test_a_file_that_is_something_else_is_refused(reported: pytest.Pytester, tmp_path: Path) -> None:
    """Before anything runs, and nothing in it is overwritten."""
    path = tmp_path / "notes.md"
    path.write_text("# Notes\n")
    said = run(reported, f"--parity-report={path}")
    assert f"{path} is not a parity report: name another file for --parity-report" in said
    assert "passed" not in said
    assert path.read_text() == "# Notes\n"


@pytest.mark.parametrize(
    "text", ["", "# Parity report\n", "# Parity report\n\n| a | b |\n| --- | --- |\n| c |\n"]
)
def test_what_is_no_report_cannot_be_read(text: str) -> None:
    """A damaged report is told, not guessed at."""
    with pytest.raises(ValueError, match="not a parity report"):
        read(text)


def test_writing_and_reading_agree() -> None:
    """Titles with the table's own sign come back as they were; the newer outcome stands."""
    old = {"a/b: One | two": {"embedded": "failed", "external": "passed"}}
    new = {"a/b: One | two": {"embedded": "passed"}, "a/c: Three": {"containers": "skipped: why"}}
    both = merged(old, new)
    assert both["a/b: One | two"] == {"embedded": "passed", "external": "passed"}
    assert read(written(both)) == both

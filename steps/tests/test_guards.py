"""The root conftest's guards, each seen failing on a small suite of its own."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytest_plugins = ["pytester"]

FEATURE = """
@login
Feature: Small
  Scenario: One
    Given a thing
"""
STEP = """
from pytest_bdd import given

@given("a thing")
def a_thing():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """The real conftest over one feature and one step module, in a folder of its own."""
    source = (ROOT / "conftest.py").read_text()
    start, end = source.index("pytest_plugins = ["), source.index("]", source.index("pytest_plugins = [")) + 1
    pytester.makeconftest(source[:start] + 'pytest_plugins = ["small_steps"]' + source[end:])
    pytester.makeini(
        f"[pytest]\naddopts = --strict-markers\nfilterwarnings = error\npythonpath = . {ROOT}\n"
        "markers =\n    login: x\n    needs_faults: x\n    needs_settings: x\n    needs_engines: x\n"
        "    real_mongo: x\n"
    )
    pytester.makepyfile(small_steps=STEP)
    write(pytester, FEATURE)
    return pytester


def write(suite: pytest.Pytester, text: str) -> None:
    (suite.path / "small.feature").write_text(text)


def output(suite: pytest.Pytester, *arguments: str) -> tuple[int, str]:
    result = suite.runpytest_subprocess("-p", "no:cacheprovider", *arguments)
    return int(result.ret), result.stdout.str() + result.stderr.str()


def test_a_feature_runs_by_its_path(suite: pytest.Pytester) -> None:
    """`pytest small.feature` runs its scenarios: pytest still calls the private hook of the collector."""
    code, said = output(suite, "small.feature")
    assert code == 0, said
    assert "1 passed" in said


def test_an_async_step_is_refused(suite: pytest.Pytester) -> None:
    """pytest-bdd would call it, await nothing, and pass."""
    suite.makepyfile(small_steps=STEP.replace("def a_thing", "async def a_thing"))
    code, said = output(suite)
    assert code != 0
    assert "async step 'a thing' would never be awaited" in said


def test_two_steps_of_one_text_are_refused(suite: pytest.Pytester) -> None:
    """pytest-bdd would take the later one without a word."""
    suite.makepyfile(small_steps=STEP + STEP.replace("def a_thing", "def another_thing"))
    code, said = output(suite)
    assert code != 0
    assert "step text defined twice: 'a thing'" in said


@pytest.mark.parametrize("title", ["One", "One!"])
def test_two_scenarios_of_one_title_are_refused(suite: pytest.Pytester, title: str) -> None:
    """pytest-bdd would keep one of them; titles that differ in punctuation only make one test name."""
    write(suite, FEATURE + f"  Scenario: {title}\n    Given a thing\n")
    code, said = output(suite)
    assert code != 0
    assert "scenario title used twice" in said


def test_an_empty_feature_is_refused(suite: pytest.Pytester) -> None:
    """It would count as nothing at all."""
    write(suite, "@login\nFeature: Small\n")
    code, said = output(suite)
    assert code != 0
    assert "no scenario in it" in said


@pytest.mark.parametrize(
    "scenario",
    ["Scenario: Two", "Scenario Outline: Two\n    Given a <thing>\n    Examples:\n      | thing |"],
    ids=["no-steps", "no-examples"],
)
def test_a_scenario_that_would_do_nothing_is_refused(suite: pytest.Pytester, scenario: str) -> None:
    """Without steps it would pass, without examples it would be no test."""
    write(suite, f"{FEATURE}  {scenario}\n")
    code, said = output(suite)
    assert code != 0
    assert "no steps or no examples in: Two" in said


def test_an_undeclared_tag_is_refused(suite: pytest.Pytester) -> None:
    """A mistyped tag would select nothing."""
    write(suite, FEATURE.replace("@login", "@logn"))
    code, said = output(suite)
    assert code != 0
    assert "logn" in said


def test_a_failing_step_fails(suite: pytest.Pytester) -> None:
    """The suite can fail."""
    suite.makepyfile(small_steps=STEP.replace("pass", "assert 1 == 2"))
    code, said = output(suite)
    assert code == 1
    assert "1 failed" in said


def test_a_recovery_is_told_at_the_end(suite: pytest.Pytester) -> None:
    """What a fault has cost is for people to read, and nothing of it is asserted."""
    telling = STEP.replace("a_thing()", "a_thing(record_property)").replace(
        "pass", 'record_property("recovery", "kafka killed for 3 s: 9.9 s")'
    )
    suite.makepyfile(small_steps=telling)
    code, said = output(suite)
    assert code == 0, said
    assert "recovery: kafka killed for 3 s: 9.9 s" in said


def test_a_need_that_the_tier_lacks_skips(suite: pytest.Pytester) -> None:
    """And the summary counts it with its reason."""
    write(suite, FEATURE.replace("@login", "@needs_engines"))
    code, said = output(suite)
    assert code == 0, said
    assert "tier embedded: 1 skipped, the tier lacks @needs_engines" in said


@pytest.mark.parametrize(("has_mongodb", "counts"), [(True, "1 passed"), (False, "1 skipped")])
def test_what_only_mongodb_proves_is_skipped_where_its_stand_in_runs(
    suite: pytest.Pytester, has_mongodb: bool, counts: str
) -> None:
    """And the summary counts it with its reason."""
    engines = (
        "import types\nimport pytest\nfrom steps.engines import _only_on_mongodb\n"
        f"@pytest.fixture\ndef engines():\n    return types.SimpleNamespace(has_mongodb={has_mongodb})\n"
    )
    suite.makepyfile(small_steps=STEP + engines)
    write(suite, FEATURE.replace("@login", "@real_mongo"))
    code, said = output(suite)
    assert code == 0, said
    assert counts in said
    told = "tier embedded: 1 skipped, the stand-in runs in MongoDB's place: @real_mongo" in said
    assert told is not has_mongodb

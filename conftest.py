"""Collects `.feature` files as they are, and guards against the ways in which a scenario is lost silently."""

import inspect
import types
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = [
    "steps.platform",
    "steps.world",
    "steps.mail_server",
    "steps.answers",
    "steps.mail",
    "steps.signup",
    "steps.activation",
    "steps.login",
    "steps.reset_password",
    "steps.wiring",
    "steps.journeys",
    "steps.operations",
    "steps.parity_report",
    "steps.traffic",
    "steps.engines",
    "steps.browser",
    "steps.pictures",
    "steps.console",
    "steps.every_page",
    "steps.breaking",
    "steps.console_pages",
]

ROOT = Path(__file__).parent
NEEDS = {"needs_faults", "needs_settings", "needs_engines"}
_skipped: Counter[str] = Counter()
_recoveries: list[str] = []

# No test is a timed one: on a busy machine an example may take as long as it likes.
settings.register_profile("quartet", deadline=None)
settings.load_profile("quartet")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tier",
        default="embedded",
        choices=["embedded", "containers", "external"],
        help="where the engines come from",
    )
    parser.addoption("--patience", type=float, default=1.0, help="factor on every deadline of the steps")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "FeatureFile | None":
    if file_path.suffix == ".feature":
        return FeatureFile.from_parent(parent, path=file_path)
    return None


class FeatureFile(pytest.Module):
    """A feature file as a test module whose members are its scenarios."""

    def _getobj(self) -> types.ModuleType:  # private in pytest; steps/tests pins that it is still called
        from pytest_bdd import scenario
        from pytest_bdd.feature import get_feature
        from pytest_bdd.scenario import make_python_name

        self._refuse_lost_scenarios()
        feature = get_feature(str(self.path.parent), self.path.name)
        module = types.ModuleType(self.path.stem)
        for title in feature.scenarios:
            test = scenario(str(self.path), title, features_base_dir="/")(lambda: None)
            test.__name__ = "test_" + make_python_name(title)
            setattr(module, test.__name__, test)
        return module

    def _refuse_lost_scenarios(self) -> None:
        """pytest-bdd keeps one of two scenarios of one title (its issue 191), and none of an empty file.

        A scenario without steps would pass, and an outline without examples be no test at all.
        """
        from pytest_bdd.scenario import make_python_name

        scenarios = list(_scenarios(self.path))
        titles = [scenario["name"] for scenario in scenarios]
        if not titles:
            raise self.CollectError(f"{self.path.name}: no scenario in it")
        if empty := [scenario["name"] for scenario in scenarios if _is_empty(scenario)]:
            raise self.CollectError(f"{self.path.name}: no steps or no examples in: {', '.join(empty)}")
        doubled = [name for name, n in Counter(map(make_python_name, titles)).items() if n > 1]
        if doubled:
            raise self.CollectError(f"{self.path.name}: scenario title used twice: {', '.join(doubled)}")


def _is_empty(scenario: Mapping[str, Any]) -> bool:
    wants_examples = "Outline" in scenario["keyword"] or "Template" in scenario["keyword"]
    rows = [row for examples in scenario["examples"] for row in examples["tableBody"]]
    return not scenario["steps"] or (wants_examples and not rows)


def _scenarios(path: Path) -> Iterator[Mapping[str, Any]]:
    from gherkin.parser import Parser

    def walk(children: Any) -> Iterator[Mapping[str, Any]]:
        for child in children:
            if "scenario" in child:
                yield child["scenario"]
            if "rule" in child:
                yield from walk(child["rule"]["children"])

    document = Parser().parse(path.read_text(encoding="utf-8"))
    return walk((document.get("feature") or {"children": []})["children"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _refuse_unsound_steps()
    missing = NEEDS - _capabilities(config.getoption("--tier"))
    for item in items:
        for tag in missing & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.skip(reason=f"the tier lacks @{tag}"))


def _capabilities(tier: str) -> set[str]:
    from containers.engines import CAPABILITIES

    return {f"needs_{capability}" for capability in CAPABILITIES[tier]}


def _refuse_unsound_steps() -> None:
    """Over every step: an async one would never be awaited, and of two with one text the later wins."""
    from pytest_bdd.steps import step_function_context_registry  # not documented: pytest-bdd is pinned

    if not step_function_context_registry:
        raise pytest.UsageError("the step registry is empty: pytest-bdd has changed")
    places: dict[tuple[str | None, str], set[str]] = defaultdict(set)
    for context in list(step_function_context_registry.values()):
        step = inspect.unwrap(context.step_func)
        if inspect.iscoroutinefunction(step) or inspect.isasyncgenfunction(step):
            raise pytest.UsageError(f"async step {context.parser.name!r} would never be awaited")
        where = f"{step.__code__.co_filename}:{step.__code__.co_firstlineno}"
        places[context.type, context.parser.name].add(where)
    doubled = sorted(f"{name!r} ({', '.join(sorted(at))})" for (_, name), at in places.items() if len(at) > 1)
    if doubled:
        raise pytest.UsageError(f"step text defined twice: {'; '.join(doubled)}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and report.when == "setup" and isinstance(report.longrepr, tuple):
        _skipped[report.longrepr[2].removeprefix("Skipped: ")] += 1
    if report.when == "call":
        _recoveries.extend(str(value) for name, value in report.user_properties if name == "recovery")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for reason, number in sorted(_skipped.items()):
        terminalreporter.write_line(f"tier {config.getoption('--tier')}: {number} skipped, {reason}")
    for recovery in _recoveries:
        terminalreporter.write_line(f"recovery: {recovery}")

"""The parity report: what became of every scenario on each tier, printed after a run or kept in a file.

    | scenario                               | embedded | containers                         |
    |----------------------------------------|----------|------------------------------------|
    | login/suspension: Five failures in …   | passed   | skipped: the tier lacks @needs_…   |

A run fills the column of its own tier. Columns of other tiers, and scenarios that did not run this time, stay
as the file has them; so one file can be filled folder by folder and tier by tier.
"""

import re
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

HEADING = "# Parity report"
NOT_RUN = "–"

Cells = dict[str, dict[str, str]]
"""What became of a scenario, by scenario and tier."""

REPORT = pytest.StashKey["Report"]()


class Report:
    """What this run has seen so far on its tier."""

    def __init__(self, tier: str) -> None:
        self.tier = tier
        self.titles: dict[str, str] = {}
        self._outcomes: dict[str, str] = {}

    def note(self, report: pytest.TestReport) -> None:
        """Takes one phase of one scenario; a failure in any phase is a failure of the scenario."""
        title = self.titles.get(report.nodeid)
        if title is None or self._outcomes.get(title) == "failed":
            return
        if report.failed:
            self._outcomes[title] = "failed"
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self._outcomes[title] = f"skipped: {reason.removeprefix('Skipped: ')}"
        elif report.when == "call":
            self._outcomes[title] = "passed"

    @property
    def cells(self) -> Cells:
        return {title: {self.tier: outcome} for title, outcome in self._outcomes.items()}

    def sum(self) -> str:
        """The column in one line."""
        counts = Counter(outcome.partition(":")[0] for outcome in self._outcomes.values())
        told = ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped") if counts[word])
        return f"tier {self.tier}: {len(self._outcomes)} scenarios: {told or 'none ran'}"


def merged(old: Cells, new: Cells) -> Cells:
    """Both, by scenario; of what both know the new."""
    return {title: {**old.get(title, {}), **new.get(title, {})} for title in sorted({*old, *new})}


def written(cells: Cells) -> str:
    """The report as Markdown."""
    tiers = sorted({tier for row in cells.values() for tier in row}, key=_usual_order)
    rows = [[title, *(row.get(tier, NOT_RUN) for tier in tiers)] for title, row in sorted(cells.items())]
    lines = [["scenario", *tiers], ["---"] * (len(tiers) + 1), *rows]
    return "\n".join([HEADING, "", *(f"| {' | '.join(map(_escaped, line))} |" for line in lines), ""])


def read(text: str) -> Cells:
    """The cells of a report.

    Raises:
        ValueError: it is none.
    """
    lines = [_split(line) for line in text.splitlines() if line.startswith("|")]
    if not text.startswith(HEADING) or len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
        raise ValueError("not a parity report")
    tiers = lines[0][1:]
    return {
        title: {tier: cell for tier, cell in zip(tiers, row, strict=True) if cell != NOT_RUN}
        for title, *row in lines[2:]
    }


def _usual_order(tier: str) -> tuple[int, str]:
    order = ("embedded", "containers", "external")
    return (order.index(tier) if tier in order else len(order), tier)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def _split(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip())[1:-1]
    return [cell.strip().replace("\\|", "|") for cell in cells]


def title_of(item: pytest.Item) -> str | None:
    """Folder, feature and scenario; None for a test that is no scenario."""
    if not isinstance(item, pytest.Function) or item.path.suffix != ".feature":
        return None
    from pytest_bdd.scenario import scenario_wrapper_template_registry  # not documented: pytest-bdd is pinned

    scenario = scenario_wrapper_template_registry.get(item.function)
    example = item.name.partition("[")[2].removesuffix("]")
    name = (scenario.name if scenario else item.name) + (f" [{example}]" if example else "")
    return f"{item.path.parent.name}/{item.path.stem}: {name}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--parity-report", type=Path, metavar="FILE", help="keep what became of each scenario")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[REPORT] = Report(config.getoption("--tier"))
    path: Path | None = config.getoption("--parity-report")
    if path is not None:
        _read_file(path)  # refused before the run, not after it


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    titles = config.stash[REPORT].titles
    titles |= {item.nodeid: title for item in items if (title := title_of(item)) is not None}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.config.stash[REPORT].note(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    path: Path | None = config.getoption("--parity-report")
    report = config.stash[REPORT]
    if not report.cells or (path is None and report.tier == "embedded"):
        return
    terminalreporter.section("parity report")
    for title, row in sorted(report.cells.items()):
        terminalreporter.write_line(f"{title}: {row[report.tier]}")
    terminalreporter.write_line(report.sum())
    if path is not None:
        path.write_text(written(merged(_read_file(path), report.cells)), encoding="utf-8")
        terminalreporter.write_line(f"kept in {path}")


def _read_file(path: Path) -> Cells:
    try:
        return read(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError:
        raise pytest.UsageError(
            f"{path} is not a parity report: name another file for --parity-report"
        ) from None

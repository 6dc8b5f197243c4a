"""What a case yields, and how it is printed."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value; `ok` is None where there is no goal."""

    case: str
    figure: str
    value: float
    unit: str
    goal: str | None = None
    ok: bool | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def as_line(self) -> str:
        verdict = {True: "reached", False: "MISSED", None: ""}[self.ok]
        goal = f"goal {self.goal}" if self.goal else ""
        value = f"{self.value:>10.3f} {self.unit:<6}"
        return f"{self.case:<18} {self.figure:<44} {value} {goal:<14} {verdict}".rstrip()


Case = Callable[[], Iterator[Figure]]


def at_least(case: str, figure: str, value: float, unit: str, goal: float) -> Figure:
    return Figure(case, figure, value, unit, f">= {goal:g}", value >= goal)


def at_most(case: str, figure: str, value: float, unit: str, goal: float) -> Figure:
    return Figure(case, figure, value, unit, f"<= {goal:g}", value <= goal)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` per cent of the values do not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, -(-len(ranked) * percent // 100).__int__() - 1))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)

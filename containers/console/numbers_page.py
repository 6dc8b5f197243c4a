"""The numbers as a page: tables first, and a small picture beside each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sanic import HTTPResponse, Request

from apps.web.answers import json_answer
from apps.web.operations import Answer, Operation
from containers.console.context import Context
from containers.console.load import SAMPLE_SECONDS, SAMPLES, Load, LoadSampler, Sample
from containers.console.load import as_json as samples_as_json
from containers.console.numbers import BOUNDS_MS, Propagation, propagation
from containers.console.numbers import as_json as propagation_as_json
from containers.console.pages import page_operation
from containers.engines import EngineAway
from containers.settings import SERVICES
from containers.threads import in_thread

CHART_WIDTH, CHART_HEIGHT = 300, 80


@dataclass(frozen=True)
class Chart:
    """A line over the last minutes, with what it says in words. points: of an SVG polyline."""

    title: str
    unit: str
    points: str
    newest: float
    highest: float


CHARTS: Sequence[tuple[str, str, Callable[[Sample], float]]] = (
    ("Requests", "per second", lambda sample: _sum(sample, lambda load: load.requests_per_second)),
    ("Records consumed", "per second", lambda sample: _sum(sample, lambda load: load.events_per_second)),
    ("Password hashes", "per second", lambda sample: _sum(sample, lambda load: load.hashes_per_second)),
    ("Hashes in work or waiting", "", lambda sample: _most(sample, lambda load: load.hashes_in_flight)),
    ("Oldest mail in an outbox", "s", lambda sample: _most(sample, lambda load: load.mail_age_seconds)),
    ("Memory of the largest service", "MiB", lambda sample: _most(sample, lambda load: load.memory_mib)),
)


class NumbersPage:
    """Propagation and load."""

    def __init__(self, context: Context, sampler: LoadSampler) -> None:
        self._context, self._sampler = context, sampler

    def operations(self) -> list[Operation]:
        return [
            page_operation("/numbers", self._page, "page_numbers", "Propagation and load"),
            Operation(
                method="GET",
                path="/api/numbers",
                handler=self._numbers,
                name="numbers",
                summary="How long each hop took lately, time to revoke, and the load of the last minutes",
                answers={200: Answer("The numbers.", {"type": "object"})},
            ),
        ]

    async def _page(self, request: Request) -> HTTPResponse:
        found, away = await self._propagation()
        samples = self._sampler.samples
        newest = samples[-1].loads if samples else {}
        return self._context.pages.page(
            "numbers.html",
            hops=found.hops if found else (),
            revocation=found.revocation if found else None,
            away=away,
            bounds=BOUNDS_MS,
            services=[(service, newest.get(service)) for service in SERVICES],
            charts=[_chart(title, unit, list(map(value, samples))) for title, unit, value in CHARTS],
            chart=(CHART_WIDTH, CHART_HEIGHT),
            minutes=round(SAMPLES * SAMPLE_SECONDS / 60),
            is_embedded=self._context.tier.name == "embedded",
        )

    async def _numbers(self, request: Request) -> HTTPResponse:
        found, away = await self._propagation()
        told = propagation_as_json(found) if found else {"hops": [], "time_to_revoke": None}
        return json_answer(
            {**told, "away": away, "load": samples_as_json(self._sampler.samples)}, no_store=True
        )

    async def _propagation(self) -> tuple[Propagation | None, str | None]:
        try:
            return await in_thread(lambda: propagation(self._context.tier)), None
        except EngineAway as away:
            return None, str(away)


def _chart(title: str, unit: str, values: Sequence[float]) -> Chart:
    highest = max(values, default=0.0)
    step, room = CHART_WIDTH / (SAMPLES - 1), CHART_HEIGHT - 8
    points = [
        (
            (SAMPLES - len(values) + index) * step,
            CHART_HEIGHT - 4 - room * (value / highest if highest else 0),
        )
        for index, value in enumerate(values)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Chart(title, unit, line, values[-1] if values else 0.0, highest)


def _sum(sample: Sample, value: Callable[[Load], float | None]) -> float:
    return round(sum(value(load) or 0.0 for load in sample.loads.values()), 1)


def _most(sample: Sample, value: Callable[[Load], float]) -> float:
    return max((value(load) for load in sample.loads.values()), default=0.0)

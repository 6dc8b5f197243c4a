"""/metrics in OpenMetrics, from an own registry per app, made with the first scrape."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from sanic import HTTPResponse, Request, Sanic

from apps.web.operations import Answer, Operation

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def metrics_operation(
    app: Sanic[Any, Any], register: "Callable[[CollectorRegistry], None] | None"
) -> Operation:
    """The operation that exposes the app's request counts and whatever `register` adds."""

    @cache
    def registry() -> "CollectorRegistry":
        from prometheus_client import CollectorRegistry, ProcessCollector

        made = CollectorRegistry()
        made.register(_RequestCollector(app))
        ProcessCollector(registry=made)
        if register is not None:
            register(made)
        return made

    async def metrics(request: Request) -> HTTPResponse:
        from prometheus_client.openmetrics.exposition import generate_latest

        text: bytes = generate_latest(registry())  # type: ignore[no-untyped-call]
        return HTTPResponse(text, content_type=CONTENT_TYPE)

    return Operation(
        method="GET",
        path="/metrics",
        handler=metrics,
        name="metrics",
        summary="Counts and times for monitoring",
        answers={200: Answer("Metrics in the OpenMetrics text form.", {"type": "string"}, CONTENT_TYPE)},
    )


class _RequestCollector:
    """Turns the plain counts of an app into metrics at the moment of a scrape."""

    def __init__(self, app: Sanic[Any, Any]) -> None:
        self.app = app

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        counts, service = self.app.ctx.requests, self.app.ctx.service
        total = CounterMetricFamily(
            "quartet_requests", "Answers by operation and status", labels=["service", "operation", "status"]
        )
        for (operation, status), number in counts.statuses.items():
            total.add_metric([service, operation, str(status)], number)
        yield total
        seconds = HistogramMetricFamily(
            "quartet_request_seconds",
            "Time from a request's first byte to its answer",
            labels=["service", "operation"],
        )
        for operation, taken in counts.seconds.items():
            reached, buckets = 0, []
            for bound in (*counts.BOUNDS_SECONDS, float("inf")):
                reached += counts.buckets[operation, bound]
                buckets.append(("+Inf" if bound == float("inf") else str(bound), reached))
            seconds.add_metric([service, operation], buckets, taken)
        yield seconds

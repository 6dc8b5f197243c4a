"""What a service that reads topics sets up: its consumer, its readiness, and the metrics of its events."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from apps.events.consumer import Consumer, Handler
from apps.events.source import OpenSource

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

    from apps.web.app import App


class Consuming:
    """The one consumer of a service, or none where no source of events is given.

    Args:
        service: its consumer group has the same name.
        topics: the handler of each topic.
    """

    def __init__(self, service: str, topics: Mapping[str, Handler], open_source: OpenSource | None) -> None:
        self._service = service
        self._consumer = (
            Consumer(name=service, group=service, topics=topics, open_source=open_source)
            if open_source is not None
            else None
        )

    def begin(self, app: "App") -> None:
        """Starts consuming in the background of the app."""
        if self._consumer is not None:
            app.ctx.spawn(self._consumer.run(), "consumer")

    async def check(self) -> None:
        """Raises RuntimeError unless the consumer follows its topics: a readiness check."""
        if self._consumer is not None and not self._consumer.is_ready:
            raise RuntimeError("the consumer does not follow its topics")

    def register_counts(self, registry: "CollectorRegistry") -> None:
        """Adds the counts of events to a service's metrics; they are read when somebody scrapes."""
        registry.register(_Counts(self._service, lambda: self._consumer.counts if self._consumer else {}))


class _Counts:
    def __init__(self, service: str, counts: Callable[[], Mapping[str, int]]) -> None:
        self.service = service
        self.counts = counts

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.core import CounterMetricFamily

        events = CounterMetricFamily(
            "quartet_events", "Records of topics by what became of them", labels=["service", "outcome"]
        )
        for outcome, number in self.counts().items():
            events.add_metric([self.service, outcome], number)
        yield events

"""The load of the services, from their own metrics, sampled every few seconds for the last minutes."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx

from containers.settings import SERVICES

if TYPE_CHECKING:
    from prometheus_client import Metric

SAMPLE_SECONDS = 5.0
SAMPLES = 60
"""Five minutes of them."""


@dataclass(frozen=True)
class Load:
    """One service at one moment; rates are per second since the sample before.

    memory_mib: of its process, which on the embedded tier is that of all four.
    """

    requests: float = 0.0
    hashes: float = 0.0
    hashes_in_flight: float = 0.0
    mail_age_seconds: float = 0.0
    memory_mib: float = 0.0
    events: float = 0.0
    requests_per_second: float | None = None
    hashes_per_second: float | None = None
    events_per_second: float | None = None


@dataclass(frozen=True)
class Sample:
    """All services that have answered, at one moment."""

    at: datetime
    loads: Mapping[str, Load]


class LoadSampler:
    """Samples for as long as it runs; a service that does not answer is missing from a sample."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = {service: urls[service] for service in SERVICES}
        self._samples: deque[Sample] = deque(maxlen=SAMPLES)

    @property
    def samples(self) -> Sequence[Sample]:
        """Oldest first."""
        return tuple(self._samples)

    async def run(self) -> None:
        """Never returns."""
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            before: tuple[float, Mapping[str, Load]] | None = None
            while True:
                now = monotonic()
                found = await asyncio.gather(*(self._ask(http, service) for service in self._urls))
                loads = {service: load for service, load in zip(self._urls, found, strict=True) if load}
                if before is not None:
                    loads = _rated(loads, before[1], now - before[0])
                self._samples.append(Sample(datetime.now(UTC), loads))
                before = now, loads
                await asyncio.sleep(SAMPLE_SECONDS)

    async def _ask(self, http: httpx.AsyncClient, service: str) -> Load | None:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families

        try:
            answer = await http.get(f"{self._urls[service]}/metrics")
            answer.raise_for_status()
            return _load(text_string_to_metric_families(answer.text))  # type: ignore[no-untyped-call]
        except (httpx.HTTPError, ValueError):
            return None


def _load(families: "Iterable[Metric]") -> Load:
    sums: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.labels.get("operation") not in ("readyz", "livez", "metrics"):
                name = f"{sample.name}:{sample.labels.get('outcome', '')}".removesuffix(":")
                sums[name] = sums.get(name, 0.0) + sample.value
    return Load(
        requests=sums.get("quartet_requests_total", 0.0),
        hashes=sums.get("quartet_hashes_total:done", 0.0),
        hashes_in_flight=sums.get("quartet_hashes_in_flight", 0.0),
        mail_age_seconds=round(sums.get("quartet_mail_queue_age_seconds", 0.0), 1),
        memory_mib=round(sums.get("process_resident_memory_bytes", 0.0) / 2**20, 1),
        events=sums.get("quartet_events_total:handled", 0.0),
    )


def _rated(loads: Mapping[str, Load], before: Mapping[str, Load], seconds: float) -> dict[str, Load]:
    """With the rates since the sample before; a service that was started anew counts from nothing."""

    def rate(now: float, earlier: float) -> float:
        return round((now - earlier if now >= earlier else now) / seconds, 1)

    return {
        service: replace(
            load,
            requests_per_second=rate(load.requests, before[service].requests),
            hashes_per_second=rate(load.hashes, before[service].hashes),
            events_per_second=rate(load.events, before[service].events),
        )
        if service in before
        else load
        for service, load in loads.items()
    }


def as_json(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """The samples for programs, oldest first."""
    return [
        {
            "at": sample.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "services": {service: asdict(load) for service, load in sample.loads.items()},
        }
        for sample in samples
    ]

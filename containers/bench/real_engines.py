"""The containers tier: its start, its memory, and how fast a click travels through real engines."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from containers.bench.figures import Figure, at_least, at_most, percentile
from containers.bench.propagation import clicks
from containers.bench.subject import running
from containers.connect_configs import read_configs
from containers.docker.engine import LABEL, identity_of
from containers.docker.images import Images, connect_to_docker
from containers.process import PlatformProcess
from containers.registration import wait_until_running

WARM_UP = 100
"""A JVM compiles what it has run often: the first thirty clicks take half as long again."""

TIMES = 300
TIMES_BY_DEFAULT = 40
"""With Debezium's defaults a click takes a second."""

PROBE_SECONDS = 0.002
"""Looking without a pause keeps a core busy that the engines need: it cost 9 of 62 ms."""

LATENCY_PROFILE = ("poll.interval.ms", "max.batch.size", "max.queue.size")
"""What the connector files say beyond Debezium's defaults to be quick."""


def real() -> Iterator[Figure]:
    """Start, memory and propagation of one containers platform; needs Docker."""
    client = connect_to_docker()
    Images(client).ensure()
    began = time.perf_counter()
    with running(tier="containers") as platform:
        yield at_most("real", "images built to ready", time.perf_counter() - began, "s", 60)
        asyncio.run(clicks(platform, WARM_UP))
        shipped, _ = asyncio.run(clicks(platform, TIMES, probe_seconds=PROBE_SECONDS))
        case = "real"
        yield at_most(case, "click to a login that works p50", 1000 * percentile(shipped, 50), "ms", 60)
        yield at_most(case, "click to a login that works p99", 1000 * percentile(shipped, 99), "ms", 250)
        containers = client.containers.list(filters={"label": f"{LABEL}={identity_of(platform.data)}"})
        used = sum(_memory_bytes(container.stats(stream=False)) for container in containers)
        yield at_most(case, "memory of all containers, in use", used / 2**30, "GiB", 4)
        _use_defaults(platform)
        by_default, _ = asyncio.run(clicks(platform, TIMES_BY_DEFAULT, probe_seconds=PROBE_SECONDS))
        yield Figure(
            case, "the same click with Debezium's defaults p50", 1000 * percentile(by_default, 50), "ms"
        )
        better = percentile(by_default, 50) / percentile(shipped, 50)
        yield at_least(case, "defaults over shipped p50", better, "", 12)


def _use_defaults(platform: PlatformProcess) -> None:
    """Gives every source the configuration that it would have without our latency profile."""
    connect, configs = platform.tier.connectors, read_configs({})
    sources = {name: config for name, config in configs.items() if "topic.prefix" in config}
    for name, config in sources.items():
        connect.put(
            name, {option: value for option, value in config.items() if option not in LATENCY_PROFILE}
        )
    wait_until_running(connect, configs)


def _memory_bytes(stats: dict[str, Any]) -> int:
    """What a container cannot give back, as `docker stats` shows it: without the pages of read files."""
    memory = stats["memory_stats"]
    pages_of_files: int = memory["stats"].get("inactive_file", memory["stats"].get("total_inactive_file", 0))
    return int(memory["usage"]) - pages_of_files

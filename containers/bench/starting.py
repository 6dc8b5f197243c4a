"""Starting, and what the idle platform takes."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from containers.bench.figures import Figure, at_most, median
from containers.bench.subject import QUIET, running
from containers.process import PlatformProcess

TIMES = 5
SETTLE_SECONDS = 3.0


def cold_start() -> Iterator[Figure]:
    """`quartet up` → `ready`, on a fresh folder and on one that has been used."""
    fresh: list[float] = []
    again: list[float] = []
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory(prefix="quartet-bench-") as folder:
            for seconds in (fresh, again):
                platform = PlatformProcess(Path(folder), "embedded", QUIET)
                began = time.perf_counter()
                platform.start()
                seconds.append(time.perf_counter() - began)
                platform.stop()
    yield at_most("cold_start", "up to ready, fresh folder", median(fresh), "s", 1.5)
    yield at_most("cold_start", "up to ready, used folder", median(again), "s", 1.5)


def memory() -> Iterator[Figure]:
    """Resident memory of the whole embedded platform, idle after its start."""
    with running() as platform:
        idle_until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < idle_until:
            platform.tier.connectors.overview()
        status = Path(f"/proc/{platform.pid}/status").read_text()
    (kib,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    yield at_most("memory", "whole platform, idle", kib / 1024, "MiB", 120)

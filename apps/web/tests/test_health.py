"""Health, readiness, version, metrics and background work."""

import asyncio
import time
from typing import Any

import pytest

from apps.web import health
from apps.web.tests.serving import SECRET, Wire, assert_problem, serve


async def fine() -> None:
    """A check that passes."""


async def broken() -> None:
    raise ConnectionError(SECRET)


async def stuck() -> None:
    await asyncio.Event().wait()


def test_a_healthy_service_says_so() -> None:
    """Three small answers for operators."""

    async def scenario(wire: Wire) -> None:
        assert (await wire.ask("GET", "/livez")).json == {"status": "live"}
        assert (await wire.ask("GET", "/readyz")).json == {"status": "ready"}
        named = (await wire.ask("GET", "/version")).json
        assert (named["service"], named["version"]) == ("test", health.project_version())
        assert named["version"][0].isdigit()

    serve(scenario, checks={"database": fine})


def test_readyz_names_the_checks_that_fail(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A check that hangs fails too; the process is still live."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.1)

    async def scenario(wire: Wire) -> None:
        began = time.monotonic()
        reply = await wire.ask("GET", "/readyz")
        assert time.monotonic() - began < 2
        assert_problem(reply, 503, "NOT_READY")
        assert reply.json["failing"] == ["database", "consumer"]
        assert reply.headers["retry-after"] == "1"
        assert (await wire.ask("GET", "/livez")).status == 200

    serve(scenario, checks={"database": broken, "mail": fine, "consumer": stuck})
    assert SECRET not in capfd.readouterr().err


def test_a_crashed_background_task_is_logged_and_ends_readiness(capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody awaits a background task: this is how its death is seen."""

    async def scenario(wire: Wire) -> None:
        wire.app.ctx.spawn(broken(), "courier")
        await asyncio.sleep(0)
        reply = await wire.ask("GET", "/readyz")
        assert_problem(reply, 503, "NOT_READY")
        assert reply.json["failing"] == ["background"]

    serve(scenario)
    written = capfd.readouterr().err
    assert "task_crashed" in written
    assert '"task": "courier"' in written
    assert SECRET not in written


def test_background_work_is_cancelled_before_the_pools_close() -> None:
    """start, work, end of work, stop: in this order."""
    events: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            events.append("work ended")

    async def start(app: Any) -> None:
        app.ctx.spawn(work(), "work")
        events.append("started")

    async def stop(app: Any) -> None:
        events.append("stopped")

    async def scenario(wire: Wire) -> None:
        assert (await wire.ask("GET", "/livez")).status == 200

    serve(scenario, start=start, stop=stop)
    assert events == ["started", "work ended", "stopped"]


def test_metrics_are_openmetrics_of_this_app_alone() -> None:
    """Counts by operation, histogram, and what the service registers."""

    def register(registry: Any) -> None:
        from prometheus_client import Gauge

        Gauge("quartet_own", "Own", registry=registry).set(7)

    async def scenario(wire: Wire) -> None:
        await wire.ask("GET", "/livez")
        await wire.ask("GET", "/nope")
        reply = await wire.ask("GET", "/metrics")
        text = reply.body.decode()
        assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert 'quartet_requests_total{operation="livez",service="test",status="200"} 1.0' in text
        assert 'quartet_requests_total{operation="none",service="test",status="404"} 1.0' in text
        assert 'quartet_request_seconds_bucket{le="+Inf",operation="livez",service="test"} 1.0' in text
        assert "quartet_own 7.0" in text
        assert text.endswith("# EOF\n")

    serve(scenario, metrics=register)

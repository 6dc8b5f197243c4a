"""The console from outside: who may ask, what pages hold, and what hostile text does to them."""

import json
import re

import httpx
import pytest

from apps.web.settings import Profile
from containers.console.app import Console
from containers.console.pages import NAVIGATION
from containers.console.tests.watched import WatchedTier, serve
from containers.settings import PlatformSettings, load

HOSTILE = '<img src=x onerror="alert(1)">'


def get(path: str, tier: WatchedTier | None = None, **options: object) -> httpx.Response:
    return serve(tier or WatchedTier(), lambda http: http.get(path, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [path for _, path, _ in NAVIGATION])
def test_every_page_keeps_to_itself(path: str) -> None:
    """Its policy allows nothing from elsewhere and no inline script or style, and it holds none."""
    page = get(path)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=\"/assets/)|<style|\sstyle=|\son\w+=", page.text)
    assert not re.search(r"https?://(?!localhost|www\.w3\.org)", page.text)


def test_another_host_is_refused() -> None:
    """A name of somebody else's can point to loopback."""
    answer = get("/", headers={"host": "evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "HOST_REFUSED")


@pytest.mark.parametrize("path", ["/play", "/break/pause?target=loginconnector", "/experiments/1/mend"])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null"])
def test_another_origin_changes_nothing(path: str, origin: str) -> None:
    """A page of another site, or of another program on this machine, throws no switch."""
    tier = WatchedTier()
    answer = serve(tier, lambda http: http.post(path, headers={"origin": origin}))
    assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_REFUSED")
    assert tier.fake.asked == []


def test_hostile_records_are_text() -> None:
    """Whatever stands in a topic, the page shows it and does nothing with it."""
    tier = WatchedTier()
    tier.produce("users", json.dumps({"id": HOSTILE}), json.dumps({"User_status": HOSTILE}))
    tier.produce("users", HOSTILE, HOSTILE)
    tier.fake.states, tier.fake.causes = {"loginconnector": HOSTILE}, {"loginconnector": HOSTILE}
    page = get("/", tier)
    assert page.status_code == 200
    assert HOSTILE not in page.text
    assert "&lt;img src=x" in page.text


def test_the_state_is_told_to_programs() -> None:
    """In the same words as on the page."""
    tier = WatchedTier()
    tier.fake.states = {"loginconnector": "PAUSED"}
    look = get("/api/look", tier).json()
    states = {carrier["name"]: carrier["state"] for carrier in look["carriers"]}
    assert states["loginconnector"] == "PAUSED"
    assert len(states) == 10


def test_the_stream_begins_with_the_state() -> None:
    """And every event says how to come back after it."""

    async def story(http: httpx.AsyncClient) -> list[str]:
        lines = []
        async with http.stream("GET", "/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                lines.append(line)
                if line.startswith("data:"):
                    return lines
        raise AssertionError(lines)

    retry, _, position, data = serve(WatchedTier(), story)
    assert retry == "retry: 250"
    assert re.fullmatch(r"id: 0(-0){10}", position)
    assert len(json.loads(data.removeprefix("data: "))["carriers"]) == 10


def settings(profile: Profile, **environ: str) -> PlatformSettings:
    return load({"QUARTET_PROFILE": profile, **environ}, tier="embedded")


def test_the_production_profile_has_no_console() -> None:
    """And says so where the address would stand."""
    console = Console(settings("production"))
    assert_does_not_serve(console)
    assert console.why_not == "none: the production profile has no console"


def test_a_port_that_nobody_chose_may_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform runs all the same: a console is no reason to be without it."""
    from containers.console import app
    from containers.engines import PlatformRefused

    def taken(*_: object) -> None:
        raise PlatformRefused("taken")

    monkeypatch.setattr(app, "bind_ports", taken)
    console = Console(settings("development"))
    assert_does_not_serve(console)
    assert console.why_not == "none: port 8088 is taken, CONSOLE_PORT chooses another"
    chosen = Console(settings("development", CONSOLE_PORT="18999"))
    with pytest.raises(PlatformRefused):
        assert_does_not_serve(chosen)


def assert_does_not_serve(console: Console) -> None:
    import asyncio

    async def run() -> None:
        async with console.running():
            pass

    asyncio.run(run())

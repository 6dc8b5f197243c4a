"""How a platform ends: by a signal or two, by `quartet down`, at any moment, or by a kill."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from pathlib import Path

import httpx
import pytest

from containers import settings
from containers.commands import up
from containers.commands.down import has_ended
from containers.polling import poll
from containers.process import COMMAND, PlatformProcess


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_time(number: signal.Signals, tmp_path: Path) -> None:
    """Exit code 0 within five seconds, even with a client that holds its connection open."""
    platform = PlatformProcess(tmp_path, "embedded", {})
    platform.start()
    with httpx.Client(base_url=platform.tier.urls["signup"]) as idle:
        assert idle.get("/livez").status_code == 200
        began = time.monotonic()
        assert platform.stop(number) == 0
    assert time.monotonic() - began < 5


@contextmanager
def start_of(platform: PlatformProcess) -> Iterator[subprocess.Popen[str]]:
    """The process of a platform that has begun to start."""
    with subprocess.Popen(
        [*COMMAND, "up", "--data", str(platform.data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=platform.environ,
    ) as starting:
        assert starting.stderr is not None
        next(line for line in starting.stderr if "ports are good" in line)
        yield starting


def test_a_signal_while_it_starts(tmp_path: Path) -> None:
    """What has been started by then is stopped in order, and `ready` is never said."""
    platform = PlatformProcess(tmp_path, "embedded", {})
    with start_of(platform) as starting:
        starting.send_signal(signal.SIGTERM)
        out, talk = starting.communicate(timeout=10)
    assert (starting.returncode, out) == (0, "")
    assert "Traceback" not in talk


def test_down_while_it_starts(tmp_path: Path) -> None:
    """It is stopped as a ready one is, and its process has ended when `down` returns."""
    platform = PlatformProcess(tmp_path, "embedded", {})
    with start_of(platform) as starting:
        stopped = platform.run("down")
        assert (stopped.returncode, starting.poll()) == (0, 0), stopped.stderr
        assert starting.communicate()[0] == ""


class Stopped:
    """A platform that is asked to stop as soon as it is ready, and the console beside it."""

    urls: Mapping[str, str] = {}
    smtp, url, why_not = "", "", None
    stand_ins: Sequence[str] = ()

    async def __aenter__(self) -> "Stopped":
        os.kill(os.getpid(), signal.SIGTERM)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing has been started."""

    def running(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()


def test_a_signal_after_the_end_kills_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter takes some tenths of a second to end: a second Ctrl-C comes often then."""
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr("containers.console.app.Console", lambda wanted: Stopped())
    monkeypatch.setattr(up, "platform_of", lambda wanted, progress: Stopped())
    monkeypatch.setattr(up.atexit, "register", at_exit.append)
    before = {number: signal.getsignal(number) for number in up.STOP_SIGNALS}
    try:
        assert up.run(settings.load(data=tmp_path)) == 0
        handlers = [signal.getsignal(number) for number in up.STOP_SIGNALS]
        assert not {signal.SIG_DFL, signal.default_int_handler} & set(handlers)
        at_exit[-1]()
        assert {signal.getsignal(number) for number in up.STOP_SIGNALS} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells the state of a process")
def test_a_process_that_nobody_has_asked_for_has_ended_too() -> None:
    """Its parent may do so much later, or never."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert not has_ended(child.pid)
        child.kill()
        poll(lambda: has_ended(child.pid) or None, within_seconds=5, what="the end of the process")
        child.wait()
        assert has_ended(child.pid)


def test_a_killed_platform_is_seen_to_be_gone(tmp_path: Path) -> None:
    """What it left behind does not look like a running one, and the next starts on it."""
    platform = PlatformProcess(tmp_path, "embedded", {})
    platform.start()
    platform.kill()
    assert platform.run("status").returncode == 3
    assert platform.run("down").returncode == 3
    platform.start()
    assert platform.stop() == 0

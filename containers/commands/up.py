"""Starting a platform: in the foreground until a signal, or detached as a process of its own."""

import asyncio
import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from containers.doctor import data_folder_problem
from containers.engines import PlatformRefused
from containers.folder import refusal
from containers.masking import masked_url
from containers.output import say, show
from containers.settings import PlatformSettings, TierName

STOP_SECONDS: Mapping[TierName, float] = {"embedded": 4.5, "containers": 60.0, "external": 15.0}
"""A stop that takes longer is cut: on the embedded tier the contract gives five seconds, and every store
survives a kill; containers have to be removed, or they stay."""

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)

STANDS_IN: Mapping[TierName, tuple[str, str]] = {
    "embedded": (
        "the four services, SMTP, the connector files",
        "SQLite for MySQL and MongoDB, a durable log in SQLite for Kafka, "
        "an interpreter of the connector files for Kafka Connect",
    ),
    "containers": (
        "the four services, MySQL, MongoDB, Kafka, Kafka Connect with Debezium, SMTP",
        "the development inbox for a mail server",
    ),
    "external": ("everything that the environment names", "nothing"),
}
"""What is real on a tier, and what stands in for what."""


class Platform(Protocol):
    """What every tier's platform is to this command: ready when entered, stopped when left.

    stand_ins: what stands in for what besides what STANDS_IN says, because this machine has no better.
    """

    urls: Mapping[str, str]
    smtp: str
    stand_ins: Sequence[str]

    async def __aenter__(self) -> Any: ...

    async def __aexit__(self, *exc: object) -> None: ...


def platform_of(wanted: PlatformSettings, progress: Callable[[str], object]) -> Platform:
    """The platform of a tier, not started; the one place that a further tier is added to.

    progress: told each part as it stands.
    """
    if wanted.tier == "containers":
        from containers.docker.platform import ContainersPlatform

        return ContainersPlatform(wanted, progress=progress)
    if wanted.tier == "external":
        from containers.external import ExternalPlatform

        return ExternalPlatform(wanted, progress=progress)
    from containers.embedded.platform import EmbeddedPlatform

    return EmbeddedPlatform(wanted.data, wanted.environ, progress=progress)


def run(wanted: PlatformSettings) -> int:
    """Runs the platform until SIGTERM or Ctrl-C; returns the exit code.

    Raises:
        PlatformRefused, SettingsInvalid: it cannot start.
    """
    if problem := data_folder_problem(wanted.data):
        raise PlatformRefused(problem)
    say(f"Starting the {wanted.tier} tier on {wanted.data} …")
    import uvloop  # the loop that the services run on elsewhere too

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(wanted))


async def _serve(wanted: PlatformSettings) -> int:
    began = time.perf_counter()
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(1)  # asked twice: now
        stop.set()
        say("Stopping …")
        loop.call_later(STOP_SECONDS[wanted.tier], os._exit, 1)
        if not is_ready and main is not None:
            main.cancel()

    def progress(part: str) -> None:
        say(f"  {time.perf_counter() - began:4.1f} s  {part}")

    is_ready = False
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    from containers.console.app import Console

    console = Console(wanted)
    try:
        async with platform_of(wanted, progress) as platform, console.running():
            is_ready = True
            _tell(wanted, platform, console.why_not or console.url)
            await stop.wait()
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        for number in STOP_SIGNALS:  # the loop ends, and who asks twice still means: now
            loop.remove_signal_handler(number)
            signal.signal(number, lambda _number, _frame: os._exit(1))
        # The interpreter takes some tenths of a second to end and calls no handler: nothing is left to stop.
        atexit.register(_ignore_signals)
    return 0


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _tell(wanted: PlatformSettings, platform: Platform, console: str) -> None:
    """Says what runs; `ready` is the last line, and who waits for it needs no other."""
    real, stand_ins = STANDS_IN[wanted.tier]
    lines = {
        "tier": f"{wanted.tier}, {wanted.profile} profile",
        "real": real,
        "stands in": "; ".join([stand_ins, *platform.stand_ins]),
        "data": wanted.data.absolute(),
        **{name.replace("_", "-"): masked_url(url) for name, url in platform.urls.items()},
        "mail": f"{platform.smtp} (SMTP)",
        "console": console,
        "next": "quartet demo",
    }
    for name, value in lines.items():
        show(f"{name:<14}  {value}")
    show("ready")


def detach(wanted: PlatformSettings) -> int:
    """Starts the platform as a process of its own and returns once it is ready, or has said why it is not.

    Its talk and logs go to platform.log in the data folder; its result and, should it end early, what it
    said are handed on here. Returns the exit code.
    """
    if problem := data_folder_problem(wanted.data):
        raise PlatformRefused(problem)
    data = wanted.data.absolute()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = data / "platform.log"
    command = [sys.executable, "-m", "containers", "up", "--tier", wanted.tier, "--data", str(data)]
    command += ["--keep"] if wanted.keep else []
    try:
        kept = log.open("ab")
    except OSError as error:
        raise refusal(error, log) from error
    with kept:
        began = kept.tell()
        child = subprocess.Popen(  # noqa: S603 - this very program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=kept,
            start_new_session=True,
            text=True,
            errors="replace",
        )
    assert child.stdout is not None
    try:
        for line in child.stdout:
            show(line.rstrip("\n"))
            if line == "ready\n":
                say(f"It goes on as process {child.pid}; quartet down stops it. Its log is {log}.")
                return 0
        code = child.wait()
    except KeyboardInterrupt:
        child.terminate()
        raise
    with log.open("rb") as told:
        told.seek(began)
        said = told.read().decode(errors="replace").splitlines()
    for line in said:
        if not line.startswith("{"):  # logs are for the file
            say(line)
    return code or 1

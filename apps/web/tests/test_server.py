"""Starting and stopping, in one loop and as a process."""

import asyncio
import contextlib
import errno
import signal
import socket
import sys
import time
from typing import Any

import httpx
import pytest

from apps.web import server as server_module
from apps.web import tasks
from apps.web.app import create_app
from apps.web.server import PortTaken, Server, bind
from apps.web.settings import SettingsInvalid
from apps.web.tests.serving import OPERATIONS, Wire


def app(**options: Any) -> Any:
    return create_app("test", service="test", operations=OPERATIONS, **options)


def free_port() -> int:
    with bind() as bound:
        port: int = bound.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_several_apps_share_a_loop_and_stop_together() -> None:
    """Each on its own socket; afterwards nobody listens, and they can start anew."""

    async def scenario() -> None:
        for _ in range(2):
            apps = [app() for _ in range(4)]
            async with Server([(each, bind()) for each in apps]) as server, httpx.AsyncClient() as client:
                for each in apps:
                    assert (await client.get(f"{server.urls[each.name]}/livez")).status_code == 200
                ports = [int(url.rpartition(":")[2]) for url in server.urls.values()]
            assert not any(listens(port) for port in ports)

    asyncio.run(scenario())


def test_a_stop_with_idle_connections_open_takes_no_time() -> None:
    """wait_closed() would wait for them since Python 3.12."""

    async def scenario() -> None:
        one = app()
        async with Server([(one, bind())]) as server:
            port = int(server.urls[one.name].rpartition(":")[2])
            peers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            peers[1][1].write(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
            peers[2][1].write(b"GET /livez HT")
            await peers[1][0].readuntil(b"}")
            began = time.monotonic()
        assert time.monotonic() - began < 1.5
        for _, writer in peers:
            writer.close()

    async def bounded() -> None:
        async with asyncio.timeout(5):
            await scenario()

    asyncio.run(bounded())


def test_requests_in_flight_end_and_say_that_the_connection_closes() -> None:
    """Their connection is not offered for a next request."""

    async def scenario() -> None:
        one = app()
        one.ctx.gate = asyncio.Event()
        server = Server([(one, bind())])
        async with server:
            wire = Wire(one, server.urls[one.name], server)
            reply = asyncio.ensure_future(wire.send(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n"))
            await asyncio.sleep(0.05)
            asyncio.get_running_loop().call_later(0.1, one.ctx.gate.set)
        answer = await reply
        assert (answer.status, answer.headers["connection"]) == (200, "close")

    asyncio.run(scenario())


def test_a_request_that_does_not_end_is_cut_after_the_grace_time() -> None:
    """A stop is bounded, whatever a handler does."""

    async def scenario() -> None:
        one = app()
        one.ctx.gate = asyncio.Event()
        server = Server([(one, bind())], grace_seconds=0.2)
        async with server:
            wire = Wire(one, server.urls[one.name], server)
            reader, writer = await wire.open()
            writer.write(b"GET /slow HTTP/1.1\r\nHost: test\r\n\r\n")
            await asyncio.sleep(0.05)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        assert await reader.read() == b""
        writer.close()

    asyncio.run(scenario())


def test_what_does_not_end_by_itself_cannot_hold_up_a_stop(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A task that swallows its cancellation, and a pool whose server is away."""
    monkeypatch.setattr(tasks, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(server_module, "CLOSE_SECONDS", 0.1)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    async def start(app: Any) -> None:
        app.ctx.spawn(stubborn(), "stubborn")

    async def stop(app: Any) -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with Server([(app(start=start, stop=stop), bind())]):
            await asyncio.sleep(0)
        release.set()
        await asyncio.sleep(0)

    began = time.monotonic()
    asyncio.run(scenario())
    assert time.monotonic() - began < 2
    written = capfd.readouterr().err
    assert "task_does_not_end" in written
    assert "close_took_too_long" in written


def test_a_start_that_fails_leaves_nothing_behind() -> None:
    """The error itself comes out, the apps that had started are stopped, the ports are free."""
    stopped: list[str] = []

    async def refuse(app: Any) -> None:
        raise LookupError("no database")

    async def note(app: Any) -> None:
        stopped.append(app.ctx.service)

    async def scenario() -> None:
        sockets = [bind(), bind()]
        ports = [each.getsockname()[1] for each in sockets]
        apps = [app(stop=note), app(start=refuse)]
        with pytest.raises(LookupError):
            async with Server(list(zip(apps, sockets, strict=True))):
                raise AssertionError("this must not start")
        assert stopped == ["test"]
        assert not any(listens(port) for port in ports)

    asyncio.run(scenario())


def test_a_taken_port_is_named() -> None:
    """Before anything has started."""
    with bind() as taken:
        taken.listen()
        with pytest.raises(PortTaken) as raised:
            bind(taken.getsockname()[1])
        assert raised.value.port == taken.getsockname()[1]


@pytest.mark.parametrize("host", ["nonsense.invalid", "192.0.2.1", "2001:db8::1"])
def test_a_host_that_is_not_of_this_machine_is_a_setting_to_mend(host: str) -> None:
    """No port is to blame: a name that nobody has, and addresses for examples (RFC 5737, RFC 3849)."""
    with pytest.raises(SettingsInvalid, match=r"^LISTEN_HOST must be"):
        bind(0, host)


def test_a_port_that_needs_rights_is_not_called_taken() -> None:
    """Stopping another program would not help."""
    refused = PortTaken(80, PermissionError(errno.EACCES, "Permission denied"))
    assert str(refused) == "port 80 cannot be used (Permission denied)"


def test_nothing_listens_before_every_start_hook_is_done() -> None:
    """Migrations first, of all apps."""

    async def scenario() -> None:
        sockets = [bind(), bind()]
        ports = [each.getsockname()[1] for each in sockets]
        seen: list[bool] = []

        async def look(app: Any) -> None:
            await asyncio.sleep(0.02)
            seen.extend(listens(port) for port in ports)

        async with Server([(app(), sockets[0]), (app(start=look), sockets[1])]):
            assert seen == [False, False]
            assert all(listens(port) for port in ports)

    asyncio.run(scenario())


async def started(port: int) -> asyncio.subprocess.Process:
    process = await run(str(port))
    assert process.stderr is not None
    async with asyncio.timeout(10):
        while b'"listening"' not in (line := await process.stderr.readline()):
            assert line, "it ended before it listened"
    return process


async def run(argument: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "apps.web.tests.one_service", argument, stdout=pipe, stderr=pipe
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_gently(number: signal.Signals) -> None:
    """What is in flight is answered, what is new is refused, the exit code is 0."""

    async def scenario() -> None:
        port = free_port()
        process = await started(port)
        assert process.stdout is not None
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            in_flight = asyncio.ensure_future(client.get("/slow?seconds=0.5"))
            assert await process.stdout.readline() == b"in flight\n"
            began = time.monotonic()
            process.send_signal(number)
            while listens(port):
                assert time.monotonic() - began < 0.4
                await asyncio.sleep(0.01)
            assert (await in_flight).json() == {"done": True}
        output, errors = await process.communicate()
        assert (process.returncode, output) == (0, b"pools closed\n"), errors.decode()
        assert time.monotonic() - began < 3
        assert b"Traceback" not in errors

    asyncio.run(scenario())


def test_a_stuck_request_does_not_keep_the_process() -> None:
    """SIGTERM to exit within five seconds, however long a handler takes."""

    async def scenario() -> None:
        port = free_port()
        process = await started(port)
        assert process.stdout is not None
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: test\r\n\r\n")
        assert await process.stdout.readline() == b"in flight\n"
        began = time.monotonic()
        process.terminate()
        _, errors = await process.communicate()
        assert time.monotonic() - began < 5
        assert process.returncode == 0, errors.decode()
        writer.close()

    asyncio.run(scenario())


def test_a_second_signal_ends_the_process_at_once() -> None:
    """Whoever asks twice does not want to wait."""

    async def scenario() -> None:
        port = free_port()
        process = await started(port)
        assert process.stdout is not None
        assert process.stderr is not None
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: test\r\n\r\n")
        assert await process.stdout.readline() == b"in flight\n"
        process.terminate()
        while b'"stopping"' not in await process.stderr.readline():
            pass
        process.terminate()
        await process.communicate()
        assert process.returncode == -signal.SIGTERM
        writer.close()

    asyncio.run(scenario())


def test_settings_and_ports_decide_the_exit_code() -> None:
    """2 with every problem of the settings and for a strange host, 3 for a taken port and a newer schema."""

    async def scenario() -> None:
        _, errors = await (bad := await run("bad")).communicate()
        assert (bad.returncode, errors) == (2, b"setting A is not set\nsetting B must be a port\n")
        _, errors = await (strange := await run("strange")).communicate()
        said = b"setting LISTEN_HOST must be an address of this machine\n"
        assert (strange.returncode, errors) == (2, said)
        _, errors = await (newer := await run("newer")).communicate()
        said = b"login has the schema 9999, which is newer than this program: start the version that wrote it"
        assert (newer.returncode, errors.startswith(said), b"Traceback" in errors) == (3, True, False)
        with bind() as taken:
            taken.listen()
            port = str(taken.getsockname()[1])
            _, errors = await (late := await run(port)).communicate()
        assert (late.returncode, errors.decode().startswith(f"port {port} is taken")) == (3, True)

    asyncio.run(scenario())

"""What a platform needs of this machine, and what to do where something is missing; standard library only,
because `up` asks the same questions before it starts anything.
"""

import errno
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 35, 0)
"""RETURNING came with SQLite 3.35 (sqlite.org/lang_returning.html)."""

LEAST_FREE_BYTES = 50 * 2**20
"""What databases, log and their write-ahead files need before a first sign-up, with room to stop in order."""

COMFORTABLE_FREE_BYTES = 500 * 2**20
COMFORTABLE_MEMORY_BYTES = 200 * 2**20
"""The embedded platform takes about 120 MiB, and a hash 19 MiB on each core."""

ELSEWHERE = "choose another data folder with --data or QUARTET_DATA"


@dataclass(frozen=True)
class Check:
    """One prerequisite: what was found and, unless it is ok, what to do. Only `missing` keeps `up` back."""

    name: str
    state: Literal["ok", "warning", "missing"]
    found: str
    advice: str | None = None


def examine(data: Path, ports: Mapping[str, int], *, running_pid: int | None = None) -> list[Check]:
    """Every check, in the order in which a reader wants to know; changes nothing.

    Args:
        data: the data folder, which need not exist yet.
        ports: ports by the name of their setting.
        running_pid: the platform that runs on this data folder and so may hold the ports.
    """
    return [
        _python(),
        _sqlite(),
        _data_folder(data),
        _disk(data),
        _memory(),
        _clock(data),
        *(_port(name, port, running_pid) for name, port in ports.items()),
    ]


def data_folder_problem(data: Path) -> str | None:
    """Why the data folder cannot be used, as one sentence; None if files can be written and kept there."""
    try:
        os.lstat(data)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return f"The data folder {data} cannot be made (its name is too long): {ELSEWHERE}."
    place = _nearest(data)
    if not place.is_dir():
        return f"{place} is not a folder: {ELSEWHERE}."
    try:
        with tempfile.TemporaryDirectory(prefix=".probe-", dir=place) as folder:
            _write_durably(Path(folder) / "probe")
            with closing(sqlite3.connect(Path(folder) / "probe.sqlite")) as probe:
                (mode,) = probe.execute("PRAGMA journal_mode=WAL").fetchone()
                probe.execute("CREATE TABLE probe (id INTEGER PRIMARY KEY)")
    except (OSError, sqlite3.Error) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        return f"The data folder {data} cannot be written ({reason}): {ELSEWHERE}."
    if mode != "wal":
        return f"The data folder {data} is on a file system without shared memory: {ELSEWHERE}."
    if shutil.disk_usage(place).free < LEAST_FREE_BYTES:
        return f"The data folder {data} is full: free {_mib(LEAST_FREE_BYTES)}, or {ELSEWHERE}."
    return None


def port_problem(name: str, port: int) -> str | None:
    """Why nothing can listen on this port of the loopback address, as one sentence; None if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = os.strerror(error.errno or 0)
                return f"Port {port} cannot be used ({reason}): set {name} to another port."
            owner = port_owner(port)
            who = f" by {owner[1]} (pid {owner[0]})" if owner else ""
            return f"Port {port} is taken{who}: stop what uses it or set {name} to another port."
    return None


def port_owner(port: int) -> tuple[int, str] | None:
    """Process id and name of who listens on this port, where Linux lets that be seen."""
    inodes = set(_listening_inodes(port))
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with suppress(OSError):
            if any(os.readlink(handle) in inodes for handle in (process / "fd").iterdir()):
                return int(process.name), (process / "comm").read_text().strip()
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    """Of /proc/net/tcp, see proc(5): columns 1 local address, 3 state (0A: listening), 9 inode."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                column = line.split()
                if column[3] == "0A" and int(column[1].rpartition(":")[2], 16) == port:
                    yield f"socket:[{column[9]}]"


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        return Check("Python", "missing", found, "Install Python 3.11 or newer.")
    return Check("Python", "ok", found)


def _sqlite() -> Check:
    found = sqlite3.sqlite_version
    advice = "Use a Python built with SQLite 3.35 or newer with JSON functions, such as python.org's."
    with closing(sqlite3.connect(":memory:")) as probe:
        try:
            probe.execute("SELECT json_object('a', 1), json_extract('{\"a\": 1}', '$.a')")
        except sqlite3.Error:
            return Check("SQLite", "missing", f"{found} without JSON functions", advice)
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        return Check("SQLite", "missing", found, advice)
    return Check("SQLite", "ok", f"{found} with JSON functions")


def _data_folder(data: Path) -> Check:
    problem = data_folder_problem(data)
    if problem:
        return Check("data folder", "missing", str(data), problem)
    return Check("data folder", "ok", f"{data} ({'can be written' if data.exists() else 'can be made'})")


def _disk(data: Path) -> Check:
    free = shutil.disk_usage(_nearest(data)).free
    if free < COMFORTABLE_FREE_BYTES:
        return Check(
            "free disk", "warning", _mib(free), f"Free {_mib(COMFORTABLE_FREE_BYTES)} for longer use."
        )
    return Check("free disk", "ok", _mib(free))


def _memory() -> Check:
    available = available_memory_bytes()
    if available is None:
        return Check("free memory", "ok", "not known on this system")
    if available < COMFORTABLE_MEMORY_BYTES:
        return Check("free memory", "warning", _mib(available), f"Free {_mib(COMFORTABLE_MEMORY_BYTES)}.")
    return Check("free memory", "ok", _mib(available))


def available_memory_bytes() -> int | None:
    """What programs may still take on this machine; None where it does not say."""
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _clock(data: Path) -> Check:
    """A clock behind the files that exist would make every token of before invalid."""
    now = time.time()
    newest = Path(__file__).stat().st_mtime
    with suppress(OSError):  # which another check tells
        newest = max((newest, *(path.stat().st_mtime for path in data.glob("*"))))
    found = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    if newest > now + 60:
        ahead = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(newest))
        return Check(
            "clock", "warning", f"{found}, behind a file of {ahead}", "Set the clock of this machine."
        )
    return Check("clock", "ok", found)


def _port(name: str, port: int, running_pid: int | None) -> Check:
    problem = port_problem(name, port)
    if problem is None:
        return Check(f"port {port}", "ok", f"free for {name}")
    owner = port_owner(port)
    if owner and owner[0] == running_pid:
        return Check(f"port {port}", "ok", f"{name}, used by the running platform (pid {running_pid})")
    found = f"{name}, used by {owner[1]} (pid {owner[0]})" if owner else f"{name}, not free"
    return Check(f"port {port}", "missing", found, problem)


def _nearest(data: Path) -> Path:
    """The data folder, or the nearest folder above it that exists."""
    place = data.absolute()
    while not os.path.exists(place):  # not Path.exists, which raises where it may not look
        place = place.parent
    return place


def _write_durably(path: Path) -> None:
    with path.open("wb") as probe:
        probe.write(bytes(64 * 1024))
        probe.flush()
        os.fsync(probe.fileno())


def _mib(size_bytes: int) -> str:
    return f"{size_bytes // 2**20} MiB"

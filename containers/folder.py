"""The data folder of a platform: what lies where, who holds it, and what is wrong with it.

signup_db.sqlite login_db.sqlite rpwd_db.sqlite    the databases of sign-up, login and reset-password
activate_user_reg_db.sqlite                        the documents of activation
log.sqlite inbox.sqlite                            topics and connector offsets; the development inbox
                                                   (these six on the embedded tier only)
keys/                                              secrets (keys.py)
platform.lock                                      held (flock) while a platform runs here or starts; by whom
platform.json                                      where it answers; there once it is ready
platform.log                                       what it says when it runs detached
watchdog.json                                      what the watchdog of real connectors has found
tier                                               of the platform that ran here last
"""

import errno
import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from containers.engines import NotRunning, PlatformRefused
from containers.polling import DeadlinePassed, poll
from containers.settings import TIERS, TierName

SQL_DATABASES = ("signup_db", "login_db", "rpwd_db")
DOCUMENTS = "activate_user_reg_db"
PEEK_SECONDS = 0.2
"""Who asks whether a platform runs takes its lock for a moment: that is no platform yet."""

FILES = (*SQL_DATABASES, DOCUMENTS, "log", "inbox")


@dataclass(frozen=True)
class Description:
    """What platform.json says: `urls` by service, `smtp` as host:port, `started_at` in RFC 3339.

    engines: of a tier with engines of their own, where each answers: host:port by name.
    """

    tier: str
    pid: int
    profile: str
    started_at: str
    urls: Mapping[str, str]
    smtp: str
    ports: Mapping[str, int]
    engines: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Holder:
    """The process that runs a platform here, starts it or is about to end it."""

    pid: int
    tier: str


class DataFolder:
    """One data folder, by its path."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.keys = self.path / "keys"
        self._lock = self.path / "platform.lock"
        self._description = self.path / "platform.json"
        self.findings = self.path / "watchdog.json"
        self._last_tier = self.path / "tier"

    def file(self, name: str) -> Path:
        """The SQLite file of a database, of the log or of the inbox."""
        return self.path / f"{name}.sqlite"

    @property
    def has_accounts(self) -> bool:
        return any(self.file(name).exists() for name in SQL_DATABASES)

    @contextmanager
    def held(self, tier: str) -> Iterator[None]:
        """Makes the folder if need be and keeps every other platform out of it.

        Args:
            tier: told to who asks for the holder().

        Raises:
            PlatformRefused: another platform runs here, or the folder cannot be used.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise refusal(error, Path(error.filename or self.path)) from error
        try:
            try:
                poll(lambda: _takes(lock) or None, within_seconds=PEEK_SECONDS, what="the lock")
            except DeadlinePassed as passed:
                raise PlatformRefused(
                    f"A platform is running on {self.path} already: `quartet status` shows it, "
                    "`quartet down` stops it, --data chooses another folder."
                ) from passed
            self.forget()
            os.truncate(lock, 0)
            os.write(lock, f"{os.getpid()} {tier}\n".encode())
            yield
        finally:
            os.close(lock)

    def remember(self, tier: TierName) -> None:
        """Notes the tier beyond the end of the platform, however it ends; once its settings are known to hold
        and before it leaves anything that `quartet down` would have to find.
        """
        self._last_tier.write_text(f"{tier}\n", encoding="ascii")

    def holder(self) -> Holder | None:
        """Who keeps the folder, from the start of a platform to its end; None if nobody does."""
        try:
            with self._lock.open() as lock:
                with suppress(BlockingIOError):
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return None
                pid, tier = lock.read().split()
                return Holder(int(pid), tier)
        except (OSError, ValueError):
            return None

    def check_files(self, *, thoroughly: bool = False) -> None:
        """Raises PlatformRefused, naming the file, for one that is not a sound SQLite database, or is gone.

        Args:
            thoroughly: read all of each file, not only its first page.
        """
        for path in filter(Path.exists, map(self.file, FILES)):
            try:
                with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
                    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
                    if thoroughly and connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                        raise PlatformRefused(f"{path} is damaged: {_cure(path)}.")
            except sqlite3.DatabaseError as error:
                raise refusal(error, path) from error
        accounts = self.file("signup_db")
        if not (accounts.exists() and accounts.stat().st_size) and _has_users(self.file("login_db")):
            # Nothing fills it again, and new accounts would get the ids of those that the copies still have.
            raise PlatformRefused(f"{accounts} is gone, and its copies are not: {_cure(accounts)}.")

    def describe(self, description: Description) -> None:
        """Writes platform.json, whole or not at all."""
        draft = self._description.with_suffix(".new")
        draft.write_text(json.dumps(asdict(description), indent=2) + "\n", encoding="utf-8")
        draft.rename(self._description)

    def forget(self) -> None:
        """Removes platform.json: nothing answers any more."""
        self._description.unlink(missing_ok=True)

    def description(self) -> Description:
        """What runs here.

        Raises:
            NotRunning: nothing does, or it is not ready yet.
        """
        try:
            found: dict[str, Any] = json.loads(self._description.read_text(encoding="utf-8"))
            description = Description(**found)
        except (OSError, ValueError, TypeError) as error:
            raise self._not_running() from error
        if not self._is_alive(description.pid):
            raise self._not_running()
        return description

    def last_tier(self) -> TierName | None:
        """The tier of the platform that runs here or ran last; None if none ever did."""
        found = None
        if holder := self.holder():
            found = holder.tier
        else:
            with suppress(OSError, ValueError):
                found = self._last_tier.read_text(encoding="ascii").strip()
        return next((tier for tier in TIERS if tier == found), None)

    def _not_running(self) -> NotRunning:
        if holder := self.holder():
            return NotRunning(
                f"The platform on {self.path} (pid {holder.pid}) is not ready, it starts or stops: wait a "
                "moment, or end it with `quartet down`."
            )
        return NotRunning(f"No platform is running on {self.path}: start one with `quartet up`.")

    def _is_alive(self, pid: int) -> bool:
        """The process id alone may belong to another process by now; the lock cannot."""
        with suppress(PermissionError):  # it lives, and belongs to someone else
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return False
        with suppress(OSError), self._lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        return True


def refusal(error: OSError | sqlite3.Error, path: Path) -> PlatformRefused:
    """One sentence for people about a file or folder that cannot be used, and what to do about it."""
    code = error.errno if isinstance(error, OSError) else getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (errno.ENOSPC, errno.EDQUOT) or _is(error, code, sqlite3.SQLITE_FULL):
        return PlatformRefused(f"The disk that holds {path} is full: free some space and start again.")
    if _is(error, code, sqlite3.SQLITE_NOTADB) or _is(error, code, sqlite3.SQLITE_CORRUPT):
        return PlatformRefused(f"{path} is damaged: {_cure(path)}.")
    if _is(error, code, sqlite3.SQLITE_BUSY):
        return PlatformRefused(f"{path} is locked by another program: close that and start again.")
    if isinstance(error, OSError) and code in (errno.EEXIST, errno.ENOTDIR):
        return PlatformRefused(f"{path} is not a folder: choose another with --data or QUARTET_DATA.")
    if isinstance(error, OSError) and code == errno.EISDIR:
        return PlatformRefused(f"{path} is a folder in the place of a file: move it away and start again.")
    return PlatformRefused(
        f"{path} cannot be read and written ({error}): mend its rights, or choose another folder with --data."
    )


def _takes(lock: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _has_users(path: Path) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
        try:
            return connection.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:  # a first start was cut off before it made the table
            return False


def _cure(path: Path) -> str:
    if path.stem == "inbox":
        return f"remove it together with {path.name}-wal, and only the mails in it are lost"
    if path.stem == "log":
        return f"remove it together with {path.name}-wal, and the topics are filled anew from the databases"
    folder = path if path.is_dir() else path.parent
    return f"put a copy back, or remove the data folder {folder} to start over"


def _is(error: OSError | sqlite3.Error, code: int | None, sqlite_code: int) -> bool:
    return isinstance(error, sqlite3.Error) and code == sqlite_code

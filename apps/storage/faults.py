"""What a database error means for the caller: try the transaction again, give up for now, or a bug.

MySQL numbers: the server and client error references of MySQL 8.4; 3100 and 3101 come from Group
Replication. SQLite numbers: sqlite.org/rescode.html (primary codes, the low byte).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from apps.storage.errors import StorageUnavailable


class Fault(Enum):
    """RACE: a repeat may succeed. OUTAGE: the store cannot do it now. BUG: neither."""

    RACE = auto()
    OUTAGE = auto()
    BUG = auto()


_MYSQL_RACES = frozenset({1205, 1213, 3101})  # lock wait, deadlock, lost the group's certification
_MYSQL_OUTAGES = frozenset(
    {1021, 1026, 1030, 1041, 1114, 1180}  # disk full, not written, out of memory, table full, no commit
    | {1040, 1044, 1045, 1049, 1129, 1203, 1226}  # no entry: too many connections, rights, no database
    | {1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 4031}  # the connection went away
    | {2002, 2003, 2005, 2006, 2013, 2014, 2045, 2055}  # the same, as the client sees it
    | {1290, 1792, 1836, 3032, 3100}  # a member that may not write (any more), or is offline
    | {3168, 3169}  # the server is not available, the session was killed
    | {1317, 3024}  # the statement ran past its deadline
)
_SQLITE_RACES = frozenset({5, 6})  # BUSY, LOCKED
_SQLITE_OUTAGES = frozenset({3, 8, 10, 11, 13, 14, 26})  # PERM READONLY IOERR CORRUPT FULL CANTOPEN NOTADB


def judge(error: BaseException) -> Fault:
    """Say what `error`, raised by SQLAlchemy, a driver or a deadline, means for the caller."""
    if isinstance(error, IntegrityError):
        return Fault.RACE
    if isinstance(error, PoolTimeout | TimeoutError | OSError):
        return Fault.OUTAGE
    if isinstance(error, DBAPIError):
        return Fault.OUTAGE if error.connection_invalidated else _judge_driver(error.orig)
    return _judge_driver(error)


def _judge_driver(error: BaseException | None) -> Fault:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        races, outages = _SQLITE_RACES, _SQLITE_OUTAGES
    else:
        code = error.args[0] if error is not None and error.args else 0
        races, outages = _MYSQL_RACES, _MYSQL_OUTAGES
    if code in races:
        return Fault.RACE
    return Fault.OUTAGE if code in outages else Fault.BUG


@contextmanager
def outages() -> Iterator[None]:
    """Turn what the block raises because the store is out of order into StorageUnavailable."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        if judge(error) is Fault.BUG or isinstance(error, IntegrityError):
            raise
        raise StorageUnavailable from error

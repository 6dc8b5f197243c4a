"""What a database error means: a lost race, an outage or a bug."""

import asyncio
import sqlite3

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from apps.storage.errors import StorageUnavailable
from apps.storage.faults import Fault, judge, outages


def mysql_error(code: int, *, is_gone: bool = False) -> DBAPIError:
    return OperationalError(
        "SELECT 1", {}, pymysql.err.OperationalError(code, "…"), connection_invalidated=is_gone
    )


def sqlite_error(code: int) -> DBAPIError:
    error = sqlite3.OperationalError("…")
    error.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (mysql_error(1213), Fault.RACE),
        (mysql_error(1205), Fault.RACE),
        (mysql_error(3101), Fault.RACE),
        (IntegrityError("INSERT", {}, pymysql.err.IntegrityError(1062, "…")), Fault.RACE),
        (IntegrityError("INSERT", {}, sqlite3.IntegrityError("…")), Fault.RACE),
        (sqlite_error(sqlite3.SQLITE_BUSY), Fault.RACE),
        (sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT), Fault.RACE),
        (sqlite_error(sqlite3.SQLITE_LOCKED), Fault.RACE),
        (mysql_error(1290), Fault.OUTAGE),
        (mysql_error(1836), Fault.OUTAGE),
        (mysql_error(2003), Fault.OUTAGE),
        (mysql_error(2013), Fault.OUTAGE),
        (mysql_error(2013, is_gone=True), Fault.OUTAGE),
        (mysql_error(1040), Fault.OUTAGE),
        (mysql_error(1053), Fault.OUTAGE),
        (mysql_error(1114), Fault.OUTAGE),
        (mysql_error(3024), Fault.OUTAGE),
        (mysql_error(3100), Fault.OUTAGE),
        (mysql_error(3032), Fault.OUTAGE),
        (mysql_error(1180), Fault.OUTAGE),
        (mysql_error(7777, is_gone=True), Fault.OUTAGE),
        (sqlite_error(sqlite3.SQLITE_FULL), Fault.OUTAGE),
        (sqlite_error(sqlite3.SQLITE_READONLY_DIRECTORY), Fault.OUTAGE),
        (sqlite_error(sqlite3.SQLITE_IOERR_FSYNC), Fault.OUTAGE),
        (sqlite_error(sqlite3.SQLITE_CANTOPEN), Fault.OUTAGE),
        (sqlite_error(sqlite3.SQLITE_CORRUPT), Fault.OUTAGE),
        (PoolTimeout(), Fault.OUTAGE),
        (TimeoutError(), Fault.OUTAGE),
        (ConnectionResetError(), Fault.OUTAGE),
        (mysql_error(1064), Fault.BUG),
        (mysql_error(1146), Fault.BUG),
        (mysql_error(1054), Fault.BUG),
        (sqlite_error(sqlite3.SQLITE_ERROR), Fault.BUG),
        (DBAPIError("SELECT 1", {}, pymysql.err.InternalError()), Fault.BUG),
        (ValueError(), Fault.BUG),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else str(getattr(value, "orig", value)),
)
def test_judgement(error: Exception, fault: Fault) -> None:
    """By the number, whatever the text says."""
    assert judge(error) is fault


def test_outages_translates_outages_only() -> None:
    """An outage or a lost race becomes StorageUnavailable; bugs, constraints and cancellation pass."""
    for error in (mysql_error(1290), mysql_error(1213), TimeoutError()):
        with pytest.raises(StorageUnavailable), outages():
            raise error
    constraint = IntegrityError("INSERT", {}, sqlite3.IntegrityError("…"))
    for other in (mysql_error(1064), constraint, KeyError("x"), asyncio.CancelledError()):
        with pytest.raises(type(other)), outages():
            raise other

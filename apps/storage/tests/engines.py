"""Where a run of the tests keeps its databases: in SQLite, unless the environment names a MySQL server.

`QUARTET_TEST_MYSQL_URL=mysql+aiomysql://user:password@host:port` names one whose databases called `q_…` may
be made and dropped; `tox -e mysql` starts such a server and runs the suites of the stores on it.

`QUARTET_TEST_MONGO_URL` names a replica set. The suites of the document stores run on it with both drivers;
`tox -e mongo` starts its stand-in for them. Collections of earlier runs do not matter.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest
import sqlalchemy as sa
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient

from apps.storage.database import Database
from apps.storage.mongo import MongoDocuments

_SERVER = os.environ.get("QUARTET_TEST_MYSQL_URL")
ON_MYSQL = _SERVER is not None

only_on_sqlite = pytest.mark.skipif(ON_MYSQL, reason="about SQLite's file, and this run is on MySQL")

_REPLICA_SET = os.environ.get("QUARTET_TEST_MONGO_URL")

only_on_mongo = (
    pytest.mark.containers,
    pytest.mark.skipif(_REPLICA_SET is None, reason="QUARTET_TEST_MONGO_URL names no MongoDB server"),
)
DRIVERS: Mapping[str, Callable[..., Any]] = {"motor": AsyncIOMotorClient, "pymongo": AsyncMongoClient}


def open_documents(driver: str) -> MongoDocuments:
    """The documents of the replica set that the environment names, through one of DRIVERS."""
    return MongoDocuments(_REPLICA_SET or "", client_factory=DRIVERS[driver])


_made: dict[Path, set[str]] = {}


def open_database(folder: Path, name: str, *, pool_size: int = 8) -> Database:
    """The database `name` of the test whose temporary folder this is; empty when it is first opened."""
    return Database(database_url(folder, name), pool_size=pool_size)


def database_url(folder: Path, name: str) -> str:
    """The address of that database; on MySQL the databases of earlier tests are dropped."""
    if _SERVER is None:
        return f"sqlite+aiosqlite:///{folder / name}.sqlite"
    database = f"q_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}_{name}"
    if database not in _made.get(folder, ()):
        _make(folder, database)
    return sa.make_url(_SERVER).set(database=database).render_as_string(hide_password=False)


def _make(folder: Path, database: str) -> None:
    url = sa.make_url(_SERVER or "")
    server = pymysql.connect(host=url.host, port=url.port, user=url.username, password=url.password or "")
    with closing(server), server.cursor() as cursor:
        for earlier in [other for other in _made if other != folder]:
            for gone in _made.pop(earlier):
                cursor.execute(f"DROP DATABASE `{gone}`")
        # A process that a test starts opens the same.
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb4")
    _made.setdefault(folder, set()).add(database)

"""One SQLite file behind one thread: short statements that never block the loop and never meet each other."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from apps.storage.errors import StorageUnavailable
from containers.embedded.files import open_file, transaction

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class SQLiteThread:
    """Opens the file at the first use and has `prepare` make its tables."""

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], object]) -> None:
        self._path, self._prepare = path, prepare
        self._connection: sqlite3.Connection | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=path.stem)

    async def read(self, work: Work[T]) -> T:
        """What `work` returns, run on the file's thread.

        Raises:
            StorageUnavailable: the file is locked, damaged or gone, or its disk is full.
        """
        return await self._run(work)

    async def write(self, work: Work[T]) -> T:
        """As `read`, in one transaction that is on the disk when this returns."""

        def write(connection: sqlite3.Connection) -> T:
            with transaction(connection):
                return work(connection)

        return await self._run(write)

    async def close(self) -> None:
        def close() -> None:
            if self._connection is not None:
                self._connection.close()

        await asyncio.get_running_loop().run_in_executor(self._executor, close)
        self._executor.shutdown()

    async def _run(self, work: Work[T]) -> T:
        def run() -> T:
            try:
                return work(self._open())
            except sqlite3.IntegrityError:
                raise
            except sqlite3.DatabaseError as error:
                raise StorageUnavailable from error

        return await asyncio.get_running_loop().run_in_executor(self._executor, run)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = open_file(self._path)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

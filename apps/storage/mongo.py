"""MongoDB behind the port of `documents.py`; the one place that knows motor.

motor gets fixes only until 2027-05. The calls used here are those it shares with pymongo's own
AsyncMongoClient: the client is an argument, and the contract suite runs with either.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    WriteConcernError,
)
from pymongo.uri_parser import parse_uri, split_options

from apps.auth.hosts import is_host, is_port
from apps.storage.documents import Document
from apps.storage.errors import DuplicateDocument, StorageUnavailable

T = TypeVar("T")

DATABASE = "activate_user_reg_db"

# pymongo's own defaults are 30 s to find a server, 20 s to connect and for ever to wait for an answer.
OPTIONS: Mapping[str, Any] = {
    "serverSelectionTimeoutMS": 2000,
    "connectTimeoutMS": 2000,
    "socketTimeoutMS": 3000,
    "waitQueueTimeoutMS": 2000,
    "w": "majority",
    "readConcernLevel": "majority",  # or a repeat is taken for done by a write that a failover takes back
    "journal": True,
    "wTimeoutMS": 3000,
    "tz_aware": True,
}
SCHEME, SRV_SCHEME = "mongodb://", "mongodb+srv://"
CALL_SECONDS = 4.0
CLOSE_SECONDS = 2.0

# Server errors that are no fault of the call: no rights (13, 18, 8000), disk full (14031), and the codes
# of a member that steps down or shuts down (mongodb/specifications, SDAM "not writable primary").
_OUTAGES = frozenset({13, 18, 8000, 14031, 91, 189, 262, 10058, 10107, 11600, 11602, 13388, 13435, 13436})


def url_problem(url: str) -> str | None:
    """What is wrong with the address of a replica set, or None; no server is asked.

    The words are to be read after a name, and hold nothing of the address: it has a password in it.
    """
    if not url.startswith((SCHEME, SRV_SCHEME)):
        return f"must begin with {SCHEME} or {SRV_SCHEME}"
    try:
        hosts, database = _srv_parts(url) if url.startswith(SRV_SCHEME) else _parts(url)
    except (ConfigurationError, ValueError, OSError):  # OSError: the file of an option cannot be read
        hosts, database = [], ""
    is_good = all((is_host(host) and is_port(port)) or host.endswith(".sock") for host, port in hosts)
    if hosts and is_good and "@" not in database:  # there it is of a password with a slash in it
        return None
    return (
        f"must be of the form {SCHEME}user:password@host:port,…/?options, with known options, "
        "and with special characters of name and password percent-encoded"
    )


def _parts(url: str) -> tuple[list[tuple[str, int]], str]:
    parsed = parse_uri(url)
    return parsed["nodelist"], f"{parsed['database']}.{parsed['collection']}"


def _srv_parts(url: str) -> tuple[list[tuple[str, int]], str]:
    """The one host of an srv address, without a port: parse_uri would ask the DNS what it stands for."""
    address, _, options = url.removeprefix(SRV_SCHEME).partition("?")
    if options:
        split_options(options)
    hosts, database = _parts(f"{SCHEME}{address}")
    is_one = len(hosts) == 1 and ":" not in address.rpartition("@")[2]
    return hosts if is_one else [], database


class MongoDocuments:
    """The documents in MongoDB; writes are acknowledged by the majority and its journals.

    Args:
        url: `mongodb://host:port,…/?replicaSet=…`; the database is always `activate_user_reg_db`.
        client_factory: called as `client_factory(url, **options)` at the first use, in the running loop.
    """

    def __init__(self, url: str, *, client_factory: Callable[..., Any] = AsyncIOMotorClient) -> None:
        self._url = url
        self._client_factory = client_factory

    @cached_property
    def _client(self) -> Any:
        return self._client_factory(self._url, **OPTIONS)

    def collection(self, name: str) -> "MongoCollection":
        """Return the collection called `name`; it need not exist yet."""
        return MongoCollection(self._client[DATABASE][name])

    async def ensure_expiry(self, collection: str, field: str) -> None:
        """Make the TTL index on `field`, unless it is there."""
        index = self._client[DATABASE][collection].create_index([(field, 1)], expireAfterSeconds=0)
        await _answered(index)

    async def ping(self) -> None:
        """Raise StorageUnavailable unless a primary answers."""
        await _answered(self._client.admin.command("ping"))

    async def close(self) -> None:
        """Close the client; gives up after 2 s, which a server that is down would otherwise exceed."""
        client = self.__dict__.pop("_client", None)
        if client is None:
            return
        is_async = inspect.iscoroutinefunction(client.close)
        closing = client.close() if is_async else asyncio.to_thread(client.close)
        with suppress(TimeoutError):
            await asyncio.wait_for(closing, CLOSE_SECONDS)


class MongoCollection:
    """One collection, with the driver's errors translated."""

    def __init__(self, collection: Any) -> None:
        self._collection = collection

    async def find_one(self, filter: Mapping[str, Any]) -> Document | None:
        """Return the first document that matches `filter`."""
        found: Document | None = await _answered(self._collection.find_one(filter))
        return found

    async def update_one(
        self, filter: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False
    ) -> int:
        """Apply `update` to the first match; returns the number of documents matched or made."""
        result = await _answered(self._collection.update_one(filter, update, upsert=upsert))
        return int(result.matched_count) + (result.upserted_id is not None)

    async def insert_one(self, document: Mapping[str, Any]) -> None:
        """Add `document`."""
        # The driver puts an `_id` into what it is given.
        await _answered(self._collection.insert_one(dict(document)))


async def _answered(call: Awaitable[T]) -> T:
    with _translated():
        async with asyncio.timeout(CALL_SECONDS):
            return await call
    raise AssertionError("_translated() lets every error out")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DuplicateKeyError as error:
        raise DuplicateDocument from error
    except (ConnectionFailure, ExecutionTimeout, WriteConcernError, OSError) as error:
        raise StorageUnavailable from error
    except OperationFailure as error:
        if error.code in _OUTAGES:
            raise StorageUnavailable from error
        raise

"""The MongoDB door without a server: how it asks, and what becomes of the driver's errors."""

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient  # noqa: TID251 - the door is tested with both clients
from pymongo import AsyncMongoClient
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    ExecutionTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)

from apps.storage import mongo
from apps.storage.errors import DuplicateDocument, StorageUnavailable
from apps.storage.mongo import MongoDocuments, url_problem

CALLS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "find_one": lambda documents: documents.collection("c").find_one({"_id": 1}),
    "update_one": lambda documents: documents.collection("c").update_one({"_id": 1}, {"$set": {"a": 1}}),
    "insert_one": lambda documents: documents.collection("c").insert_one({"_id": 1}),
    "ensure_expiry": lambda documents: documents.ensure_expiry("c", "at"),
    "ping": lambda documents: documents.ping(),
}


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://u:p%40@h1,h2:27018/db?replicaSet=rs0&w=majority",
        "mongodb://[::1]:27017/",
        "mongodb://%2Ftmp%2Fmongodb-27017.sock/",
        "mongodb+srv://u:p@cluster.example.org/db?retryWrites=true&srvMaxHosts=2",
    ],
)
def test_a_good_address_has_no_problem(url: str) -> None:
    """No server is asked, nor the DNS: what an srv address stands for is asked when it is connected to."""
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "mongodb://",
        "mongodb://h,/",
        "mongodb://a b/",
        "mongodb://h:0/",
        "mongodb://h:99999/",
        "mongodb://u:s3cret@h:abc/db",
        "mongodb://u:s3cret/x@h/db",
        "mongodb://u:12/s3cret@h",
        "mongodb://u:s3cret@x@h/",
        "mongodb://u:s3cret%zz@h/",
        "mongodb://h/?replicaSet",
        "mongodb://h/?replicaset_=rs0",
        "mongodb://h/?connectTimeoutMS=soon",
        "mongodb://h/?tls=true&tlsCAFile=/no/such/file",
        "mongodb+srv://",
        "mongodb+srv://a.example.org,b.example.org/",
        "mongodb+srv://a.example.org:27017/",
        "mongodb+srv://a.example.org/?connectTimeoutMS=soon",
    ],
)
def test_a_malformed_address_is_told_without_its_password(url: str) -> None:
    """Before a client is made, which would fail at its first use."""
    problem = url_problem(url)
    assert problem is not None
    assert problem.startswith("must ")
    assert "s3cret" not in problem


class FakeClient:
    """Answers every operation with one error."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.is_closed = False

    def __getitem__(self, name: str) -> "FakeClient":
        return self

    @property
    def admin(self) -> "FakeClient":
        return self

    async def fail(self, *_: Any, **__: Any) -> None:
        raise self.error

    find_one = update_one = insert_one = create_index = command = fail

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DuplicateKeyError("E11000"), DuplicateDocument),
        (AutoReconnect(), StorageUnavailable),
        (NotPrimaryError("not primary"), StorageUnavailable),
        (ServerSelectionTimeoutError(), StorageUnavailable),
        (WaitQueueTimeoutError(), StorageUnavailable),
        (WTimeoutError("no majority"), StorageUnavailable),
        (ExecutionTimeout("too long"), StorageUnavailable),
        (ConnectionResetError(), StorageUnavailable),
        (TimeoutError(), StorageUnavailable),
        (OperationFailure("not authorized", 13), StorageUnavailable),
        (OperationFailure("shutting down", 91), StorageUnavailable),
        (OperationFailure("unknown operator", 2), OperationFailure),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else type(value).__name__,
)
@pytest.mark.parametrize("call", CALLS)
def test_errors_of_the_driver(call: str, error: BaseException, expected: type[BaseException]) -> None:
    """A taken `_id` is DuplicateDocument, what passes by itself is StorageUnavailable, a bug stays one."""

    async def main() -> None:
        documents = MongoDocuments("mongodb://nowhere", client_factory=lambda *_, **__: FakeClient(error))
        with pytest.raises(expected) as caught:
            await CALLS[call](documents)
        assert type(caught.value) is expected

    asyncio.run(main())


def test_writes_wait_for_the_majority() -> None:
    """The address cannot weaken what the door promises, and no wait is unbounded."""
    given: dict[str, Any] = {}

    def factory(url: str, **options: Any) -> FakeClient:
        given.update(options, url=url)
        return FakeClient(AutoReconnect())

    async def main() -> None:
        documents = MongoDocuments("mongodb://a,b,c/?replicaSet=rs0&w=0", client_factory=factory)
        assert given == {}
        with pytest.raises(StorageUnavailable):
            await documents.ping()

    asyncio.run(main())
    assert (given["w"], given["journal"], given["tz_aware"]) == ("majority", True, True)
    assert max(given[name] for name in given if name.endswith("MS")) <= 3000


def test_a_server_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of the door holds whatever the driver does."""
    monkeypatch.setattr(mongo, "CALL_SECONDS", 0.05)

    class Hanging(FakeClient):
        async def command(self, *_: Any) -> None:
            await asyncio.Event().wait()

    async def main() -> None:
        documents = MongoDocuments("mongodb://x", client_factory=lambda *_, **__: Hanging(KeyError()))
        with pytest.raises(StorageUnavailable):
            await documents.ping()

    asyncio.run(main())


def test_close_of_a_client_that_was_never_used() -> None:
    """Nothing is opened in order to be closed; a used client is closed once."""
    client = FakeClient(AutoReconnect())

    async def main() -> None:
        documents = MongoDocuments("mongodb://x", client_factory=lambda *_, **__: client)
        await documents.close()
        assert not client.is_closed
        with pytest.raises(StorageUnavailable):
            await documents.ping()
        await documents.close()
        assert client.is_closed

    asyncio.run(main())


@pytest.mark.parametrize("client", [AsyncIOMotorClient, AsyncMongoClient])
def test_no_server_is_an_outage(client: Any) -> None:
    """Both drivers take the same calls, and report a closed port in the time that they are given."""

    def impatient(url: str, **options: Any) -> Any:
        return client(url, **{**options, "serverSelectionTimeoutMS": 50})

    async def main() -> None:
        documents = MongoDocuments("mongodb://127.0.0.1:1/?replicaSet=rs0", client_factory=impatient)
        with pytest.raises(StorageUnavailable):
            await documents.collection("c").update_one({"_id": 1}, {"$set": {"a": 1}}, upsert=True)
        await documents.close()

    asyncio.run(main())
    # pymongo drops the socket of a connect that its close has cancelled: not ours to fail on.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()

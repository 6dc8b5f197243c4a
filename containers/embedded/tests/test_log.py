"""The durable log: what is appended stays, in order, once; consumers are woken; damage is told plainly."""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.embedded import log as module
from containers.embedded.log import DurableLog, LogDamaged, NewRecord


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DurableLog]:
    log = DurableLog(tmp_path / "log.sqlite", active_records=100)
    log.create_topic("users")
    yield log
    log.close()


def record(number: int, value: bytes | None = b"{}") -> NewRecord:
    return NewRecord("users", b'{"schema":{},"payload":{"id":%d}}' % number, value)


def test_what_is_appended_is_read_again(log: DurableLog, tmp_path: Path) -> None:
    """Keys, values and headers byte for byte, also without a key, and after a new start."""
    headers = (("a", b"\xff\x00"), ("a", b"twice"))
    written = [
        NewRecord(
            "users", b'{"schema":{"x":1},"payload":{"id":1}}', b'{"schema":{"y":1},"payload":null}', headers
        ),
        NewRecord("users", None, b"not \xff JSON"),
        NewRecord("users", b"key", None),
    ]
    assert log.append(written) == [0, 1, 2]
    log.close()
    again = DurableLog(tmp_path / "log.sqlite")
    found = again.read("users", 0, 10)
    assert [(r.key, r.value, r.headers) for r in found] == [(w.key, w.value, w.headers) for w in written]
    assert [(r.topic, r.partition, r.offset) for r in found] == [("users", 0, offset) for offset in range(3)]
    assert again.append([record(4)]) == [3]
    again.close()


def test_a_page_begins_at_its_offset(log: DurableLog) -> None:
    log.append(record(number) for number in range(10))
    assert [r.offset for r in log.read("users", 7, 2)] == [7, 8]
    assert log.read("users", 10, 5) == []
    assert log.read("nothing", 0, 5) == []


def test_records_and_progress_are_one_commit(log: DurableLog) -> None:
    """A writer that fails leaves neither, and the offsets and schemas go on as if it had not been."""

    def fail() -> None:
        with log.writing() as writer:
            writer.append([record(1)])
            writer.note_progress("source", {"pos": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert log.read("users", 0, 10) == []
    assert log.progress("source") is None
    with log.writing() as writer:
        assert writer.append([record(1)]) == [0]
        writer.note_progress("source", {"pos": 2})
    assert log.progress("source") == {"pos": 2}
    assert log.read("users", 0, 1)[0].key == record(1).key


def test_compaction_keeps_the_newest_of_each_key(log: DurableLog) -> None:
    """Only behind the active records; offsets stay what they were."""
    log.create_topic("dlq.users", compacted=False)
    for _ in range(12):
        log.append(record(number, b"%d" % number) for number in range(50))
        log.append(NewRecord("dlq.users", b"key", b"value") for _ in range(50))
    assert log.compact()
    assert not log.compact()
    offsets = [r.offset for r in log.read("users", 0, 1000)]
    assert offsets == list(range(450, 600))
    assert log.end_offset("users") == 600
    assert len(log.read("dlq.users", 0, 1000)) == 600


def test_old_tombstones_go(log: DurableLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tombstone outlives its record for a day."""
    log.append([record(1), record(1, None), *(record(number) for number in range(2, 800))])
    while log.compact():
        pass
    assert [r.offset for r in log.read("users", 0, 2)] == [1, 2]
    monkeypatch.setattr(module, "TOMBSTONE_MS", -1)
    log.append(record(number) for number in range(800, 1400))
    while log.compact():
        pass
    assert log.read("users", 0, 1)[0].offset == 2


@pytest.mark.parametrize("damage", [b"this is no database", b"SQLite format 3\0" + b"\xff" * 4080])
def test_damage_is_one_sentence(log: DurableLog, tmp_path: Path, damage: bytes) -> None:
    """It names the file and what to do."""
    log.append(record(number) for number in range(100))
    log.close()
    path = tmp_path / "log.sqlite"
    path.write_bytes(damage + path.read_bytes()[len(damage) :])
    with pytest.raises(LogDamaged, match=r"log\.sqlite is damaged: remove it .* start again"):
        DurableLog(path)


def test_damage_in_the_middle_is_found_at_start(log: DurableLog, tmp_path: Path) -> None:
    log.append(record(number, b"x" * 500) for number in range(200))
    log.close()
    path = tmp_path / "log.sqlite"
    content = bytearray(path.read_bytes())
    content[40960:45056] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(LogDamaged, match="damaged"):
        DurableLog(path)


def test_a_log_of_another_version_is_left_alone(log: DurableLog, tmp_path: Path) -> None:
    log.close()
    with sqlite3.connect(tmp_path / "log.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LogDamaged, match="another version"):
        DurableLog(tmp_path / "log.sqlite")


def test_a_consumer_is_woken_and_goes_on_behind_its_commit(log: DurableLog) -> None:
    """An append from another thread wakes it; what was not committed comes again."""

    async def run() -> None:
        source = log.open_source("signup", ["users", "other"])
        await source.start()
        waiting = asyncio.create_task(source.next())
        await asyncio.to_thread(log.append, [record(1), record(2), record(3)])
        first = await asyncio.wait_for(waiting, 5)
        assert first.offset == 0
        await source.commit(first)
        assert (await source.next()).offset == 1
        await source.close()
        again = log.open_source("signup", ["users", "other"])
        await again.start()
        assert [(await again.next()).offset for _ in range(2)] == [1, 2]
        await again.close()
        stranger = log.open_source("activation", ["users"])
        await stranger.start()
        assert (await stranger.next()).offset == 0
        await stranger.close()

    asyncio.run(run())


def test_a_consumer_parks_with_the_reason(log: DurableLog) -> None:
    async def run() -> None:
        source = log.open_source("signup", ["users"])
        await source.start()
        log.append([record(1)])
        bad = await source.next()
        await source.park(bad, dead_letter_topic="dlq.signup", reason="ROW_INVALID", detail="no status")
        (parked,) = log.read("dlq.signup", 0, 10)
        assert (parked.key, parked.value) == (bad.key, bad.value)
        assert dict(parked.headers)["__quartet.error.reason"] == b"ROW_INVALID"
        await source.close()

    asyncio.run(run())


def test_a_source_that_is_left_behind_by_its_loop_harms_nobody(log: DurableLog) -> None:
    async def run() -> None:
        await log.open_source("signup", ["users"]).start()

    asyncio.run(run())
    assert log.append([record(1)]) == [0]

"""The watchdog: failed tasks start again, the record that fails a sink is parked, and no other ever is."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.events.source import REASON_HEADER
from containers.connectors import ConnectClient, ConnectRefused
from containers.poison import BATCH_OF_ONE, LARGEST_BATCH, cause_of, reason_of
from containers.registration import NOBODY
from containers.tests.fake_connect import (
    BAD_WORD,
    CONFIG,
    DATABASE_AWAY,
    DEAD_LETTERS,
    MOST_BATCHES,
    NO_TABLE,
    SINK,
    TOPIC,
    FakeSink,
)
from containers.topics import KafkaTopics, TopicsUnreachable
from containers.watchdog import (
    LOOK_SECONDS,
    STEADY_SECONDS,
    Finding,
    Watchdog,
    WatchedConnectClient,
    read_findings,
)


class Run:
    """A watchdog over a sink; each step is one look and what the worker does until the next."""

    def __init__(self, sink: FakeSink, path: Path) -> None:
        self.sink, self.seconds = sink, 1000.0
        self.watchdog = Watchdog(
            cast(ConnectClient, sink),
            cast(KafkaTopics, sink),
            {SINK: CONFIG},
            path,
            now=lambda: self.seconds,
        )

    def steps(self, seconds: float) -> None:
        for _ in range(int(seconds / LOOK_SECONDS)):
            self.sink.run()
            self.watchdog.look()
            self.seconds += LOOK_SECONDS

    @property
    def finding(self) -> Finding:
        return self.watchdog.findings[SINK]

    @property
    def parked(self) -> list[int]:
        return [int(letter.key or b"") for letter in self.sink.topics[DEAD_LETTERS]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "watchdog.json"


def test_the_one_bad_record_of_a_burst_is_parked(path: Path):
    """All others are written in their order, and the sink has its own configuration again."""
    run = Run(FakeSink(80, {40: BAD_WORD}), path)
    run.steps(20)
    assert run.parked == [40]
    assert sorted(set(run.sink.written)) == [*range(40), *range(41, 80)]
    assert run.sink.config == CONFIG
    assert (run.sink.state, run.sink.task) == ("RUNNING", "RUNNING")
    assert run.finding.cause is None


def test_a_dead_letter_says_what_connects_own_say(path: Path):
    """The record byte for byte, its own headers, then where it came from and why."""
    run = Run(FakeSink(3, {1: BAD_WORD}), path)
    run.steps(20)
    (letter,) = run.sink.topics[DEAD_LETTERS]
    golden = json.loads(
        (Path(__file__).parents[1] / "embedded/tests/golden/dlq.login-sink-connector.json").read_text()
    )[0]["headers"]
    names = [name for name, _ in letter.headers]
    told: Mapping[str, bytes] = dict(letter.headers)
    assert (letter.key, letter.value) == (b"1", b"row")
    assert names == ["own", *golden, REASON_HEADER]
    assert told["__connect.errors.offset"] == b"1"
    assert told["__connect.errors.stage"] == b"TASK_PUT"
    assert told["__connect.errors.exception.message"] == b"Data truncated for column 'User_status' at row 1"
    assert (
        told["__connect.errors.exception.class.name"] == b"org.apache.kafka.connect.errors.ConnectException"
    )
    assert told[REASON_HEADER] == b"SQL_1265"


@settings(max_examples=40)
@given(
    bad=st.sets(st.integers(0, 59), max_size=4),
    size=st.integers(1, 60),
    forgets=st.integers(0, 2),
)
def test_whatever_is_bad_nothing_else_is_parked(
    tmp_path_factory: Any, bad: set[int], size: int, forgets: int
):
    """Also where the end of a task has lost the commit of what it had written."""
    bad = {offset for offset in bad if offset < size}
    run = Run(FakeSink(size, dict.fromkeys(bad, BAD_WORD)), tmp_path_factory.getbasetemp() / "any.json")
    run.sink.forgets_commits = forgets
    run.steps(60)
    assert run.parked == sorted(bad)
    assert set(run.sink.written) == set(range(size)) - bad


def test_records_are_read_singly_for_one_batch_at_most(path: Path):
    """Thousands may wait behind the bad one, and more may come all the time."""
    sink = FakeSink(3 * LARGEST_BATCH, {700: BAD_WORD})
    sizes: list[tuple[int, bool]] = []
    sink.before = lambda request: sizes.append((sink.committed, BATCH_OF_ONE.items() <= sink.config.items()))
    run = Run(sink, path)
    run.steps(20)
    assert run.parked == [700]
    assert sink.committed == 3 * LARGEST_BATCH
    assert sink.config == CONFIG
    assert max(committed for committed, alone in sizes if alone) < 2 * LARGEST_BATCH + MOST_BATCHES


@pytest.mark.parametrize("trace", [DATABASE_AWAY, NO_TABLE])
def test_what_is_no_records_fault_parks_none(path: Path, trace: str):
    """The sink starts again, ever more seldom, until the database is as it should be."""
    run = Run(FakeSink(5), path)
    run.sink.trouble = trace
    run.steps(60)
    assert run.parked == []
    assert run.finding.cause in ("Connection refused", "Could not find table: users")
    assert 4 <= run.finding.restarts <= 8
    run.sink.trouble = None
    run.steps(15 + STEADY_SECONDS + 2)
    assert run.sink.written == [0, 1, 2, 3, 4]
    assert run.finding.cause is None


def test_a_failed_source_starts_again(path: Path):
    """Whatever it says: only sinks have records that could be parked."""
    run = Run(FakeSink(1, {0: BAD_WORD}), path)
    run.sink.type = "source"
    run.sink.forgets_commits = 1
    run.steps(2)
    assert run.finding.restarts >= 1
    run.sink.bad.clear()
    run.steps(20)
    assert (run.sink.task, run.parked) == ("RUNNING", [])


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED"])
def test_what_somebody_has_halted_stays_so(path: Path, state: str):
    """Whoever pauses a connector has a reason."""
    run = Run(FakeSink(1), path)
    run.sink.state, run.sink.task, run.sink.trace = state, "FAILED", BAD_WORD
    run.steps(5)
    assert (run.sink.state, run.finding.restarts) == (state, 0)
    assert "resume" not in run.sink.asked


@pytest.mark.parametrize("request_cut", ["stop", "put", "set_offset", "resume", "append", "record_at"])
def test_connect_may_be_lost_at_any_step(path: Path, request_cut: str):
    """Back again, the sink is not left stopped, and the record lies in the dead-letter topic once."""
    sink = FakeSink(10, {4: BAD_WORD})
    run = Run(sink, path)
    cuts = [1]

    def lose(request: str) -> None:
        if request == request_cut and cuts and cuts.pop():
            sink.is_away = True

    sink.before = lose
    run.steps(4)
    assert sink.is_away
    sink.is_away = False
    run.steps(30)
    assert run.parked == [4]
    assert (sink.state, sink.task, sink.committed) == ("RUNNING", "RUNNING", 10)


def test_a_parked_record_is_not_parked_again(path: Path):
    """As when the watchdog ended between the dead letter and the new offset."""
    sink = FakeSink(10, {4: BAD_WORD})
    Run(sink, path).steps(20)
    sink.committed = 4
    sink.stop(SINK)
    sink.resume(SINK)
    run = Run(sink, path)
    run.steps(20)
    assert run.parked == [4]
    assert sink.committed == 10


def test_a_worker_that_allows_no_batches_of_one_is_told(path: Path):
    """An external Connect may forbid it; nothing is parked blindly, and the status says why."""
    run = Run(FakeSink(10, {4: BAD_WORD}), path)

    def refuse(request: str) -> None:
        if request == "put":
            raise ConnectRefused(400, "consumer.override.max.poll.records is not allowed")

    run.sink.before = refuse
    run.steps(20)
    assert run.parked == []
    assert "consumer.override.max.poll.records is not allowed" in str(run.finding.cause)
    assert "Data truncated" in str(run.finding.cause)


def test_kafka_may_be_away(path: Path):
    """The watchdog goes on by itself when it is back."""
    run = Run(FakeSink(10, {4: BAD_WORD}), path)
    away = [True]

    def lose(request: str) -> None:
        if away[0] and request in ("record_at", "end_offsets", "append"):
            raise TopicsUnreachable("Kafka does not answer")

    run.sink.before = lose
    run.steps(10)
    assert run.parked == []
    assert "Kafka does not answer" in str(run.finding.cause)
    away[0] = False
    run.steps(40)
    assert run.parked == [4]


def test_a_value_that_no_column_type_takes_is_of_the_record():
    """The sink's own words; what it quotes of the row is not told."""
    said = "Unexpected io.debezium.time.Timestamp value 'eyJ' with type 'java.lang.String'"
    trace = (
        f"org.apache.kafka.connect.errors.ConnectException: Exiting\nCaused by: x.ConnectException: {said}"
    )
    assert reason_of(trace) == "RECORD_INVALID"
    assert cause_of(trace) == said.replace("eyJ", "…")
    assert reason_of("java.sql.SQLException: Unexpected end of stream") is None


def test_what_was_found_can_be_read_by_others(path: Path):
    """`quartet status` is another process; a file that is not there, or is none of ours, says nothing."""
    assert read_findings(path) == {}
    run = Run(FakeSink(10, {4: BAD_WORD}), path)
    run.steps(20)
    assert read_findings(path) == {SINK: {"restarts": run.finding.restarts, "cause": None}}
    path.write_text("{half")
    assert read_findings(path) == {}


def watched(path: Path, lags: Callable[[str, Sequence[str]], Mapping[str, int]]) -> WatchedConnectClient:
    """Beside a Connect with one source and one sink, which run."""

    def connect(request: httpx.Request) -> httpx.Response:
        if request.url.raw_path != b"/connectors?expand=status&expand=info":
            return httpx.Response(409, json={"message": "a rebalance is expected"})
        known = {
            name: {
                "status": {
                    "name": name,
                    "type": kind,
                    "connector": {"state": "RUNNING"},
                    "tasks": [{"id": 0, "state": "RUNNING"}],
                },
                "info": {"name": name, "type": kind, "config": config, "tasks": []},
            }
            for name, kind, config in ((SINK, "sink", CONFIG), ("a-source", "source", {}))
        }
        return httpx.Response(200, json=known)

    topics = cast(KafkaTopics, Mock(lags=lags, end_offsets=lambda topics: dict.fromkeys(topics, 1)))
    return WatchedConnectClient("http://connect", topics, path, transport=httpx.MockTransport(connect))


def test_what_others_see_of_a_connector(path: Path):
    """Its status, the findings and a sink's lag, from one request: others are refused while tasks move."""
    path.write_text(json.dumps({SINK: {"restarts": 2, "cause": "why"}}), encoding="utf-8")
    lags = {(f"connect-{SINK}", TOPIC): {TOPIC: 7}}
    with closing(watched(path, lambda group, topics: lags[group, *topics])) as client:
        source, sink = client.overview()
    assert (source.name, source.state, source.lag, source.restarts) == ("a-source", "RUNNING", None, 0)
    assert (sink.state, sink.lag, sink.restarts, sink.parked, sink.cause) == ("RUNNING", 7, 2, 1, "why")


def test_while_kafka_is_away_nothing_runs(path: Path):
    """Connect goes on saying RUNNING: it tells what was true before."""

    def lags(group: str, topics: Sequence[str]) -> Mapping[str, int]:
        raise TopicsUnreachable("Kafka at k:9092 does not answer")

    with closing(watched(path, lags)) as client:
        seen = [(view.state, view.lag, view.cause) for view in client.overview()]
    assert seen == [("UNKNOWN", None, "Kafka at k:9092 does not answer")] * 2


def test_the_thread_looks_until_it_is_stopped(path: Path):
    """Silence of Connect does not end it."""
    sink = FakeSink(0)
    run = Run(sink, path)
    looks = iter(range(100))
    looked_twice = threading.Event()

    def away(request: str) -> None:
        if next(looks) >= 1:
            looked_twice.set()
        sink.is_away = True

    sink.before = away
    run.watchdog.start()
    assert looked_twice.wait(5)
    run.watchdog.stop()
    asked = len(sink.asked)
    run.watchdog.stop()
    assert len(sink.asked) == asked


def test_a_sink_that_stands_behind_unreadable_records_is_nudged(path: Path):
    """It commits past them with the next good record; one that nobody's row is deleted by is enough, once."""
    sink = FakeSink(5)
    sink.unconvertible = {3, 4}
    run = Run(sink, path)
    run.steps(4 * STEADY_SECONDS)
    assert [(record.key, record.value) for record in sink.topics[TOPIC][5:]] == [(NOBODY, None)]
    assert sink.committed == 6
    assert run.finding == Finding()


def test_a_sink_that_hangs_is_started_again(path: Path):
    """Connect calls it RUNNING all the while. As often as it takes, and told with what is known."""
    sink = FakeSink(5)
    sink.hangs = 2
    run = Run(sink, path)
    run.steps(2 * STEADY_SECONDS + 2 * LOOK_SECONDS)
    assert run.finding == Finding(restarts=1, cause=f"it does not read on from offset 0 of {TOPIC}")
    assert sink.committed == 0
    run.steps(8 * STEADY_SECONDS)
    assert sink.committed == 6
    assert run.finding == Finding(restarts=2)


def test_a_sink_that_cannot_move_is_nudged_once(path: Path):
    """Its topic does not fill with tombstones."""
    sink = FakeSink(5)
    sink.unconvertible = set(range(2, 100))
    run = Run(sink, path)
    run.steps(10 * STEADY_SECONDS)
    assert len(sink.topics[TOPIC]) == 6


def test_a_sink_that_moves_or_is_done_is_not_nudged(path: Path):
    """However long it runs."""
    run = Run(FakeSink(5), path)
    run.steps(4 * STEADY_SECONDS)
    assert len(run.sink.topics[TOPIC]) == 5

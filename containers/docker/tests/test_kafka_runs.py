"""Kafka and Connect in their containers: started, killed, started again."""

import secrets
from collections.abc import Iterator

import pytest

from containers.docker.engine import PlatformOnDocker, RunningPart
from containers.docker.image_names import KAFKA
from containers.docker.images import RECIPES, connect_to_docker
from containers.docker.kafka import connect_part, kafka_part
from containers.docker.parts import Part
from containers.polling import poll
from containers.ports import free_ports

pytestmark = pytest.mark.containers

READY_SECONDS = 60


@pytest.fixture(scope="module")
def platform() -> Iterator[PlatformOnDocker]:
    client = connect_to_docker()
    client.images.build(path=str(RECIPES[KAFKA].folder), tag=KAFKA, rm=True, forcerm=True)
    platform = PlatformOnDocker(client, f"test-kafka-{secrets.token_hex(4)}")
    platform.create_network()
    yield platform
    platform.remove(with_volumes=True)
    client.close()


@pytest.fixture(scope="module")
def broker(platform: PlatformOnDocker) -> RunningPart:
    (port,) = free_ports(1)
    return started(platform, kafka_part(host_port=port))


@pytest.fixture(scope="module")
def worker(platform: PlatformOnDocker, broker: RunningPart) -> RunningPart:
    (port,) = free_ports(1)
    return started(platform, connect_part(host_port=port, environment={"QUARTET_SINK_PASSWORD": "s"}))


def started(platform: PlatformOnDocker, part: Part) -> RunningPart:
    running = platform.start(part)
    wait_until_ready(running)
    return running


def wait_until_ready(running: RunningPart) -> None:
    def ready() -> bool | None:
        assert running.problem() is None
        return True if running.part.probe(running) is None else None

    poll(ready, within_seconds=READY_SECONDS, what=f"{running.part.name} being ready")


def kill_and_start(running: RunningPart) -> None:
    running.kill()
    assert running.part.probe(running) is not None
    running.start()
    wait_until_ready(running)


def tool(broker: RunningPart, name: str, arguments: str, said: str = "") -> str:
    """What one of Kafka's own tools prints, after it was told something."""
    classes = "-Dlog4j2.configurationFile=/opt/kafka/config/log4j2.properties -XX:TieredStopAtLevel=1"
    command = (
        f"printf '{said}' | java -cp '/opt/kafka/libs/*' {classes} org.apache.kafka.tools.{name} {arguments}"
    )
    code, output = broker.run("sh", "-c", f"{command} --bootstrap-server kafka:9092")
    assert code == 0, output
    return output


def test_a_killed_broker_keeps_what_it_acknowledged(broker: RunningPart) -> None:
    """Right after the acknowledgement, with nothing written to the disk yet."""
    tool(broker, "TopicCommand", "--create --topic kept --config cleanup.policy=compact")
    tool(
        broker,
        "ConsoleProducer",
        "--topic kept --reader-property parse.key=true --reader-property key.separator=,",
        "1,one\\n2,two\\n",
    )
    kill_and_start(broker)
    read = tool(
        broker, "consumer.ConsoleConsumer", "--topic kept --from-beginning --timeout-ms 5000 --max-messages 2"
    )
    assert [line for line in read.splitlines() if line in ("one", "two")] == ["one", "two"]


def test_a_topic_does_not_appear_by_a_typing_error(broker: RunningPart) -> None:
    """A consumer that asks for one gets nothing, and none is made."""
    tool(broker, "TopicCommand", "--create --if-not-exists --topic kept --config cleanup.policy=compact")
    command = "java -cp '/opt/kafka/libs/*' org.apache.kafka.tools.consumer.ConsoleConsumer --topic ketp"
    broker.run("sh", "-c", f"{command} --from-beginning --timeout-ms 1000 --bootstrap-server kafka:9092")
    assert "ketp" not in tool(broker, "TopicCommand", "--list").split()


def test_a_killed_worker_comes_back(worker: RunningPart) -> None:
    """On the same port, without a hand."""
    kill_and_start(worker)


def test_neither_runs_as_root(worker: RunningPart, broker: RunningPart) -> None:
    """In either container process 1 is Java itself, and belongs to an account without rights."""
    for running in (worker, broker):
        assert running.run("sh", "-c", "id -u && cat /proc/1/comm") == (0, "10001\njava\n")


def test_both_start_from_their_archives(worker: RunningPart, broker: RunningPart) -> None:
    """An archive that does not fit is passed over in silence, and only makes the start slow."""
    for running in (worker, broker):
        code, maps = running.run("grep", "-c", f"archives/{running.part.command[0]}.jsa", "/proc/1/maps")
        assert (code, int(maps) > 0) == (0, True)


def test_both_stop_at_once_when_asked(worker: RunningPart, broker: RunningPart) -> None:
    """They end by themselves, before the engine's patience is over."""
    for running in (worker, broker):
        running.stop()
        assert "exit code 143" in (running.problem() or "")
        running.start()

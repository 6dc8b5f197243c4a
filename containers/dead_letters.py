"""A sink's dead letters: their topic, and their headers as Connect itself writes them (KIP-298)."""

from collections.abc import Mapping

SINK_TASK = "io.debezium.connector.jdbc.JdbcSinkConnectorTask"

ORIGIN = ("__connect.errors.topic", "__connect.errors.offset")
"""The headers that say which record it was."""


def dead_letter_topic(connector: str, config: Mapping[str, str]) -> str:
    """Where the records are set aside that a sink cannot use."""
    return config.get("errors.deadletterqueue.topic.name") or f"dlq.{connector}"


def error_headers(
    *,
    topic: str,
    partition: int,
    offset: int,
    connector: str,
    stage: str,
    class_name: str,
    exception: str,
    message: str,
    stacktrace: str,
) -> tuple[tuple[str, bytes], ...]:
    """Where the record came from and what was wrong with it.

    stage: KEY_CONVERTER, VALUE_CONVERTER or TASK_PUT. class_name: what found it wrong. exception: the name of
    the exception's class.
    """
    told = {
        "topic": topic,
        "partition": str(partition),
        "offset": str(offset),
        "connector.name": connector,
        "task.id": "0",
        "stage": stage,
        "class.name": class_name,
        "exception.class.name": exception,
        "exception.message": message,
        "exception.stacktrace": stacktrace,
    }
    return tuple((f"__connect.errors.{name}", text.encode()) for name, text in told.items())

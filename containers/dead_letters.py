"""The headers of a sink's dead letters, as Connect itself writes them (KIP-298), whoever parks the record."""

SINK_TASK = "io.debezium.connector.jdbc.JdbcSinkConnectorTask"

ORIGIN = ("__connect.errors.topic", "__connect.errors.offset")
"""The headers that say which record it was."""


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

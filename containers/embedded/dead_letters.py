"""A sink's dead letters: the record, and in Connect's own headers where it came from and what was wrong."""

import traceback

from apps.events.records import Record
from apps.events.source import REASON_HEADER
from containers.connector_files.options import JSON_CONVERTER
from containers.dead_letters import SINK_TASK, error_headers
from containers.embedded.envelope import ConversionError
from containers.embedded.log import Headers, NewRecord
from containers.embedded.sql_faults import Refused

_DATA_EXCEPTION = "org.apache.kafka.connect.errors.DataException"
_GIVING_UP = "Exiting WorkerSinkTask due to unrecoverable exception."
_CONNECT_EXCEPTION = "org.apache.kafka.connect.errors.ConnectException"

RecordError = ConversionError | Refused


def dead_letter(
    record: Record, error: RecordError, *, topic: str, connector: str, stage: str, with_context: bool
) -> NewRecord:
    """The record as it is parked, byte for byte, behind its own headers those of the error.

    stage: KEY_CONVERTER, VALUE_CONVERTER or TASK_PUT. with_context: whether the configuration asks for
    headers; the reason stands there in any case.
    """
    headers = _context(record, error, connector, stage) if with_context else ()
    if isinstance(error, Refused):
        headers = (*headers, (REASON_HEADER, error.reason.encode()))
    return NewRecord(topic, record.key, record.value, (*record.headers, *headers))


def exception_name(error: RecordError) -> str:
    """What real Connect's exception for this error is called."""
    return _DATA_EXCEPTION if isinstance(error, ConversionError) else _CONNECT_EXCEPTION


def _context(record: Record, error: RecordError, connector: str, stage: str) -> Headers:
    exception = exception_name(error)
    frames = "".join(
        f"\n\tat {frame.name}({frame.lineno})"
        for frame in reversed(traceback.extract_tb(error.__traceback__))
    )
    told = f"{exception}: {error}{frames}"
    if stage == "TASK_PUT":  # the task has failed, and its own exception is the outermost
        told = f"{exception}: {_GIVING_UP}\nCaused by: {told}"
    return error_headers(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        connector=connector,
        stage=stage,
        class_name=SINK_TASK if stage == "TASK_PUT" else JSON_CONVERTER,
        exception=exception,
        message=str(error),
        stacktrace=told,
    )

"""The connector options that the embedded engine knows, by connector class.

`used` options steer it. The others are checked and kept, because the same file is posted to real Connect,
and mean nothing without a JVM: batch sizes, waits, schema history, how to reach a server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

MYSQL = "io.debezium.connector.mysql.MySqlConnector"
MONGODB = "io.debezium.connector.mongodb.MongoDbConnector"
JDBC = "io.debezium.connector.jdbc.JdbcSinkConnector"

JSON_CONVERTER = "org.apache.kafka.connect.json.JsonConverter"
UNWRAP_ROW = "io.debezium.transforms.ExtractNewRecordState"
UNWRAP_DOCUMENT = "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState"
ROUTER = "org.apache.kafka.connect.transforms.RegexRouter"

OTHER_JDBC = ("io.confluent.connect.jdbc.JdbcSinkConnector", "io.aiven.connect.jdbc.JdbcSinkConnector")
"""Sinks of the same purpose with other option names, which are read as Debezium's (see ALIASES)."""

Kind = Literal[
    "text",
    "name",
    "mongodb",
    "count",
    "positive",
    "boolean",
    "choice",
    "choices",
    "patterns",
    "pattern",
    "list",
]


@dataclass(frozen=True)
class Option:
    """One option: the form of its value, and its value where it is not given.

    What a value must be was asked of real Connect's validation (Debezium 3.6), which takes more of its sink.
    """

    kind: Kind = "text"
    default: str | None = None
    required: bool = False
    used: bool = False
    choices: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """Values that real Connect knows and the embedded engine does not, each with the reason."""


def _used(kind: Kind = "text", default: str | None = None, **more: object) -> Option:
    return Option(kind, default, used=True, **more)  # type: ignore[arg-type]


def _needed(kind: Kind = "text", *, used: bool = False) -> Option:
    return Option(kind, required=True, used=used)


_TEXT, _COUNT, _POSITIVE, _BOOLEAN = Option(), Option("count"), Option("positive"), Option("boolean")
_ON, _OFF = _used("boolean", "true"), _used("boolean", "false")

_EVERY: dict[str, Option] = {
    "name": _used(),
    "connector.class": _needed(used=True),
    "tasks.max": _POSITIVE,
    "key.converter": Option("choice", choices=(JSON_CONVERTER,)),
    "key.converter.schemas.enable": _ON,
    "key.converter.replace.null.with.default": _ON,
    "value.converter": Option("choice", choices=(JSON_CONVERTER,)),
    "value.converter.schemas.enable": _ON,
    "value.converter.replace.null.with.default": _ON,
    "errors.tolerance": _used("choice", "none", choices=("none", "all")),
    "errors.retry.timeout": _TEXT,  # -1 means without end
    "errors.retry.delay.max.ms": _COUNT,
    "errors.log.enable": _BOOLEAN,
    "errors.log.include.messages": _BOOLEAN,
}

_SOURCE: dict[str, Option] = _EVERY | {
    "topic.prefix": _needed("name", used=True),
    "snapshot.mode": _used(
        "choice",
        "initial",
        choices=("always", "initial", "initial_only", "no_data", "when_needed"),
        refused={
            "never": "it was removed in Debezium 3: write no_data",
            "schema_only": "it was removed in Debezium 3: write no_data",
            "schema_only_recovery": "it was removed in Debezium 3: write recovery",
            "recovery": "the embedded engine has no schema history to recover",
            "configuration_based": "the embedded engine does not know it",
            "custom": "the embedded engine runs no Java",
        },
    ),
    "skipped.operations": _used("choices", "t", choices=("c", "u", "d", "t", "none")),
    "tombstones.on.delete": _BOOLEAN,
    "transforms": _used("list", ""),
    "max.queue.size": Option("positive", "8192"),
    "max.batch.size": Option("positive", "2048"),
    "poll.interval.ms": _POSITIVE,
    "heartbeat.interval.ms": _COUNT,
    "retriable.restart.connector.wait.ms": _POSITIVE,
    "errors.max.retries": _TEXT,
    "exactly.once.support": Option("choice", choices=("requested", "required")),
    "transaction.boundary": Option("choice", choices=("poll", "interval", "connector")),
    "topic.creation.default.partitions": _COUNT,
    "topic.creation.default.replication.factor": _COUNT,
    "topic.creation.default.cleanup.policy": Option("choice", choices=("compact", "delete")),
}

_MYSQL = _SOURCE | {
    "database.hostname": _needed(),
    "database.port": _POSITIVE,
    "database.user": _needed(),
    "database.password": _TEXT,
    "database.ssl.mode": Option(
        "choice", choices=("disabled", "preferred", "required", "verify_ca", "verify_identity")
    ),
    "database.server.id": _needed("positive", used=True),
    "database.include.list": _used("patterns", ""),
    "database.exclude.list": _used("patterns", ""),
    "table.include.list": _used("patterns", ""),
    "table.exclude.list": _used("patterns", ""),
    "column.include.list": _used("patterns", ""),
    "column.exclude.list": _used("patterns", ""),
    "time.precision.mode": _used(
        "choice",
        "adaptive_time_microseconds",
        choices=("adaptive", "adaptive_time_microseconds", "connect"),
        refused=dict.fromkeys(
            ("isostring", "microseconds", "nanoseconds"), "the embedded engine does not write times so"
        ),
    ),
    "skip.messages.without.change": _OFF,
    "snapshot.locking.mode": Option("choice", choices=("minimal", "minimal_percona", "extended", "none")),
    "include.schema.changes": Option(
        "choice", choices=("false",), refused={"true": "the embedded engine sends no records about DDL"}
    ),
    "connect.keep.alive": _BOOLEAN,
    "connect.keep.alive.interval.ms": _COUNT,
    "connect.timeout.ms": _POSITIVE,
    "schema.history.internal.kafka.bootstrap.servers": _needed(),
    "schema.history.internal.kafka.topic": _needed(),
    "schema.history.internal.store.only.captured.tables.ddl": _BOOLEAN,
    "schema.history.internal.store.only.captured.databases.ddl": _BOOLEAN,
}

_MONGODB = _SOURCE | {
    "mongodb.connection.string": _needed("mongodb"),
    "mongodb.user": _TEXT,
    "mongodb.password": _TEXT,
    "mongodb.server.selection.timeout.ms": _COUNT,
    "capture.scope": Option(
        "choice",
        required=True,
        choices=("collection",),
        refused=dict.fromkeys(("deployment", "database"), "the embedded engine captures one collection"),
    ),
    "capture.target": _needed(used=True),
    "capture.mode": Option(
        "choice",
        choices=("change_streams_update_full", "change_streams_update_full_with_pre_image"),
        refused={
            mode: "the embedded engine always carries the full document: write change_streams_update_full"
            for mode in ("change_streams", "change_streams_with_pre_image")
        },
    ),
    "filters.match.mode": _used("choice", "regex", choices=("regex", "literal")),
    "collection.include.list": _used("list", ""),
    "cursor.max.await.time.ms": _COUNT,
}

_JDBC = _EVERY | {
    "topics": _needed("list", used=True),
    "connection.url": _needed(used=True),
    "connection.username": _TEXT,
    "connection.password": _TEXT,
    "connection.pool.min_size": _COUNT,
    "connection.pool.max_size": _COUNT,
    "connection.restart.on.errors": _BOOLEAN,
    "insert.mode": _used("choice", "insert", choices=("insert", "upsert", "update")),
    "primary.key.mode": _used(
        "choice",
        "record_key",
        choices=("record_key",),
        refused=dict.fromkeys(
            ("none", "kafka", "record_value", "record_header"), "the embedded engine knows record_key only"
        ),
    ),
    "primary.key.fields": _used("list", ""),
    "delete.enabled": _OFF,
    "truncate.enabled": Option(
        "choice", choices=("false",), refused={"true": "the embedded engine empties no tables"}
    ),
    "collection.name.format": _used("text", "${topic}"),
    "field.include.list": _used("list", ""),
    "field.exclude.list": _used("list", ""),
    "schema.evolution": Option(
        "choice", choices=("none",), refused={"basic": "the embedded engine never changes a table"}
    ),
    "quote.identifiers": _OFF,
    "use.time.zone": Option("choice", choices=("UTC",)),
    "batch.size": _COUNT,
    "flush.max.retries": _used("count", "5"),
    "flush.retry.delay.ms": _used("count", "1000"),
    "errors.deadletterqueue.topic.name": _used("text", ""),
    "errors.deadletterqueue.topic.replication.factor": _COUNT,
    "errors.deadletterqueue.context.headers.enable": _OFF,
}

OPTIONS: Mapping[str, Mapping[str, Option]] = {MYSQL: _MYSQL, MONGODB: _MONGODB, JDBC: _JDBC}

_DELETE_MODES = ("drop", "tombstone", "delete-to-tombstone")
_REWRITE_MODES = ("rewrite", "rewrite-with-tombstone")
_UNWRAP = {
    "delete.tombstone.handling.mode": _used("choice", "tombstone", choices=(*_DELETE_MODES, *_REWRITE_MODES)),
    "replace.null.with.default": _ON,
    "add.headers": _used("list", ""),
    "add.fields": _used("list", ""),
}

TRANSFORMS: Mapping[str, Mapping[str, Option]] = {
    UNWRAP_ROW: _UNWRAP,
    UNWRAP_DOCUMENT: _UNWRAP
    | {
        "delete.tombstone.handling.mode": _used(
            "choice",
            "tombstone",
            choices=_DELETE_MODES,
            refused=dict.fromkeys(_REWRITE_MODES, "a deleted document cannot be told any more"),
        )
    },
    ROUTER: {"regex": Option("pattern", required=True, used=True), "replacement": _needed(used=True)},
}
"""The options of each transform, behind `transforms.<alias>.`."""

ADDABLE = ("op", "source.ts_ms", "source.db", "source.table", "source.collection")
"""What add.fields and add.headers of the unwrap transforms may name."""

ALIASES: Mapping[str, str] = {
    "connection.user": "connection.username",
    "pk.mode": "primary.key.mode",
    "pk.fields": "primary.key.fields",
    "table.name.format": "collection.name.format",
    "fields.whitelist": "field.include.list",
    "max.retries": "flush.max.retries",
    "retry.backoff.ms": "flush.retry.delay.ms",
}
"""The option names of OTHER_JDBC for what Debezium's sink calls otherwise."""

REMOVED: Mapping[str, str] = {
    "mongodb.hosts": "mongodb.connection.string",
    "mongodb.name": "topic.prefix",
    "database.server.name": "topic.prefix",
    "database.whitelist": "database.include.list",
    "database.blacklist": "database.exclude.list",
    "table.whitelist": "table.include.list",
    "table.blacklist": "table.exclude.list",
    "column.whitelist": "column.include.list",
    "column.blacklist": "column.exclude.list",
    "collection.whitelist": "collection.include.list",
    "drop.tombstones": "delete.tombstone.handling.mode",
    "delete.handling.mode": "delete.tombstone.handling.mode",
    "connection.user": "connection.username",
    "pk.mode": "primary.key.mode",
    "pk.fields": "primary.key.fields",
    "table.name.format": "collection.name.format",
    "fields.whitelist": "field.include.list",
    "auto.create": "schema.evolution",
    "auto.evolve": "schema.evolution",
}
"""Options of Debezium 1 and 2, and of other sinks, with what says the same today."""

REMOVED_PREFIX = ("database.history.", "schema.history.internal.")

"""What a checked configuration asks for: the settings of a source and of a sink."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from containers.connector_files.config import ConfigInvalid, Patterns, Problem, Values, check
from containers.connector_files.options import ADDABLE, JDBC, MONGODB, ROUTER

TimeMode = Literal["adaptive", "adaptive_time_microseconds", "connect"]
DeleteMode = Literal["drop", "tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone"]
SnapshotMode = Literal["always", "initial", "initial_only", "no_data", "when_needed"]
InsertMode = Literal["insert", "upsert", "update"]

_JDBC_URL = re.compile(r"jdbc:\w+://[^/]*/(\w+)(\?.*)?")


@dataclass(frozen=True)
class Route:
    """A RegexRouter: a topic that matches as a whole is renamed."""

    pattern: re.Pattern[str]
    replacement: str

    def __call__(self, topic: str) -> str:
        match = self.pattern.fullmatch(topic)
        return topic if match is None else match.expand(self.replacement)


@dataclass(frozen=True)
class SourceSettings:
    """A source connector: what it captures of which database, and how its records look."""

    name: str
    collection: str | None
    """The captured collection of documents; None where tables are captured."""
    database: str
    prefix: str
    tables: Patterns
    excluded_tables: Patterns
    columns: Patterns
    excluded_columns: Patterns
    server_id: int | None
    snapshot: SnapshotMode
    skipped: frozenset[str]
    skips_unchanged: bool
    time_mode: TimeMode
    deletes: DeleteMode
    added_headers: tuple[str, ...]
    added_fields: tuple[str, ...]
    null_to_default: bool
    key_schema: bool
    value_schema: bool
    routes: tuple[Route, ...]

    def captures(self, table: str) -> bool:
        """Whether a table or collection is captured."""
        name = f"{self.database}.{table}"
        return (not self.tables or self.tables.matches(name)) and not self.excluded_tables.matches(name)

    def carries(self, table: str, column: str) -> bool:
        """Whether values carry a column."""
        name = f"{self.database}.{table}.{column}"
        return (not self.columns or self.columns.matches(name)) and not self.excluded_columns.matches(name)

    def topic(self, table: str) -> str:
        """Where the records of a table go."""
        topic = f"{self.prefix}.{self.database}.{table}"
        for route in self.routes:
            topic = route(topic)
        return topic


@dataclass(frozen=True)
class SinkSettings:
    """A sink connector: which topics it writes to which table of which database, and how."""

    name: str
    topics: tuple[str, ...]
    database: str
    table_format: str
    key_fields: tuple[str, ...]
    included: frozenset[str]
    excluded: frozenset[str]
    insert_mode: InsertMode
    deletes: bool
    quotes_names: bool
    tolerates_errors: bool
    keeps_unreadable: bool
    """Whether records that are tolerated because they cannot be read go to the dead-letter topic."""
    dead_letter_topic: str
    tells_context: bool
    max_retries: int
    retry_seconds: float
    key_null_to_default: bool
    value_null_to_default: bool

    def table(self, topic: str) -> str:
        """The table that a topic's records go to."""
        return self.table_format.replace("${topic}", topic.replace(".", "_"))

    def writes(self, topic: str, field: str) -> bool:
        """Whether a field of the value is written."""
        names = {field, f"{topic}:{field}"}
        return (not self.included or bool(names & self.included)) and not names & self.excluded


Settings = SourceSettings | SinkSettings


def read_settings(
    connector: str, config: Mapping[str, str], *, environ: Mapping[str, str], databases: Collection[str]
) -> Settings:
    """What a configuration asks for, of one of these databases.

    Raises:
        ConfigInvalid: naming the connector, the options and what is wrong with them.
    """
    values = check(connector, config, environ)
    if values.class_name == JDBC:
        return _sink(values, databases)
    return _source(values, databases)


def refuse_doubled_server_id(settings: Settings, others: Iterable[Settings | ConfigInvalid]) -> None:
    """MySQL throws out the older of two readers with one id, with error 1236.

    Raises:
        ConfigInvalid: one of `others`, that is not the same connector, has the id already.
    """
    if not isinstance(settings, SourceSettings) or settings.server_id is None:
        return
    for other in others:
        if not isinstance(other, SourceSettings) or other.name == settings.name:
            continue
        if other.server_id == settings.server_id:
            reason = f"{settings.server_id} is that of {other.name} already"
            raise ConfigInvalid(settings.name, [Problem("database.server.id", reason)])


def _source(values: Values, databases: Collection[str]) -> SourceSettings:
    holds_documents = values.class_name == MONGODB
    database, tables = (_documents if holds_documents else _tables)(values, databases)
    aliases = values.list("transforms")
    unwraps = [alias for alias in aliases if values.text(f"transforms.{alias}.type") != ROUTER]
    if len(unwraps) != 1:
        raise values.refuse("transforms", "must hold one unwrap transform: envelopes are not made here")
    unwrap = f"transforms.{unwraps[0]}"
    for option in (f"{unwrap}.add.headers", f"{unwrap}.add.fields"):
        for added in values.list(option):
            if added not in ADDABLE:
                raise values.refuse(option, f"{added!r} is not one of {', '.join(ADDABLE)}")
    if holds_documents and (values.flag("key.converter.schemas.enable") or _has_value_schema(values)):
        raise values.refuse("value.converter.schemas.enable", "must be false, as that of the key")
    return SourceSettings(
        name=values.connector,
        collection=values.text("capture.target").partition(".")[2] if holds_documents else None,
        database=database,
        prefix=values.text("topic.prefix"),
        tables=tables,
        excluded_tables=values.patterns("table.exclude.list"),
        columns=values.patterns("column.include.list"),
        excluded_columns=values.patterns("column.exclude.list"),
        server_id=None if holds_documents else values.count("database.server.id"),
        snapshot=cast(SnapshotMode, values.text("snapshot.mode")),
        skipped=frozenset(values.list("skipped.operations")),
        skips_unchanged=values.flag("skip.messages.without.change"),
        time_mode=cast(TimeMode, values.text("time.precision.mode")),
        deletes=cast(DeleteMode, values.text(f"{unwrap}.delete.tombstone.handling.mode")),
        added_headers=values.list(f"{unwrap}.add.headers"),
        added_fields=values.list(f"{unwrap}.add.fields"),
        null_to_default=values.flag(f"{unwrap}.replace.null.with.default")
        or values.flag("value.converter.replace.null.with.default"),
        key_schema=values.flag("key.converter.schemas.enable"),
        value_schema=_has_value_schema(values),
        routes=tuple(_route(values, alias) for alias in aliases if alias not in unwraps),
    )


def _has_value_schema(values: Values) -> bool:
    return values.flag("value.converter.schemas.enable")


def _tables(values: Values, databases: Collection[str]) -> tuple[str, Patterns]:
    included, excluded = (
        values.patterns("database.include.list"),
        values.patterns("database.exclude.list"),
    )
    found = [
        name for name in databases if (not included or included.matches(name)) and not excluded.matches(name)
    ]
    return _only(values, "database.include.list", found, databases), values.patterns("table.include.list")


def _documents(values: Values, databases: Collection[str]) -> tuple[str, Patterns]:
    target = values.text("capture.target")
    database, _, collection = target.partition(".")
    if not collection:
        raise values.refuse("capture.target", f"{target!r} is not of the form database.collection")
    literal = values.text("filters.match.mode") == "literal"
    included = Patterns(values.list("collection.include.list"), literal=literal)
    if included and not included.matches(target):
        raise values.refuse("collection.include.list", f"leaves out {target}, the capture.target")
    found = [name for name in databases if name == database]
    return _only(values, "capture.target", found, databases), Patterns([target], literal=True)


def _sink(values: Values, databases: Collection[str]) -> SinkSettings:
    for option in ("key.converter.schemas.enable", "value.converter.schemas.enable"):
        if not values.flag(option):
            raise values.refuse(option, "must be true: a sink knows columns by the schema")
    url = _JDBC_URL.fullmatch(values.text("connection.url"))
    if url is None:
        raise values.refuse("connection.url", "is not of the form jdbc:mysql://host:port/database")
    return SinkSettings(
        name=values.connector,
        topics=values.list("topics"),
        database=_only(values, "connection.url", [url[1]] if url[1] in databases else [], databases),
        table_format=values.text("collection.name.format"),
        key_fields=values.list("primary.key.fields"),
        included=frozenset(values.list("field.include.list")),
        excluded=frozenset(values.list("field.exclude.list")),
        insert_mode=cast(InsertMode, values.text("insert.mode")),
        deletes=values.flag("delete.enabled"),
        quotes_names=values.flag("quote.identifiers"),
        tolerates_errors=values.text("errors.tolerance") == "all",
        keeps_unreadable=bool(values.text("errors.deadletterqueue.topic.name")),
        dead_letter_topic=values.text("errors.deadletterqueue.topic.name") or f"dlq.{values.connector}",
        tells_context=values.flag("errors.deadletterqueue.context.headers.enable"),
        max_retries=values.count("flush.max.retries"),
        retry_seconds=values.count("flush.retry.delay.ms") / 1000,
        key_null_to_default=values.flag("key.converter.replace.null.with.default"),
        value_null_to_default=values.flag("value.converter.replace.null.with.default"),
    )


def _only(values: Values, option: str, found: list[str], databases: Collection[str]) -> str:
    if len(found) != 1:
        raise values.refuse(option, f"names {len(found)} of the databases {', '.join(databases)}, not one")
    return found[0]


def _route(values: Values, alias: str) -> Route:
    """A RegexRouter with Java's `$1` and `${name}` as Python's group references."""
    replacement = values.text(f"transforms.{alias}.replacement").replace("\\", r"\\")
    replacement = re.sub(r"\$(\d)|\$\{(\w+)\}", lambda match: rf"\g<{match[1] or match[2]}>", replacement)
    pattern = re.compile(values.text(f"transforms.{alias}.regex"))
    try:
        pattern.sub(replacement, "")
    except (re.error, IndexError) as error:
        raise values.refuse(
            f"transforms.{alias}.replacement", f"does not fit the pattern ({error})"
        ) from error
    return Route(pattern, replacement)

"""One story on the embedded tier and on real engines: what is to be seen of it is the same on both."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest

from containers.journey import TOPICS
from containers.process import PlatformProcess
from containers.tests.parity.differences import differences
from containers.tests.parity.seen import Seen, look, parts
from containers.tests.parity.story import PEOPLE, SETTINGS, play

MOST_SHOWN = 60

Shape = tuple[str, str, tuple[str, ...], str]
"""Of a record: the schemas of key and value, the fields of the value, the names of the headers."""

SOURCE_HEADER = "__debezium.context.connectorName"

GOLDEN = Path(__file__).parents[1] / "embedded" / "tests" / "golden"


def told(tier_name: str) -> Seen:
    """What is to be seen of the story on a platform of its own, which nothing is left of."""
    with tempfile.TemporaryDirectory(prefix="quartet-parity-") as folder:
        platform = PlatformProcess(Path(folder), tier_name, SETTINGS)
        try:
            platform.start()
            return look(platform.tier, play(platform.tier), PEOPLE)
        finally:
            platform.discard()


@pytest.fixture(scope="module")
def embedded() -> Seen:
    return told("embedded")


@pytest.fixture(scope="module")
def real() -> Seen:
    return told("containers")


@pytest.mark.containers
def test_both_tiers_show_the_same(embedded: Seen, real: Seen) -> None:
    """Topics record by record, tables row by row, documents, answers, mails and connectors."""
    found = differences(real, embedded, ("containers", "embedded"))
    assert not found, "\n".join([f"{len(found)} differences:", *found[:MOST_SHOWN]])


@pytest.mark.containers
@pytest.mark.parametrize("topic", TOPICS)
def test_records_are_shaped_as_the_golden_ones(real: Seen, topic: str) -> None:
    """Schemas, fields and headers are those that the embedded engine's own tests hold it to."""
    written = shapes_seen(real, topic)
    recorded = shapes_recorded(json.loads((GOLDEN / f"{topic}.json").read_text(encoding="utf-8")))
    assert written
    assert written <= recorded


def shapes_seen(seen: Seen, topic: str) -> set[Shape]:
    """Of the records that a source has written."""
    found = set()
    for number in range(int(seen[f"{topic} records"])):
        place = f"{topic}[{number}]"
        if SOURCE_HEADER in (headers := seen[f"{place} headers"]):
            schemas = (seen[f"{place} key schema"], seen[f"{place} value schema"])
            found.add((*schemas, fields(seen[f"{place} value"]), headers))
    return found


def shapes_recorded(records: list[dict[str, Any]]) -> set[Shape]:
    return {
        (parts(record["key"])[0], schema, fields(payload), ", ".join(record["headers"]))
        for record in records
        for schema, payload in [parts(record["value"]) if record["value"] is not None else ("", "")]
    }


def fields(payload: str) -> tuple[str, ...]:
    return tuple(re.findall(r'[{,]"(\w+)":', payload))

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from apps.activation import consumers
from apps.activation.store import PASSWORD_VERSIONS
from apps.activation.tests.desk import Desk
from apps.events.records import ChangeEvent, PoisonRecord, Record, decode

ROW = {"id": 7, "email": "ada@example.org", "password": "h", "User_status": "INACTIVE", "pw_version": 2}


def event(row: Mapping[str, Any] | None) -> ChangeEvent:
    """As the consumer loop reads it from the topic, with the schema that Connect puts around it."""
    value = None if row is None else json.dumps({"schema": {}, "payload": row}).encode()
    return decode(Record("users", 0, 0, b'{"schema": {}, "payload": {"id": 7}}', value, (), 0))


def learned(*rows: Mapping[str, Any] | None) -> dict[Any, Any]:
    desk = Desk()

    async def story() -> None:
        for row in rows:
            await consumers.topics(desk.ports)["users"](event(row))

    asyncio.run(story())
    return {key: kept["pw_version"] for key, kept in desk.documents.kept[PASSWORD_VERSIONS].items()}


def test_the_newest_version_of_each_user_is_kept() -> None:
    """In whatever order events come, and come again; a tombstone says nothing."""
    rows = [ROW, {**ROW, "pw_version": 1}, ROW, {**ROW, "id": 8, "pw_version": 5}, None]
    assert learned(*rows) == {7: 2, 8: 5}


@pytest.mark.parametrize(
    "changes", [{"id": "7"}, {"id": None}, {"pw_version": 0}, {"pw_version": True}, {"pw_version": 2**63}]
)
def test_malformed_rows_are_poison(changes: dict[str, Any]) -> None:
    """They are parked, and nothing is learned from them."""
    with pytest.raises(PoisonRecord) as poison:
        learned({**ROW, **changes})
    assert poison.value.reason == "ROW_INVALID"


def test_the_topic_is_that_of_the_connector() -> None:
    """Name and group are part of the contract."""
    assert list(consumers.topics(ports=None)) == ["users"]  # type: ignore[arg-type]
    assert consumers.GROUP == "activation"

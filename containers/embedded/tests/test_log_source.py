"""The embedded door keeps the contract that the Kafka door keeps."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from apps.events.records import Record
from apps.events.tests import contract
from containers.embedded.log import DurableLog, NewRecord


class LogStage:
    """The durable log as others than its sources see it."""

    def __init__(self, log: DurableLog) -> None:
        self._log = log
        self.open_source = log.open_source

    async def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: contract.Headers = ()
    ) -> int:
        (offset,) = self._log.append([NewRecord(topic, key, value, tuple(headers))])
        return offset

    async def records(self, topic: str) -> Sequence[Record]:
        return self._log.read(topic, 0, 1000)


@pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
def test_contract(rule: contract.Rule, tmp_path: Path) -> None:
    """What every EventSource must do."""

    @asynccontextmanager
    async def stage() -> AsyncIterator[LogStage]:
        log = DurableLog(tmp_path / "log.sqlite")
        try:
            yield LogStage(log)
        finally:
            log.close()

    contract.check(rule, stage)

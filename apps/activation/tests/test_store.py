"""The store of activation: in memory always, and with both drivers on the server that a run names."""

import pytest

from apps.activation.tests import contract
from apps.activation.tests.memory import MemoryDocuments
from apps.storage.tests.engines import DRIVERS, only_on_mongo, open_documents


@pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
def test_contract_in_memory(rule: contract.Rule) -> None:
    """The tests of the room run on documents in memory, which have to do what the server does."""
    contract.check(rule, MemoryDocuments)


@pytest.mark.parametrize("driver", [pytest.param(name, marks=only_on_mongo) for name in DRIVERS])
@pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
def test_contract_on_a_server(rule: contract.Rule, driver: str) -> None:
    """What activation relies on, where it keeps its documents in earnest."""
    contract.check(rule, lambda: open_documents(driver))

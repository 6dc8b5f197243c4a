"""The contract of documents on a MongoDB server, with both drivers."""

import pytest

from apps.storage.tests import contract
from apps.storage.tests.engines import DRIVERS, only_on_mongo, open_documents


@pytest.mark.parametrize("driver", [pytest.param(name, marks=only_on_mongo) for name in DRIVERS])
@pytest.mark.parametrize("rule", contract.RULES, ids=contract.name_of)
def test_contract(rule: contract.Rule, driver: str) -> None:
    """What every Documents must do."""
    contract.check(rule, lambda: open_documents(driver))

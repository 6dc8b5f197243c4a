"""Tests that start containers wait until they are asked for: `pytest containers -m containers`."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "containers" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("containers"):
            item.add_marker(pytest.mark.skip(reason="starts containers: run with -m containers"))

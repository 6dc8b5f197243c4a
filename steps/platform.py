"""The platform under test."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from containers.process import PlatformProcess
from steps import waiting

QUICK = {
    "QUARTET_PROFILE": "development",
    "LOGIN_RETRY_SECONDS": "0",
    "LOGIN_SUSPENSION_SECONDS": "3",
}
"""Settings of the shared platform: the rules as they are, with waits that a suite can afford."""


@pytest.fixture(scope="session")
def shared_platform(request: pytest.FixtureRequest) -> Iterator[PlatformProcess]:
    """The platform that every scenario without settings of its own shares."""
    waiting.patience = request.config.getoption("--patience")
    with tempfile.TemporaryDirectory(prefix="quartet-") as folder:
        platform = PlatformProcess(Path(folder), request.config.getoption("--tier"), QUICK)
        platform.start()
        try:
            yield platform
            assert platform.stop() == 0
        finally:
            platform.discard()


@pytest.fixture
def platform(shared_platform: PlatformProcess) -> PlatformProcess:
    """The shared platform; a Given that asks for one of its own puts that in this place."""
    return shared_platform


@pytest.fixture
def make_platform(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Mapping[str, str]], PlatformProcess]]:
    """Makes platforms that belong to one scenario, which may stop, kill and configure them."""
    with ExitStack() as stack:

        def make(settings: Mapping[str, str]) -> PlatformProcess:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="quartet-"))
            platform = PlatformProcess(Path(folder), request.config.getoption("--tier"), settings)
            stack.callback(platform.discard)
            platform.start()
            return platform

        yield make

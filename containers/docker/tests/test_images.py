"""Where images come from when one is not there."""

from typing import Any

import pytest
from docker.errors import APIError, BuildError, ImageNotFound

from containers.docker import images
from containers.docker.image_names import DEBIAN, KAFKA, MONGO, MONGO_STANDIN, MYSQL
from containers.docker.images import RECIPES, Images
from containers.engines import PlatformRefused


class FakeEngine:
    """Knows what it has, and remembers what was pulled and built."""

    def __init__(self, *, has: set[str], registry: set[str], broken: str | None = None) -> None:
        self.has, self.registry, self.broken = has, registry, broken
        self.built: list[str] = []
        self.images = self

    def get(self, name: str) -> str:
        if name not in self.has:
            raise ImageNotFound(name)
        return name

    def pull(self, name: str) -> None:
        if name not in self.registry:
            raise APIError("no such host")
        self.has.add(name)

    def build(self, *, tag: str, **options: Any) -> None:
        if tag == self.broken:
            raise BuildError("failed", [{"stream": "Step 7\n"}, {"error": "no space left on device"}])
        self.built.append(tag)
        self.has.add(tag)


BASES = {DEBIAN, MYSQL, MONGO}


def test_bases_are_pulled_and_ours_are_built() -> None:
    """The ordinary first start."""
    engine = FakeEngine(has=set(), registry=BASES)
    assert Images(engine).ensure() == MONGO
    assert engine.has >= BASES
    assert engine.built == list(RECIPES)


def test_what_is_there_is_not_pulled_again() -> None:
    """A start without a network is possible."""
    engine = FakeEngine(has=set(BASES), registry=set())
    assert Images(engine).ensure() == MONGO


def test_without_a_registry_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the very names, so that no Dockerfile differs; MongoDB alone has a stand-in."""
    made: list[tuple[str, str]] = []
    monkeypatch.setattr(images, "_debian", lambda release, image: made.append((release, image)))
    engine = FakeEngine(has=set(), registry=set())
    assert Images(engine).ensure() == MONGO_STANDIN
    assert made == [("trixie", DEBIAN), ("sid", "quartet-airgap/debian:sid")]
    assert engine.built == [MYSQL, *RECIPES, MONGO_STANDIN]


def test_a_build_that_fails_shows_its_last_lines() -> None:
    """One sentence, then what the builder said."""
    engine = FakeEngine(has=set(BASES), registry=set(), broken=KAFKA)
    with pytest.raises(PlatformRefused, match="quartet/kafka cannot be built") as refused:
        Images(engine).ensure()
    assert "no space left on device" in str(refused.value)


def test_a_base_that_cannot_be_made_says_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """As on a machine without debootstrap."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatformRefused, match="takes root, debootstrap and docker"):
        Images(FakeEngine(has=set(), registry=set())).ensure()

"""What the containers tier asks of a machine, and what it says where something is missing."""

from typing import Any

import pytest
from docker.errors import APIError, DockerException, ImageNotFound

from containers.docker import doctor, images
from containers.docker.image_names import DEBIAN, MONGO, MYSQL
from containers.engines import PlatformRefused

GIB = 2**30


class FakeDocker:
    """An engine that has some images and may reach a registry."""

    def __init__(self, *, has: set[str], can_pull: bool, **info: Any) -> None:
        self._has, self._can_pull = has, can_pull
        self._info = {
            "ServerVersion": "28.0",
            "NCPU": 4,
            "OperatingSystem": "Linux",
            "OSType": "linux",
            "Architecture": "x86_64",
            "MemTotal": 16 * GIB,
            "DockerRootDir": "/nowhere",
            "Name": "elsewhere",
            **info,
        }
        self.images = self

    def info(self) -> dict[str, Any]:
        return self._info

    def get(self, name: str) -> str:
        if name not in self._has:
            raise ImageNotFound(name)
        return name

    def get_registry_data(self, name: str) -> str:
        if not self._can_pull:
            raise APIError("no such host")
        return name

    def close(self) -> None: ...


ALL = {DEBIAN, MYSQL, MONGO, *images.RECIPES}


def use(monkeypatch: pytest.MonkeyPatch, engine: FakeDocker) -> dict[str, str]:
    """States by the name of the check, as the doctor finds them on this engine."""
    monkeypatch.setattr(doctor, "connect_to_docker", lambda: engine)
    return {check.name: check.state for check in doctor.examine()}


def test_a_good_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to say, and nothing to refuse."""
    assert set(use(monkeypatch, FakeDocker(has=ALL, can_pull=False)).values()) == {"ok"}
    doctor.refuse_missing()


@pytest.mark.parametrize(
    ("info", "check", "state"),
    [
        ({"MemTotal": 2 * GIB}, "memory for containers", "missing"),
        ({"MemTotal": 4 * GIB}, "memory for containers", "warning"),
        ({"Architecture": "riscv64"}, "architecture", "missing"),
        ({"OSType": "windows"}, "Docker", "missing"),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], check: str, state: str
) -> None:
    """And `up` refuses for the same reasons, with what to do."""
    found = use(monkeypatch, FakeDocker(has=ALL, can_pull=False, **info))
    assert {name for name, seen in found.items() if seen != "ok"} == {check}
    assert found[check] == state
    if state == "missing":
        with pytest.raises(PlatformRefused) as refused:
            doctor.refuse_missing()
        assert refused.value.exit_code == 3
        assert str(refused.value)


def test_images_that_can_be_pulled_are_no_worry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start pulls them."""
    assert use(monkeypatch, FakeDocker(has=set(), can_pull=True))["base images"] == "ok"


@pytest.mark.parametrize(
    ("user", "tool", "state"),
    [
        (0, "/usr/sbin/debootstrap", "warning"),
        (0, None, "missing"),
        (1000, "/usr/sbin/debootstrap", "missing"),
    ],
)
def test_images_that_have_to_be_made(
    monkeypatch: pytest.MonkeyPatch, user: int, tool: str | None, state: str
) -> None:
    """Without a registry it takes root and debootstrap."""
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr("shutil.which", lambda name: tool)
    assert use(monkeypatch, FakeDocker(has=set(), can_pull=False))["base images"] == state


def test_a_missing_mongodb_has_a_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is kept back by it, and everybody is told."""
    engine = FakeDocker(has=ALL - {MONGO}, can_pull=False)
    assert use(monkeypatch, engine)["base images"] == "warning"


def test_no_docker_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that names the tier which needs none."""

    def away() -> None:
        raise DockerException("Error while fetching server API version")

    monkeypatch.setattr(images.docker, "from_env", away)
    (check,) = doctor.examine()
    assert check.state == "missing"
    with pytest.raises(PlatformRefused, match="--tier embedded") as refused:
        doctor.refuse_missing()
    assert "Traceback" not in str(refused.value)

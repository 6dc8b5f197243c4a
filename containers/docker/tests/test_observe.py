"""The containers platform as the suite sees it: who is in sign-up's group."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from containers.docker.observe import ContainersTier

NOBODY = (1, "ERROR 2002 (HY000): Can't connect")
OUTSIDE = (0, "")
MINORITY = (0, "mysql2\tSECONDARY\n")
WHOLE = (0, "mysql3\tPRIMARY\nmysql2\tSECONDARY\n")


class Member:
    """A member's container that gives one answer to whatever is run in it."""

    def __init__(self, answer: tuple[int, str]) -> None:
        self._answer = answer

    def run(self, *command: str) -> tuple[int, str]:
        return self._answer


@pytest.mark.parametrize(
    ("answers", "group"),
    [
        ((WHOLE, WHOLE, WHOLE), {"mysql3": "PRIMARY", "mysql2": "SECONDARY"}),
        ((NOBODY, MINORITY, WHOLE), {"mysql3": "PRIMARY", "mysql2": "SECONDARY"}),
        ((OUTSIDE, OUTSIDE, OUTSIDE), {}),
        ((NOBODY, NOBODY, MINORITY), {}),
    ],
)
def test_the_group_is_what_a_member_with_a_primary_tells(
    answers: tuple[tuple[int, str], ...],
    group: Mapping[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dead member, one that is outside and one that is alone tell nothing."""
    members = {f"mysql{number}": Member(answer) for number, answer in enumerate(answers, 1)}

    @contextmanager
    def part_of(data: Path, name: str) -> Iterator[Member]:
        yield members[name]

    monkeypatch.setattr("containers.docker.platform.part_of", part_of)
    tier = ContainersTier.__new__(ContainersTier)
    tier._folder = type("Folder", (), {"path": tmp_path})()
    assert tier.group() == group

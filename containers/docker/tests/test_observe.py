"""The containers platform as the suite sees it: who is in which group of servers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from containers.docker.image_names import MONGO, MONGO_STANDIN
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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dead member, one that is outside and one that is alone tell nothing."""
    members = {f"mysql{number}": Member(answer) for number, answer in enumerate(answers, 1)}
    assert tier_of(members, monkeypatch).group() == group


def test_the_replica_set_is_what_each_member_tells_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead one tells nothing, though the others may still take it for the primary."""
    members = {
        "mongodb1": Member((1, "container is not running")),
        "mongodb2": Member((0, "state=secondary\nprimary=mongodb1:27017\n")),
        "mongodb3": Member((0, "state=primary\nprimary=mongodb3:27017\n")),
    }
    tier = tier_of(members, monkeypatch)
    assert tier.replica_set() == {"mongodb2": "SECONDARY", "mongodb3": "PRIMARY"}
    assert tier.has_mongodb


def test_the_stand_in_is_no_mongodb_and_has_no_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one server, without the scripts of a member."""
    members = {"mongodb1": Member((2, "sh: 0: cannot open /quartet/shell.sh"))}
    tier = tier_of(members, monkeypatch, mongo_image=MONGO_STANDIN)
    assert tier.replica_set() == {}
    assert not tier.has_mongodb


def tier_of(
    members: Mapping[str, Member], monkeypatch: pytest.MonkeyPatch, mongo_image: str = MONGO
) -> ContainersTier:
    @contextmanager
    def found_on_docker(data: Path) -> Iterator[Mock]:
        yield Mock(find=members.__getitem__)

    monkeypatch.setattr("containers.docker.engine.found_on_docker", found_on_docker)
    tier = ContainersTier.__new__(ContainersTier)
    tier._folder = Mock(path=Path("/unused"))
    tier._description = Mock(engines={"mongo_image": mongo_image})
    return tier

"""How a platform on real engines is seen: what is not there now is told apart from what is wrong."""

from pathlib import Path

import pytest

from containers.engines import EngineAway
from containers.folder import DataFolder, Description
from containers.ports import free_ports
from containers.real_engines import RealTier, SQLAddress
from containers.settings import LOCALHOST


@pytest.fixture
def tier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealTier:
    """A platform none of whose engines answers."""
    monkeypatch.setattr("containers.real_engines.TIMEOUT_SECONDS", 0.1)
    sql, mongo, kafka, connect = free_ports(4)
    description = Description(
        tier="containers",
        pid=1,
        profile="development",
        started_at="2026-01-01T00:00:00Z",
        urls={"connect": f"http://{LOCALHOST}:{connect}"},
        smtp="localhost:1025",
        ports={},
    )
    return RealTier(
        DataFolder(tmp_path),
        description,
        databases={"login_db": SQLAddress(LOCALHOST, sql, "observer", "secret", "login_db")},
        mongo_url=f"mongodb://{LOCALHOST}:{mongo}/activate_user_reg_db",
        bootstrap=f"{LOCALHOST}:{kafka}",
    )


def test_an_engine_that_does_not_answer_is_away(tier: RealTier) -> None:
    """Each in the same way, so that whoever waits for it needs to know no driver."""
    try:
        with pytest.raises(EngineAway, match="login_db"):
            tier.rows("login_db", "users")
        with pytest.raises(EngineAway, match="activate_user_reg_db"):
            tier.documents("active_users")
        with pytest.raises(EngineAway, match="Kafka"):
            tier.records("users")
        with pytest.raises(EngineAway, match="Nothing answers"):
            tier.connectors.overview()
    finally:
        tier.close()

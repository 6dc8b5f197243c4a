"""The map is drawn from the connector files, not by hand."""

from itertools import pairwise

import pytest

from containers.connect_configs import read_configs
from containers.console.flow import read_flow
from containers.console.picture import Box, draw
from containers.console.tests.watched import FLOW


def test_the_flow_is_that_of_the_files() -> None:
    """Seven connectors and three consumers between four stores and five topics."""
    carriers = {carrier.name: carrier for carrier in FLOW.carriers}
    assert [carrier.kind for carrier in carriers.values()].count("consumer") == 3
    assert len(carriers) == 10
    assert carriers["loginconnector"].topics == ("login_db.users", "login_db.suspended_users")
    assert (carriers["login-sink-connector"].store, carriers["login-sink-connector"].topics) == (
        "login_db",
        ("users",),
    )
    assert carriers["mongonewuserconnector"].topics == ("mongoserver1.activate_user_reg_db.active_users",)
    assert len(FLOW.topics) == 5


def test_another_file_makes_another_flow() -> None:
    """A source that writes elsewhere is drawn elsewhere."""
    configs = {name: dict(config) for name, config in read_configs({}).items()}
    configs["signupconnector"]["transforms.dropTopicPrefix.replacement"] = "accounts"
    source = next(carrier for carrier in read_flow(configs).carriers if carrier.name == "signupconnector")
    assert source.topics == ("accounts",)


def test_no_box_lies_on_another() -> None:
    """Each column is readable."""
    picture = draw(FLOW)
    for column in (picture.stores, picture.carriers, picture.topics):
        boxes = sorted(column.values(), key=lambda box: box.y)
        assert all(upper.y + upper.height < lower.y for upper, lower in pairwise(boxes))
        assert boxes[-1].y + boxes[-1].height <= picture.height


@pytest.mark.parametrize("carrier", FLOW.carriers, ids=lambda carrier: carrier.name)
def test_an_arrow_leads_from_where_data_is_to_where_it_goes(carrier: object) -> None:
    """Out of the store for a source, into it for everything else, and through its carrier."""
    picture = draw(FLOW)
    for arrow in picture.arrows:
        store = picture.stores[next(one.store for one in FLOW.carriers if one.name == arrow.carrier)]
        ends = [_point(arrow.path.split("C")[0][1:]), _point(" ".join(arrow.path.rsplit(" ", 2)[-2:]))]
        start, end = ends if arrow.kind == "source" else ends[::-1]
        assert _is_on_edge(start, store)
        assert _is_on_edge(end, picture.topics[arrow.topic])
        assert f"{picture.carriers[arrow.carrier].middle:g}" in arrow.path


def _point(text: str) -> tuple[float, float]:
    x, y = text.split()
    return float(x), float(y)


def _is_on_edge(point: tuple[float, float], box: Box) -> bool:
    return point[0] in (box.x, box.x + box.width) and box.y < point[1] < box.y + box.height

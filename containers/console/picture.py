"""Where everything stands on the map: stores on the left, topics on the right, what carries between them.

All lengths are units of the picture's own view box, which is `WIDTH` wide; the page scales it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from containers.console.flow import Carrier, Flow

WIDTH = 1000
STORE_WIDTH, STORE_HEIGHT = 190, 84
CARRIER_WIDTH, CARRIER_HEIGHT = 300, 52
TOPIC_WIDTH, TOPIC_HEIGHT = 264, 64
CARRIER_GAP = 14
MARGIN = 10
HEADING = 30
"""Above the boxes, for the names of the three columns."""

STORE_X = MARGIN
CARRIER_X = 306
TOPIC_X = WIDTH - MARGIN - TOPIC_WIDTH


@dataclass(frozen=True)
class Box:
    """A rectangle; x and y are its upper left corner."""

    name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Arrow:
    """The way of data over one carrier, from a store to a topic or back, as an SVG path."""

    carrier: str
    kind: str
    topic: str
    path: str


@dataclass(frozen=True)
class Picture:
    """All boxes by name, and all arrows."""

    height: float
    stores: Mapping[str, Box]
    carriers: Mapping[str, Box]
    topics: Mapping[str, Box]
    arrows: Sequence[Arrow]


def draw(flow: Flow) -> Picture:
    """The picture of a flow; carriers stand between the rows of what they connect, so few arrows cross."""
    rows = {store: float(index) for index, store in enumerate(flow.stores)}
    topic_rows = {
        topic: _mean(rows[carrier.store] for carrier in flow.carriers if topic in carrier.topics)
        for topic in flow.topics
    }

    def row_of(carrier: Carrier) -> float:
        return _mean([rows[carrier.store], *(topic_rows[topic] for topic in carrier.topics)])

    carriers = sorted(flow.carriers, key=row_of)
    height = 2 * MARGIN + HEADING + len(carriers) * (CARRIER_HEIGHT + CARRIER_GAP) - CARRIER_GAP
    boxes = _column([carrier.name for carrier in carriers], CARRIER_X, CARRIER_WIDTH, CARRIER_HEIGHT, height)
    stores = _column(flow.stores, STORE_X, STORE_WIDTH, STORE_HEIGHT, height)
    topics = _column(
        sorted(flow.topics, key=topic_rows.__getitem__), TOPIC_X, TOPIC_WIDTH, TOPIC_HEIGHT, height
    )
    at_store = _docks(carriers, lambda carrier: [(carrier.store, carrier.name)], stores)
    at_topic = _docks(
        carriers, lambda carrier: [(topic, f"{carrier.name}\n{topic}") for topic in carrier.topics], topics
    )
    arrows = [
        Arrow(
            carrier.name,
            carrier.kind,
            topic,
            _path(
                carrier,
                at_store[carrier.name],
                boxes[carrier.name].middle,
                at_topic[f"{carrier.name}\n{topic}"],
            ),
        )
        for carrier in carriers
        for topic in carrier.topics
    ]
    return Picture(height, stores, boxes, topics, arrows)


def _column(names: Sequence[str], x: float, width: float, height: float, room: float) -> dict[str, Box]:
    """Boxes below each other, spread over the whole height."""
    top = MARGIN + HEADING
    step = (room - top - MARGIN - height) / max(1, len(names) - 1)
    return {
        name: Box(name, x, round(top + index * step, 1), width, height) for index, name in enumerate(names)
    }


def _docks(
    carriers: Sequence[Carrier],
    ends_of: Callable[[Carrier], Sequence[tuple[str, str]]],
    boxes: Mapping[str, Box],
) -> dict[str, float]:
    """Where each arrow meets the edge of a box, by the arrow's name; in the order of the carriers."""
    arriving: dict[str, list[str]] = {}
    for carrier in carriers:
        for box, arrow in ends_of(carrier):
            arriving.setdefault(box, []).append(arrow)
    return {
        arrow: boxes[box].y + boxes[box].height * (index + 1) / (len(arrows) + 1)
        for box, arrows in arriving.items()
        for index, arrow in enumerate(arrows)
    }


def _path(carrier: Carrier, store_y: float, carrier_y: float, topic_y: float) -> str:
    """Through the carrier, in the direction in which data moves."""
    points = [
        (STORE_X + STORE_WIDTH, store_y),
        (CARRIER_X, carrier_y),
        (CARRIER_X + CARRIER_WIDTH, carrier_y),
        (TOPIC_X, topic_y),
    ]
    if carrier.kind != "source":
        points.reverse()
    (x, y), *_ = points
    path = [f"M{x:g} {y:g}"]
    for (from_x, from_y), (to_x, to_y) in pairwise(points):
        bend = (from_x + to_x) / 2
        path.append(f"C{bend:g} {from_y:g} {bend:g} {to_y:g} {to_x:g} {to_y:g}")
    return "".join(path)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)

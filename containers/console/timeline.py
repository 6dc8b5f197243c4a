"""How a journey is laid out: stretches in which something was in flight, and between them the waiting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from containers.hops import Hop, Moment
from containers.journey import Journey

WAIT_SECONDS = 0.5
"""A gap so long, with nothing in flight, is somebody thinking: hops and password checks take less."""

LEAST_WIDTH = 0.5
"""Per cent of the scale: a hop of no time is still seen."""


@dataclass(frozen=True)
class Bar:
    """A hop on the scale of its stretch; `left` and `width` are per cent."""

    hop: Hop
    left: float
    width: float


@dataclass(frozen=True)
class Line:
    """A moment, how long after the one before, and the hops that ended with it."""

    moment: Moment
    after_ms: float
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Stretch:
    """Moments that belong together. waited_seconds: how long nothing was in flight before it; at first 0."""

    waited_seconds: float
    lines: Sequence[Line]

    @property
    def began_at(self) -> datetime:
        return self.lines[0].moment.at


@dataclass(frozen=True)
class Timeline:
    """All of a journey. scale_ms: what the whole width of every bar cell stands for."""

    stretches: Sequence[Stretch]
    scale_ms: float

    @property
    def waited_seconds(self) -> float:
        return round(sum(stretch.waited_seconds for stretch in self.stretches), 1)

    @property
    def took_ms(self) -> float:
        """From the first moment to the last."""
        return round(_ms(self.stretches[0].began_at, self.stretches[-1].lines[-1].moment.at), 1)


def lay_out(journey: Journey) -> Timeline | None:
    """The timeline of a journey; None where nothing is known to have happened.

    All stretches have one scale, that of the longest: bars can be compared over the whole page.
    """
    groups: list[list[Moment]] = []
    waits: list[float] = []
    before: Moment | None = None
    for moment in journey.moments:
        waited = (moment.at - before.at).total_seconds() if before else 0.0
        is_first = before is None
        if is_first or (waited >= WAIT_SECONDS and not _in_flight(journey.hops, before, moment)):
            groups.append([])
            waits.append(waited)
        groups[-1].append(moment)
        before = moment
    if not groups:
        return None
    scale_ms = max(1.0, *(_ms(group[0].at, group[-1].at) for group in groups))
    stretches = [
        Stretch(round(waited, 1), _lines(group, journey.hops, scale_ms))
        for waited, group in zip(waits, groups, strict=True)
    ]
    return Timeline(stretches, scale_ms)


def _in_flight(hops: Sequence[Hop], before: Moment | None, after: Moment) -> bool:
    """Whether any hop lasts over the whole gap between two moments."""
    return before is not None and any(hop.cause.at <= before.at and hop.effect.at >= after.at for hop in hops)


def _lines(group: Sequence[Moment], hops: Sequence[Hop], scale_ms: float) -> list[Line]:
    began_at, lines, before = group[0].at, list[Line](), group[0]
    for moment in group:
        bars = [_bar(hop, began_at, scale_ms) for hop in hops if hop.effect is moment]
        lines.append(Line(moment, round(_ms(before.at, moment.at), 1), bars))
        before = moment
    return lines


def _bar(hop: Hop, began_at: datetime, scale_ms: float) -> Bar:
    """Never shorter than can be seen, never beyond the cell."""
    width = min(100.0, max(LEAST_WIDTH, hop.took_ms / scale_ms * 100))
    left = max(0.0, _ms(began_at, hop.cause.at) / scale_ms * 100)
    return Bar(hop, round(min(left, 100 - width), 2), round(width, 2))


def _ms(earlier: datetime, later: datetime) -> float:
    return (later - earlier) / timedelta(milliseconds=1)

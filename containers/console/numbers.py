"""Numbers: how long each hop took lately, how long until a new password has ended old sessions, and load.

Hops are told by the records alone: each holds when it was written, and most hold when their row was.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from containers.engines import Tier, TopicRecord
from containers.hops import (
    ACTIVATION_TOPIC,
    LOGIN_TOPIC,
    PASSWORD_TOPIC,
    SUSPENSION_TOPIC,
    USERS_TOPIC,
    Moment,
    hops_of,
)
from containers.journey import TOPICS, moment_of, row_of

RECORDS = 500
"""Of each topic, the newest: enough for a p99, and read in milliseconds."""

BOUNDS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Upper ends of the histograms' bars; the last bar has none."""


@dataclass(frozen=True)
class Spread:
    """How long something took, over its last times; milliseconds. buckets: how many by bar."""

    count: int
    p50_ms: float | None
    p99_ms: float | None
    buckets: Sequence[int]

    def as_json(self) -> dict[str, Any]:
        bounds = [*BOUNDS_MS, None]
        return {
            "count": self.count,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "buckets": [
                {"up_to_ms": bound, "count": count} for bound, count in zip(bounds, self.buckets, strict=True)
            ],
        }


def spread(times_ms: Iterable[float]) -> Spread:
    """The spread of these times; of none, one without percentiles."""
    ordered = sorted(times_ms)
    buckets = [0] * (len(BOUNDS_MS) + 1)
    for took_ms in ordered:
        buckets[next((at for at, bound in enumerate(BOUNDS_MS) if took_ms <= bound), len(BOUNDS_MS))] += 1
    return Spread(len(ordered), _percentile(ordered, 50), _percentile(ordered, 99), buckets)


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Nearest rank: a time that was really taken."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None


@dataclass(frozen=True)
class HopNumbers:
    """One hop: from where to where, what it is, and how long it took."""

    source: str
    target: str
    what: str
    spread: Spread


@dataclass(frozen=True)
class Propagation:
    """Every hop that was seen; and from a new password's choice until login refuses what was before it."""

    hops: Sequence[HopNumbers]
    revocation: Spread


@dataclass(frozen=True)
class _RowTime:
    """Which column of a topic's records tells when the row was written, and in which units."""

    place: str
    what: str
    column: str
    units_per_second: int
    facts: Mapping[str, str]


_ROW_TIMES = {
    USERS_TOPIC: _RowTime("signup_db.users", "signed up", "regDate", 1_000_000, {}),
    ACTIVATION_TOPIC: _RowTime(
        "activate_user_reg_db.active_users", "activated", "activated_at", 1_000, {"status": "status"}
    ),
    PASSWORD_TOPIC: _RowTime(
        "rpwd_db.users",
        "new password chosen",
        "last_changed_PW",
        1_000_000,
        {"chosen_version": "chosen_version"},
    ),
    SUSPENSION_TOPIC: _RowTime("login_db.suspended_users", "suspended", "suspended_at", 1_000_000, {}),
}


def propagation(tier: Tier) -> Propagation:
    """What the newest records tell; blocking.

    Raises:
        EngineAway: Kafka does not answer.
    """
    ends = tier.positions(TOPICS).ends
    records = {topic: tier.records(topic, max(0, ends.get(topic, 0) - RECORDS)) for topic in TOPICS}
    accounts: dict[str, list[Moment]] = {}
    for topic, found in records.items():
        for record in found:
            accounts.setdefault(_account(topic, record), []).extend(_moments(topic, record))
    taken: dict[tuple[str, str, str], list[float]] = {}
    revoked: list[float] = []
    for moments in accounts.values():
        ordered = sorted({_identity(moment): moment for moment in moments}.values(), key=lambda one: one.at)
        for hop in hops_of(ordered):
            taken.setdefault((hop.source, hop.target, hop.what), []).append(hop.took_ms)
        revoked += _revocations(ordered)
    hops = [HopNumbers(*names, spread(times)) for names, times in sorted(taken.items())]
    return Propagation(hops, spread(revoked))


def _account(topic: str, record: TopicRecord) -> str:
    """Suspensions are keyed by their own id, and name their user."""
    key, row = row_of(record.key) or {}, row_of(record.value) or {}
    return str(row.get("user_id") if topic == SUSPENSION_TOPIC else key.get("id"))


def _moments(topic: str, record: TopicRecord) -> Iterator[Moment]:
    row = row_of(record.value)
    yield moment_of(topic, record, row)
    time = _ROW_TIMES.get(topic)
    written = (row or {}).get(time.column) if time else None
    if time and row and isinstance(written, int) and 0 < written < 1 << 56:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=written / time.units_per_second)
        yield Moment(
            at, time.place, time.what, {name: row.get(column) for name, column in time.facts.items()}
        )


def _identity(moment: Moment) -> tuple[Any, ...]:
    """The moment of a row stands in each of its records."""
    return moment.at, moment.where, moment.what, moment.facts.get("offset")


def _revocations(moments: Sequence[Moment]) -> Iterator[float]:
    """From a new password's choice to the record that shows login with its version."""
    for cause in moments:
        if cause.what != "new password chosen":
            continue
        for effect in moments:
            version = effect.facts.get("pw_version")
            if (
                effect.where == f"topic {LOGIN_TOPIC}"
                and effect.at >= cause.at - timedelta(milliseconds=1)
                and isinstance(version, int)
                and version >= (cause.facts.get("chosen_version") or 0)
            ):
                yield max(0.0, round((effect.at - cause.at) / timedelta(milliseconds=1), 1))
                break


def as_json(found: Propagation) -> dict[str, Any]:
    """The propagation for programs."""
    return {
        "hops": [
            {"from": hop.source, "to": hop.target, "what": hop.what, **hop.spread.as_json()}
            for hop in found.hops
        ],
        "time_to_revoke": found.revocation.as_json(),
    }

"""The watch: while somebody follows, it looks twice a second, and tells each follower what is new to it.

What is told is told from a position: how far a follower has seen the topics and the notes. Who comes back
with its last position gets what it has missed, read from the topics themselves; nothing is kept for it here.
Without a follower nothing is looked at, and nothing is spent.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from containers.console.looks import Look, Looker, Rates, as_json
from containers.engines import EngineAway, Tier
from containers.journey import tell_record
from containers.threads import in_thread

LOOK_SECONDS = 0.5
RESTING_LOOK_SECONDS = 1.0
"""Once nothing has changed for ten looks: an idle platform that is watched is to stay idle."""
LOOKS_TO_REST = 10
RECORDS_AT_ONCE = 100
"""Of a topic, in one message; how many are left out is told. Who loads a platform watches numbers instead."""
NOTES_KEPT = 200


@dataclass(frozen=True)
class Position:
    """How far a follower has seen: the next offset of each topic, and the number of the last note."""

    ends: Mapping[str, int]
    note: int

    def __str__(self) -> str:
        return "-".join(map(str, [self.note, *self.ends.values()]))

    @classmethod
    def parse(cls, text: str, topics: Sequence[str]) -> "Position | None":
        """The position that was told; None for what is none."""
        parts = text.split("-")
        if len(parts) != len(topics) + 1 or not all(
            part.isascii() and part.isdecimal() and len(part) < 16 for part in parts
        ):
            return None
        note, *ends = map(int, parts)
        return cls(dict(zip(topics, ends, strict=True)), note)


@dataclass(frozen=True)
class Message:
    """What is new to one follower; `position` is what it has seen with it."""

    position: Position
    body: Mapping[str, Any]


@dataclass(frozen=True)
class _News:
    """Records in the order of time, the end of each topic with them, and how many older ones are left out."""

    records: list[dict[str, Any]]
    ends: Mapping[str, int]
    left_out: int


class Watch:
    """Looks at one platform for all who follow.

    topics: those whose records are told, in the order in which positions name them.
    """

    def __init__(self, tier: Tier, looker: Looker, topics: Sequence[str]) -> None:
        self._tier, self._looker, self.topics = tier, looker, topics
        self._rates = Rates()
        self._look: Look | None = None
        self._told: dict[str, Any] = {}
        self._notes: deque[dict[str, Any]] = deque(maxlen=NOTES_KEPT)
        self._looks_alike = 0
        self._followers = 0
        self._is_followed = asyncio.Event()
        self._has_looked = asyncio.Condition()

    async def run(self) -> None:
        """Looks while anybody follows; never returns."""
        while True:
            await self._is_followed.wait()
            began = time.monotonic()
            await self.look()
            await asyncio.sleep(max(0.05, self.pause_seconds - (time.monotonic() - began)))

    @property
    def is_followed(self) -> bool:
        """Whether anybody follows; without, `run` waits until somebody does."""
        return self._is_followed.is_set()

    @property
    def pause_seconds(self) -> float:
        """From one look to the next."""
        return LOOK_SECONDS if self._looks_alike < LOOKS_TO_REST else RESTING_LOOK_SECONDS

    async def look(self) -> dict[str, Any]:
        """Looks once; returns what was found, for programs."""
        look = await self._looker.look(time.monotonic())
        async with self._has_looked:
            told = as_json(look, self._rates.add(look))
            self._looks_alike = self._looks_alike + 1 if told == self._told else 0
            self._look, self._told = look, told
            self._has_looked.notify_all()
        return self._told

    def note(self, kind: str, **facts: Any) -> None:
        """Tells every follower something that has happened here: a step of a story, a switch."""
        number = self._notes[-1]["number"] + 1 if self._notes else 1
        self._notes.append({"number": number, "kind": kind, **facts})

    def position(self) -> Position:
        """Where one is who has seen everything of the last look."""
        ends = self._look.ends if self._look else {}
        note = self._notes[-1]["number"] if self._notes else 0
        return Position({topic: ends.get(topic, 0) for topic in self.topics}, note)

    async def follow(self, since: Position | None) -> AsyncIterator[Message]:
        """What is new, message after message, beginning with the state as it is now."""
        at, last, seen_at = since, None, 0.0
        async with self._following():
            while True:
                look, told = await self._next(seen_at)
                seen_at = look.taken_at
                at = self._within(at, look) if at else self.position()
                notes = [note for note in self._notes if note["number"] > at.note]
                news = await in_thread(partial(self._news, at.ends, look.ends))
                if news.records or notes or told != last:
                    at, last = Position(news.ends, notes[-1]["number"] if notes else at.note), told
                    body = {"records": news.records, "left_out": news.left_out, "notes": notes}
                    yield Message(at, {**told, **body})

    def _within(self, at: Position, look: Look) -> Position:
        """A position of before a restart may be ahead of all that is here now, and nothing would be new."""
        newest = self._notes[-1]["number"] if self._notes else 0
        ends = {topic: min(end, look.ends.get(topic, end)) for topic, end in at.ends.items()}
        return Position(ends, min(at.note, newest))

    async def _next(self, seen_at: float) -> tuple[Look, Mapping[str, Any]]:
        """The first look after one that was taken then."""
        async with self._has_looked:
            while self._look is None or self._look.taken_at <= seen_at:
                await self._has_looked.wait()
            return self._look, self._told

    def latest(self, number: int) -> list[dict[str, Any]]:
        """The newest records of all topics, oldest first: what a page shows when it is opened."""
        ends = self._look.ends if self._look else {}
        firsts = {topic: max(0, ends.get(topic, 0) - number) for topic in self.topics}
        return self._news(firsts, ends).records[-number:]

    def _news(self, firsts: Mapping[str, int], ends: Mapping[str, int]) -> "_News":
        """What the topics hold between two positions."""
        found, reached, left_out = [], dict(firsts), 0
        for topic, first in firsts.items():
            end = ends.get(topic, first)
            if end <= first:
                continue
            begin = max(first, end - RECORDS_AT_ONCE)
            try:
                records = self._tier.records(topic, begin)
            except EngineAway:
                continue  # they are told with a later look
            found += [tell_record(topic, record) for record in records if record.offset < end]
            reached[topic] = end
            left_out += begin - first
        found.sort(key=lambda record: record["at"])
        return _News(found, reached, left_out)

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        self._followers += 1
        self._is_followed.set()
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._is_followed.clear()

"""Experiments: something is broken on purpose, and what happens until all is well again is written down."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from apps.auth.errors import Refusal
from apps.web.logs import get_logger
from containers.console.faults import Fault, FaultRefused
from containers.console.watch import Watch
from containers.engines import EngineAway, Tier
from containers.threads import in_thread

log = get_logger("console")

LOOK_SECONDS = 0.25
LONGEST_HEALING_SECONDS = 180.0
KEPT = 20

State = Literal["broken", "healing", "healed", "not healed", "refused"]


class ExperimentUnknown(Refusal):
    """There is no such experiment, or nothing is left to mend in it."""

    status = 404
    code = "EXPERIMENT_UNKNOWN"
    title = "Nothing to mend"
    detail = "There is no such experiment, or it has been mended already."


class ExperimentRunning(Refusal):
    """The same thing is broken already."""

    status = 409
    code = "EXPERIMENT_RUNNING"
    title = "It is broken already"
    detail = "The same experiment is not over yet: mend it, or wait until it has healed."


@dataclass
class Experiment:
    """One fault, from its beginning to the moment when everything is well again.

    told: what was seen, each with the seconds since the beginning.
    healed_after_seconds: from the moment when it was mended (or, where nothing has to be mended, done).
    """

    number: int
    fault: Fault
    state: State = "broken"
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    told: list[tuple[float, str]] = field(default_factory=list)
    healed_after_seconds: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to be mended or to heal."""
        return self.state not in ("broken", "healing")

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "title": self.fault.title,
            "state": self.state,
            "began_at": self.began_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "told": [{"after_seconds": after, "what": what} for after, what in self.told],
            "mend": self.fault.mend_title if self.state == "broken" else None,
            "healed_after_seconds": self.healed_after_seconds,
        }


class Experiments:
    """All experiments since the start; several may run at once, but each fault only once."""

    def __init__(self, tier: Tier, watch: Watch) -> None:
        self._tier, self._watch = tier, watch
        self._all: list[Experiment] = []
        self._mended: dict[int, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def newest_first(self) -> Sequence[Experiment]:
        return self._all[::-1]

    def begin(self, fault: Fault) -> Experiment:
        """Breaks it, and watches from now on.

        Raises:
            ExperimentRunning: the same fault is at work.
        """
        if fault.title in (one.fault.title for one in self._all if not one.is_over):
            raise ExperimentRunning
        for forgotten in [one for one in self._all if one.is_over][
            : 1 - KEPT
        ]:  # what is broken has to be mended
            self._all.remove(forgotten)
            del self._mended[forgotten.number]
        experiment = Experiment(self._all[-1].number + 1 if self._all else 1, fault)
        self._all.append(experiment)
        self._mended[experiment.number] = asyncio.Event()
        task = asyncio.ensure_future(self._run(experiment))
        self._tasks.add(task)
        task.add_done_callback(partial(self._ended, experiment))
        return experiment

    def mend(self, number: int) -> None:
        """Undoes what the experiment has broken.

        Raises:
            ExperimentUnknown: there is none that can be mended.
        """
        broken = {one.number for one in self._all if one.state == "broken" and one.fault.mend is not None}
        if number not in broken:
            raise ExperimentUnknown
        self._mended[number].set()

    def _ended(self, experiment: Experiment, task: asyncio.Task[None]) -> None:
        """What nobody has foreseen must not look as if it were still going on."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            experiment.state = "not healed"
            log.error("experiment_failed", title=experiment.fault.title, error=error)

    async def _run(self, experiment: Experiment) -> None:
        fault, began = experiment.fault, time.monotonic()

        def tell(what: str) -> None:
            experiment.told.append((round(time.monotonic() - began, 1), what))
            self._watch.note("experiment", experiment=experiment.as_json())

        said = ""
        try:
            before = await in_thread(fault.rows)
            tell(await in_thread(fault.act))
            if fault.mend is not None:
                said = await self._watch_until(self._mended[experiment.number], tell)
                experiment.state = "healing"
                tell(await in_thread(fault.mend))
        except (FaultRefused, EngineAway) as refused:
            experiment.state = "refused"
            tell(str(refused))
            return
        experiment.state = "healing"
        since = time.monotonic()
        is_healed = await self._heals(fault, said, tell)
        experiment.state = "healed" if is_healed else "not healed"
        experiment.healed_after_seconds = round(time.monotonic() - since, 2)
        if fault.user_id is not None:
            tell(await self._difference(fault, before))
        for line in await in_thread(fault.outcome):
            tell(line)
        tell(
            f"Everything is well again, {experiment.healed_after_seconds:g} s later."
            if is_healed
            else f"Not well after {LONGEST_HEALING_SECONDS:g} s: the map shows what hangs."
        )

    async def _watch_until(self, event: asyncio.Event, tell: Callable[[str], None]) -> str:
        """Tells every other state until the event; returns the last one."""
        said = ""
        while not event.is_set():
            said = self._tell_new(await self._watch.look(), said, tell)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await event.wait()
            except TimeoutError:
                pass
        return said

    async def _heals(self, fault: Fault, said: str, tell: Callable[[str], None]) -> bool:
        """Whether in time every part is ready, and nothing is left to hand on."""
        until = time.monotonic() + LONGEST_HEALING_SECONDS
        while time.monotonic() < until:
            look = await self._watch.look()
            said = self._tell_new(look, said, tell)
            if look["word"] == "READY" and not await in_thread(partial(self._behind, fault)):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def _tell_new(self, look: dict[str, Any], said: str, tell: Callable[[str], None]) -> str:
        """Tells the state of the platform when it is another one than was told last."""
        now = f"{look['word']} {str(look['cause'] or '').partition(chr(10))[0]}".strip()
        if now != said and (said or look["word"] != "READY"):
            tell(f"The platform is {now}")
        return now

    def _behind(self, fault: Fault) -> Sequence[str]:
        try:
            return [*self._tier.behind(), *fault.waiting()]
        except EngineAway as away:
            return [str(away)]

    async def _difference(self, fault: Fault, before: dict[str, Any]) -> str:
        after = await in_thread(partial(fault.rows))
        changed = [place for place in after if after[place] != before.get(place)]
        if not changed:
            return f"No database shows another row of user {fault.user_id} than before."
        return f"The row of user {fault.user_id} is another one now in {', '.join(changed)}."

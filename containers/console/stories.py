"""The demo user's story, played from the console at a pace that can be watched."""

import asyncio

from apps.auth.errors import Refusal
from containers.console.watch import Watch
from containers.demo import Step, Story
from containers.engines import Tier
from containers.polling import pause_for
from containers.threads import in_thread

PACE_SECONDS = 0.6
"""Between two steps: the story itself is over in less, and nobody would have seen it."""


class StoryPlaying(Refusal):
    """One story is playing already."""

    status = 409
    code = "STORY_PLAYING"
    title = "A story is playing"
    detail = "One story is playing already: watch it to its end, then play the next."


class Stories:
    """Plays one story at a time; each step becomes a note for all who follow."""

    def __init__(self, tier: Tier, watch: Watch) -> None:
        self._tier, self._watch = tier, watch
        self.address: str | None = None
        self._is_playing = False
        self._tasks: set[asyncio.Task[None]] = set()

    def play(self) -> str:
        """Begins a story; returns the address of its user.

        Raises:
            StoryPlaying: one is playing already.
        """
        if self._is_playing:
            raise StoryPlaying
        story = Story(self._tier)
        self._is_playing, self.address = True, story.address
        task = asyncio.ensure_future(self._play(story))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return story.address

    async def _play(self, story: Story) -> None:
        loop = asyncio.get_running_loop()

        def tell(step: Step) -> None:
            loop.call_soon_threadsafe(self._note, story.address, step)
            pause_for(PACE_SECONDS)

        try:
            steps = await in_thread(lambda: story.play(tell))
            self._watch.note("story", address=story.address, ok=not steps[-1].problem, steps=len(steps))
        finally:
            self._is_playing = False

    def _note(self, address: str, step: Step) -> None:
        self._watch.note(
            "step",
            address=address,
            title=step.title,
            ok=step.problem is None,
            told=step.problem or step.came_back,
            took_ms=step.took_ms,
        )

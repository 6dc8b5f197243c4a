"""Blocking work, and work that nothing may leave half done."""

import asyncio

import pytest

from containers.threads import to_the_end


def test_a_cancellation_leaves_nothing_half_done() -> None:
    """It is taken for what is under way anyway; an error of the work comes out."""

    async def story() -> list[str]:
        done: list[str] = []

        async def clear_up() -> None:
            await asyncio.sleep(0.02)
            done.append("cleared up")

        ending = asyncio.ensure_future(to_the_end(clear_up()))
        await asyncio.sleep(0)
        for _ in range(2):
            ending.cancel()
            await asyncio.sleep(0.001)
        await ending
        return done

    assert asyncio.run(story()) == ["cleared up"]

    async def failing() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(to_the_end(failing()))

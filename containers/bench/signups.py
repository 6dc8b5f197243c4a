"""Sign-ups against the hash bound."""

import asyncio
import itertools
import time
from collections.abc import Iterator

from apps.auth.passwords import hash_password
from apps.web.hash_pool import HashPool
from containers.bench.figures import Figure, at_least, median
from containers.bench.load import Answer, Connection, closed_loop
from containers.bench.logins import BLOCK_SECONDS, BLOCKS, WORKERS, hash_rate
from containers.bench.subject import DEV, PASSWORD, running
from containers.process import PlatformProcess


def signup() -> Iterator[Figure]:
    """Sign-ups of new addresses, each with its mail, over what the same executor hashes alone."""
    numbers = itertools.count()

    async def one(connection: Connection, _: int) -> Answer:
        body = {"email": f"person{next(numbers)}@example.org", "password": PASSWORD}
        return await connection.ask("POST", f"{DEV}/signup", body)

    async def measure(platform: PlatformProcess) -> tuple[list[tuple[float, float]], list[Answer]]:
        pool, url = HashPool(), platform.tier.urls["signup"]
        blocks, answers = [], []
        for _ in range(BLOCKS):
            bound, began = await hash_rate(pool, hash_password, PASSWORD, b"bench"), time.perf_counter()
            block = await closed_loop(url, one, workers=WORKERS, seconds=BLOCK_SECONDS)
            blocks.append((bound, len(block) / (time.perf_counter() - began)))
            answers += block
        pool.close()
        return blocks, answers

    with running() as platform:
        blocks, answers = asyncio.run(measure(platform))
    assert {answer.status for answer in answers} == {202}
    yield Figure("signup", "sign-ups", median([rate for _, rate in blocks]), "1/s")
    yield at_least("signup", "sign-ups over hashes", median([b / a for a, b in blocks]), "ratio", 0.85)

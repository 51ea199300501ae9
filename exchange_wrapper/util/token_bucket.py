"""A token bucket: so many requests a second, with a short burst."""

import asyncio
import itertools
import time
from bisect import bisect_left, insort
from collections.abc import Awaitable, Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Hand out tokens at a steady rate, in the order of asking, the urgent ones first.

    Whoever waits is told how long from its place in the queue, and looks again when that is
    over: the rate holds however many tasks ask at once and whoever comes in between.

    Parameters
    ----------
    tokens_per_second : float
        The steady rate, > 0.
    burst : int
        How many tokens may be taken at once after a pause, ≥ 1.
    clock : callable
        Returns seconds that never go back.
    sleep : callable
        Waits so many seconds.
    """

    def __init__(
        self,
        tokens_per_second: float,
        burst: int = 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = tokens_per_second
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._tokens = float(burst)  # negative: a pause is not over yet
        self._counted_at = clock()
        self._numbers = itertools.count()
        self._queue: list[tuple[bool, int]] = []

    @property
    def remaining(self) -> float:
        """Tokens that nobody waits for; negative while there are more waiting than tokens."""
        self._count()
        return self._tokens - len(self._queue)

    async def request_token(self, *, urgent: bool = False) -> None:
        """Take one token and return when it is there; ``urgent`` ones overtake the others."""
        place = (not urgent, next(self._numbers))
        insort(self._queue, place)
        try:
            while (wait_s := self._wait_s(place)) > 0:
                await self._sleep(wait_s)
            self._tokens -= 1
        finally:
            self._queue.remove(place)

    def pause(self, seconds: float) -> None:
        """Hand out nothing for so long: the other side has said that we are too fast."""
        self._count()
        self._tokens = min(self._tokens, 1 - seconds * self._rate)

    def _wait_s(self, place: tuple[bool, int]) -> float:
        self._count()
        missing = bisect_left(self._queue, place) + 1 - self._tokens
        # What is missing by no more than the clock's rounding is there.
        return missing / self._rate if missing > 1e-9 else 0.0

    def _count(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now

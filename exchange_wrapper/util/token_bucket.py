"""A token bucket: so many requests a second, with a short burst."""

import asyncio
import time
from collections.abc import Awaitable, Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Hand out tokens at a steady rate, in the order of asking.

    A token is taken when it is asked for and the caller then waits until it would have been
    there: nobody overtakes, and the rate holds however many tasks ask at once.

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
        self._tokens = float(burst)  # negative: promised, but not there yet
        self._counted_at = clock()

    async def request_token(self) -> None:
        """Take one token and return when it is there."""
        self._count()
        self._tokens -= 1
        if self._tokens < 0:
            await self._sleep(-self._tokens / self._rate)

    def pause(self, seconds: float) -> None:
        """Hand out nothing for so long: the other side has said that we are too fast."""
        self._count()
        self._tokens = min(self._tokens, 1 - seconds * self._rate)

    def _count(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now

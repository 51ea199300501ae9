"""The time a strategy sees: the machine's in paper and live, history's in a backtest."""

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Final, Protocol

from exchange_wrapper.times import SECOND, UtcNs

__all__ = ["NEVER", "Clock", "RealClock", "SimulatedClock"]

NEVER: Final = UtcNs(2**63 - 1)
"""Later than any time."""


class Clock(Protocol):
    """Tells the time and calls back at a time."""

    def now(self) -> UtcNs:
        """Return the time."""
        ...

    def at(self, time: UtcNs, callback: Callable[[], None]) -> None:
        """Call back once at ``time``, or as soon as possible when it has passed."""
        ...


class RealClock:
    """The machine's clock, with timers on the running asyncio loop.

    Parameters
    ----------
    fail : callable
        Gets what a timer's callback raises: nobody waits for a timer.
    """

    def __init__(self, fail: Callable[[Exception], None]) -> None:
        self._fail = fail

    def now(self) -> UtcNs:
        """Return the machine's time."""
        return UtcNs(time.time_ns())

    def at(self, time: UtcNs, callback: Callable[[], None]) -> None:
        """Call back once at ``time``; needs a running loop."""
        delay_s = max(0, time - self.now()) / SECOND
        asyncio.get_running_loop().call_later(delay_s, self._fire, callback)

    def _fire(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception as error:
            self._fail(error)


class SimulatedClock:
    """A clock that stands still until it is moved; it never goes back.

    Attributes
    ----------
    time : UtcNs
        The present; whoever drives the clock sets it, after firing what is due before.
    next_due : UtcNs
        Time of the earliest timer, ``NEVER`` without one.
    """

    def __init__(self, start: UtcNs) -> None:
        self.time = start
        self.next_due = NEVER
        self._timers: list[tuple[UtcNs, int, Callable[[], None]]] = []
        self._count = 0

    def now(self) -> UtcNs:
        """Return the simulated time."""
        return self.time

    def at(self, time: UtcNs, callback: Callable[[], None]) -> None:
        """Call back when the clock passes ``time``; timers of one time fire as they were set."""
        self._count += 1
        heapq.heappush(self._timers, (max(time, self.time), self._count, callback))
        self.next_due = self._timers[0][0]

    def fire(self) -> None:
        """Move to the earliest timer's time and fire that timer."""
        due, _, callback = heapq.heappop(self._timers)
        self.time = due
        self.next_due = self._timers[0][0] if self._timers else NEVER
        callback()

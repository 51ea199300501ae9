"""The time a strategy sees: it stands still until it is moved, by history or by the machine's."""

import heapq
import time
from collections.abc import Callable
from typing import Final, Protocol

from exchange_wrapper.times import UtcNs

__all__ = ["NEVER", "Clock", "RealTime", "SimulatedClock"]

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


class RealTime:
    """The machine's time, for the stamps of what reaches a run.

    Each stamp is later than the one before, so that the stamps tell the order.
    """

    def __init__(self) -> None:
        self._last = UtcNs(0)

    def stamp(self) -> UtcNs:
        """Return the time."""
        self._last = UtcNs(max(time.time_ns(), self._last + 1))
        return self._last


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

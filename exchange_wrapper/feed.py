"""Keep an exchange's feed running: reconnect, notice silence, say when books are lost."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Final

from exchange_wrapper.errors import DataError, Unavailable
from exchange_wrapper.exchange.base import Exchange
from exchange_wrapper.market import BookLost, MarketEvent
from exchange_wrapper.pair import Pair
from exchange_wrapper.times import SECOND, UtcNs
from exchange_wrapper.util import utc_now

__all__ = ["Backoff", "Feed"]

_CONNECT_MAX_S: Final = 10.0
_HEALTHY_NS: Final = 60 * SECOND  # a connection that lived so long starts the back-off anew
_REARM_NS: Final = SECOND // 4  # moving the deadline with every message would cost too much


class Backoff:
    """How long to wait before the next attempt: exponential, capped, with full jitter.

    Each wait is drawn evenly from zero to a bound that doubles, so that clients which failed
    together do not come back together.

    Parameters
    ----------
    draw : callable
        Returns a number in [0, 1).
    """

    FIRST_S: Final = 0.5
    CAP_S: Final = 30.0

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._bound_s = self.FIRST_S

    def next_s(self) -> float:
        """Return the seconds to wait now."""
        delay_s = self._draw() * self._bound_s
        self._bound_s = min(self.CAP_S, 2 * self._bound_s)
        return delay_s

    def reset(self) -> None:
        """Start again from the shortest wait."""
        self._bound_s = self.FIRST_S


class Feed:
    """One exchange's market data without end: connections come and go, the feed stays.

    Parameters
    ----------
    exchange : Exchange
        Makes the connections.
    pairs : iterable of Pair
        What to listen to.
    sink : callable
        Gets every event, in order. It must not block.
    clock, sleep, draw : callable
        The time, waiting, and numbers in [0, 1) for the jitter.

    Attributes
    ----------
    reconnects : int
        Connections made after the first one.
    gaps : int
        Times new snapshots were needed although the connection lived.
    last_message_at : UtcNs or None
        When something last arrived, to within a quarter of a second.
    event_due_at : UtcNs
        From then on an update has to come as an event, whoever else takes it: a connection that
        brings none is silent.
    problem : str
        Why there is no connection now; empty while there is one.
    """

    def __init__(
        self,
        exchange: Exchange,
        pairs: Iterable[Pair],
        sink: Callable[[MarketEvent], None],
        *,
        clock: Callable[[], UtcNs] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.reconnects = 0
        self.gaps = 0
        self.last_message_at: UtcNs | None = None
        self.problem = "connecting"
        self._exchange = exchange
        self._pairs = tuple(pairs)
        self._sink = sink
        self._clock = clock
        self._sleep = sleep
        self._backoff = Backoff(draw)
        self._deadline = asyncio.Timeout(None)
        self._connected_at: UtcNs | None = None
        self.event_due_at = UtcNs(0)
        self._resync_at: float | None = None  # by the loop's time
        self._resync_reason = ""

    async def run(self) -> None:
        """Feed the sink until cancelled.

        A connection that fails, falls silent or talks nonsense is replaced. Any other exception
        is a bug of ours and ends the feed.
        """
        while True:
            wait_s = await self._listen()
            for pair in self._pairs:
                self._sink(BookLost(pair.name(), self.problem, self._clock()))
            await self._sleep(wait_s)
            self.reconnects += 1

    def resync(self, reason: str) -> None:
        """Fetch new snapshots, by a new connection, because a book can't be trusted.

        The connection is kept for the back-off's wait, so that one pair with bad data does not
        take the other pairs' books away again and again.
        """
        if self._resync_at is None:
            self.gaps += 1
            self._resync_reason = reason
            self._resync_at = asyncio.get_running_loop().time() + self._wait_s()
            self._rearm()

    async def _listen(self) -> float:
        """Pass on what one connection says; return the seconds to wait before the next."""
        silence_max_s = self._exchange.silence_max_s
        self._deadline = asyncio.timeout(_CONNECT_MAX_S + silence_max_s)
        self._connected_at = None
        self.event_due_at = UtcNs(0)
        self._resync_at = None
        try:
            async with self._deadline, aclosing(self._connection()) as events:
                async for event in events:
                    self._note(event)
                    self._sink(event)
        except TimeoutError:
            if not self._deadline.expired():
                raise
            if self._resync_at is not None and self._deadline.when() == self._resync_at:
                self.problem = self._resync_reason
                return 0
            self.problem = f"nothing arrived for {silence_max_s:g} s"
        return self._wait_s()

    async def _connection(self) -> AsyncGenerator[MarketEvent, None]:
        # Around the adapter only: the same error out of the sink is a bug and must not look like
        # a lost connection.
        try:
            async with aclosing(self._exchange.connect(self._pairs)) as events:
                async for event in events:
                    yield event
            self.problem = f"{self._exchange.name} ended its feed"
        except (Unavailable, DataError) as error:
            self.problem = error.message

    def _note(self, event: MarketEvent) -> None:
        now = event.received_at
        self.last_message_at = now
        if self._connected_at is None:
            self._connected_at = now
            self.problem = ""
        if now >= self.event_due_at:
            self.event_due_at = UtcNs(now + _REARM_NS)
            self._rearm()
        if type(event) is BookLost:
            self.resync(event.reason)

    def _rearm(self) -> None:
        deadline = asyncio.get_running_loop().time() + self._exchange.silence_max_s
        if self._resync_at is not None:
            deadline = min(deadline, self._resync_at)
        self._deadline.reschedule(deadline)

    def _wait_s(self) -> float:
        connected_at = self._connected_at
        if connected_at is not None and self._clock() - connected_at >= _HEALTHY_NS:
            self._backoff.reset()
        return self._backoff.next_s()

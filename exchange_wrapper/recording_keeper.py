"""Record the books and trades of chosen pairs: events are noted at once, and stored by a thread.

What is stored is at most some seconds behind; ``flush`` makes it complete.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from exchange_wrapper.errors import DataError, StorageUnavailable
from exchange_wrapper.market import BookLost, BookUpdate, Heartbeat, MarketEvent
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage import RecordingLimits, RecordingSink
from exchange_wrapper.storage.recording import Recorder, Segment

__all__ = ["RecordingKeeper"]

_log = logging.getLogger("xwrap.recording")

_PERIOD_S: Final = 3.0
# The newest segment is written again in each period: it must stay cheap to write, and yet long
# enough that the book at its head is a small part of it.
_EVENTS_MAX: Final = 5_000
_SPAN_MAX_S: Final = 60
_WAITING_MAX: Final = 32  # segments of a pair, while the store does not take any

EventListener = Callable[[object, MarketEvent], None]


class RecordingKeeper:
    """Record the events of pairs into a store.

    A store that fails is told of in the log and tried again; what has to be given up meanwhile is
    an interruption of the recording, and is read as one.

    Parameters
    ----------
    store : RecordingSink
        Its calls block and are made in a thread.
    sleep : callable
        Waiting in seconds.
    """

    def __init__(
        self,
        store: RecordingSink,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._sleep = sleep
        self._recordings: dict[str, dict[str, _Recording]] = {}
        self._writer = ThreadPoolExecutor(1, "recording")  # one write at a time, in their order

    def add(
        self,
        exchange: str,
        pairs: Mapping[str, Pair],
        chosen: bool | tuple[str, ...],
        limits: RecordingLimits,
    ) -> list[str]:
        """Record these pairs of an exchange, True for all, and return those that it has not."""
        names = (*pairs,) if chosen is True else chosen or ()
        recordings = {
            name: _Recording(exchange, pairs[name], limits) for name in names if name in pairs
        }
        if recordings:
            self._recordings[exchange] = recordings
        return [name for name in names if name not in pairs]

    def listener(self, exchange: str) -> EventListener | None:
        """Return what has to hear all events of an exchange; None if nothing is recorded there."""
        recordings = self._recordings.get(exchange)
        if recordings is None:
            return None

        def receive(_: object, event: MarketEvent) -> None:
            recording = recordings.get(event.pair)
            if recording is not None and type(event) is not Heartbeat:
                recording.inbox.append(event)

        return receive

    async def run(self) -> None:
        """Store what was received, every few seconds, until cancelled."""
        while True:
            await self._sleep(_PERIOD_S)
            await self.flush()

    async def flush(self) -> None:
        """Store everything that was received until now."""
        received = [
            (recording, recording.take())
            for recordings in self._recordings.values()
            for recording in recordings.values()
        ]
        writing = asyncio.get_running_loop().run_in_executor(self._writer, self._write, received)
        await asyncio.shield(writing)  # what was taken out is written, whoever is cancelled

    async def close(self) -> None:
        """Store the rest, once nothing is received any more."""
        await self.flush()
        self._writer.shutdown()

    def _write(self, received: "list[tuple[_Recording, list[MarketEvent]]]") -> None:
        for recording, events in received:
            try:
                recording.write(self._store, events)
            except StorageUnavailable as error:
                _log.warning("%s can't be recorded now: %s", recording.name, error)
                recording.give_up_oldest()


class _Recording:
    """The recording of one pair."""

    def __init__(self, exchange: str, pair: Pair, limits: RecordingLimits) -> None:
        self.name = f"{pair.name()} at {exchange}"
        self.inbox: list[MarketEvent] = []
        self._limits = limits
        self._recorder = Recorder(exchange, pair, events_max=_EVENTS_MAX, span_max_s=_SPAN_MAX_S)
        self._waiting: deque[Segment] = deque()  # complete, but not stored
        self._is_stored = True  # the current segment is, as far as it goes

    def take(self) -> list[MarketEvent]:
        events, self.inbox = self.inbox, []
        return events

    def write(self, store: RecordingSink, events: list[MarketEvent]) -> None:
        for event in events:
            complete = self._recorder.add(_readable(event))
            if complete is not None:
                self._waiting.append(complete)
        self._is_stored = self._is_stored and not events
        while self._waiting:
            store.put_segment(self._waiting[0], self._limits)
            self._waiting.popleft()
        current = self._recorder.current()
        if current is not None and not self._is_stored:
            store.put_segment(current, self._limits)
            self._is_stored = True

    def give_up_oldest(self) -> None:
        if len(self._waiting) > _WAITING_MAX:
            self._waiting.clear()
            self._recorder.begin_anew()
            _log.error("the recording of %s is interrupted: too much waited", self.name)


def _readable(event: MarketEvent) -> MarketEvent:
    """Read an update; one that is off the pair's increments means that the book is lost."""
    if isinstance(event, BookUpdate):
        try:
            return BookUpdate(event.pair, event.changes, event.time, event.received_at)
        except DataError as error:
            return BookLost(event.pair, error.message, event.received_at)
    return event

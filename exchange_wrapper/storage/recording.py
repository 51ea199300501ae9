"""Recordings of a pair's book and trades: exact, in segments that can be read from any of them on.

A segment begins with the whole book as it was then, so dropping the oldest ones leaves a recording
that still replays. Figures are whole ticks and lots, beside the increments that give them meaning.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from exchange_wrapper.errors import DataError
from exchange_wrapper.market import BookLost, BookSnapshot, BookUpdate, MarketEvent, TradePrint
from exchange_wrapper.numbers import Lots, Ticks
from exchange_wrapper.pair import Pair
from exchange_wrapper.storage import RecordingLimits, RecordingSource
from exchange_wrapper.terms import Side
from exchange_wrapper.times import SECOND, UtcNs

__all__ = [
    "Recorded",
    "Recorder",
    "Segment",
    "decode",
    "encode",
    "first_kept",
    "join",
    "packed",
    "replay",
    "unpacked",
]

Recorded = BookSnapshot | BookUpdate | TradePrint | BookLost
"""What is recorded; signs of life are not."""

_FORMAT: Final = 1
_SIDES: Final = (Side.BUY, Side.SELL)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a recording.

    Attributes
    ----------
    exchange, pair : str
    tick_size, lot_size : Decimal
        What one tick (quote per base) and one lot (base) of its events are.
    start, end : UtcNs
        When its first and its last event were received; segments of a pair start at different
        times.
    opening : BookSnapshot or None
        The book before the first event; None where it was not known.
    events : tuple
        As they were received.
    """

    exchange: str
    pair: str
    tick_size: Decimal
    lot_size: Decimal
    start: UtcNs
    end: UtcNs
    opening: BookSnapshot | None
    events: tuple[Recorded, ...]


class Recorder:
    """Cut the events of one pair into segments. Does no I/O: its user stores what it returns.

    Parameters
    ----------
    exchange : str
    pair : Pair
    events_max : int
        A segment has little more events than that.
    span_max_s : int
        Nor is it much longer than that; so much is lost when the process dies, s.
    """

    def __init__(
        self, exchange: str, pair: Pair, *, events_max: int = 20_000, span_max_s: int = 300
    ) -> None:
        self._exchange = exchange
        self._pair = pair
        self._events_max = events_max
        self._span_max = span_max_s * SECOND
        self._events: list[Recorded] = []
        self._start = self._end = UtcNs(0)
        self._opening: BookSnapshot | None = None
        self._book: dict[Side, dict[Ticks, Lots]] | None = None

    def add(self, event: MarketEvent) -> Segment | None:
        """Record an event; return the segment before it if that is complete."""
        if not isinstance(event, Recorded):
            return None
        full = (
            len(self._events) >= self._events_max
            or event.received_at - self._start >= self._span_max
        )
        # Only a later event begins a segment, so that no two start at the same time.
        complete = self.close() if full and event.received_at > self._end else None
        if not self._events:
            self._start = event.received_at
        self._events.append(event)
        self._end = max(self._end, event.received_at)
        self._apply(event)
        return complete

    def close(self) -> Segment | None:
        """Return what was recorded since the last segment, if anything."""
        segment = self.current()
        if segment is not None:
            self._events.clear()
            self._opening = self._snapshot(segment.events[-1])
        return segment

    def current(self) -> Segment | None:
        """Return the segment as it is by now, if it has begun; it goes on."""
        if not self._events:
            return None
        return Segment(
            self._exchange,
            self._pair.name(),
            self._pair.tick_size,
            self._pair.lot_size,
            self._start,
            self._end,
            self._opening,
            tuple(self._events),
        )

    def begin_anew(self) -> None:
        """Forget what was recorded, for it can't be stored, and go on from the book as it is."""
        if self._events:
            book = self._snapshot(self._events[-1])
            self._events[:] = [] if book is None else [book]
            self._start = self._end
        self._opening = None

    def _apply(self, event: Recorded) -> None:
        match event:
            case BookSnapshot(bids=bids, asks=asks):
                self._book = {Side.BUY: dict(bids), Side.SELL: dict(asks)}
            case BookLost():
                self._book = None
            case BookUpdate(changes=changes) if self._book is not None:
                for side, ticks, lots in changes:
                    if lots:
                        self._book[side][ticks] = lots
                    else:
                        self._book[side].pop(ticks, None)

    def _snapshot(self, last: Recorded) -> BookSnapshot | None:
        if self._book is None:
            return None
        bids, asks = (self._book[side] for side in _SIDES)
        return BookSnapshot(
            self._pair.name(),
            sorted(bids.items(), reverse=True),
            sorted(asks.items()),
            last.received_at if isinstance(last, BookLost) else last.time,
            last.received_at,
        )


def replay(
    source: RecordingSource,
    exchange: str,
    pair: Pair,
    start: UtcNs | None = None,
    end: UtcNs | None = None,
) -> Iterator[Recorded]:
    """Yield what was received of a pair, in its order.

    The first events are those of the whole segment that ``start`` lies in, after its book; nothing
    received at or after ``end`` is among them.

    Raises
    ------
    DataError
        The recording can't be read, or it has other increments than ``pair``.
    """
    segments = source.segments(exchange, pair.name(), start, end)
    return join(segments, end, (pair.tick_size, pair.lot_size))


def join(
    segments: Iterable[Segment],
    end: UtcNs | None = None,
    increments: tuple[Decimal, Decimal] | None = None,
) -> Iterator[Recorded]:
    """Yield the first segment's book and the events of all segments.

    Where a recording was interrupted, the book is lost until its next snapshot.

    Parameters
    ----------
    segments : iterable of Segment
        Of one pair, oldest first.
    end : UtcNs, optional
        Leave out what was received then or later.
    increments : tuple of Decimal, optional
        Tick size and lot size that all must have; by default those of the first.

    Raises
    ------
    DataError
        One has others.
    """
    known, begun = False, False
    for segment in segments:
        own = segment.tick_size, segment.lot_size
        increments = increments or own
        if own != increments:
            raise DataError(
                f"the recording of {segment.pair} on {segment.exchange} has ticks of {own[0]} and "
                f"lots of {own[1]}, not {increments[0]} and {increments[1]}"
            )
        if segment.opening is None:
            if known:
                yield BookLost(segment.pair, "the recording was interrupted", segment.start)
                known = False
        elif not begun:
            yield segment.opening
            known = True
        begun = True
        for event in segment.events:
            if end is None or event.received_at < end:
                yield event
                if isinstance(event, BookSnapshot | BookLost):
                    known = isinstance(event, BookSnapshot)


def first_kept(stored: Sequence[tuple[int, int, int]], limits: RecordingLimits) -> int:
    """Return the start of the oldest segment that the limits leave room for.

    Parameters
    ----------
    stored : sequence of (start, end, size)
        At least one; times in ns, size in bytes; oldest first.
    limits : RecordingLimits
    """
    first, newest_end, total = stored[-1]
    for start, end, size in reversed(stored[:-1]):
        total += size
        if total > limits.bytes_max or newest_end - end > limits.age_max_s * SECOND:
            break
        first = start
    return first


def encode(segment: Segment) -> bytes:
    """Return a segment as bytes."""
    content = (
        _FORMAT,
        format(segment.tick_size, "f"),
        format(segment.lot_size, "f"),
        segment.start,
        segment.end,
        None if segment.opening is None else packed(segment.opening),
        [packed(event) for event in segment.events],
    )
    return zlib.compress(msgspec.msgpack.encode(content), 1)


def decode(exchange: str, pair: str, content: bytes) -> Segment:
    """Return the segment that was made bytes.

    Raises
    ------
    DataError
        They are damaged or of another version.
    """
    try:
        version, *rest = msgspec.msgpack.decode(zlib.decompress(content))
        if version != _FORMAT:
            raise DataError(f"the recording of {pair} on {exchange} is of version {version}")
        tick_size, lot_size, start, end, opening, events = rest
        first = None if opening is None else unpacked(pair, opening)
        assert first is None or isinstance(first, BookSnapshot)
        return Segment(
            exchange,
            pair,
            Decimal(tick_size),
            Decimal(lot_size),
            start,
            end,
            first,
            tuple(unpacked(pair, event) for event in events),
        )
    except (zlib.error, msgspec.DecodeError, TypeError, ValueError) as error:
        raise DataError(f"the recording of {pair} on {exchange} is damaged: {error}") from error


def packed(event: Recorded) -> tuple[object, ...]:
    """Return an event as a kind, two members of which the second is ``received_at``, and the rest.

    ``u`` is an update, ``t`` a trade, ``s`` a snapshot, ``l`` a loss of the book; sides are 0 for
    bids and 1 for asks.
    """
    match event:
        case BookUpdate():
            changes = [(_SIDES.index(side), ticks, lots) for side, ticks, lots in event.changes]
            return "u", event.time, event.received_at, changes
        case TradePrint():
            side = _SIDES.index(event.maker_side)
            figures = (event.trade_id, event.price, event.size, side)
            return "t", event.time, event.received_at, *figures
        case BookSnapshot():
            return "s", event.time, event.received_at, event.bids, event.asks
        case BookLost():
            return "l", event.reason, event.received_at


def unpacked(pair: str, members: Sequence[Any]) -> Recorded:
    """Return the event that was packed."""
    kind, *rest = members
    if kind == "u":
        time, received_at, changes = rest
        return BookUpdate(
            pair, [(_SIDES[side], ticks, lots) for side, ticks, lots in changes], time, received_at
        )
    if kind == "t":
        time, received_at, trade_id, price, size, side = rest
        return TradePrint(pair, trade_id, price, size, _SIDES[side], time, received_at)
    if kind == "s":
        time, received_at, bids, asks = rest
        bids, asks = ([(ticks, lots) for ticks, lots in side] for side in (bids, asks))
        return BookSnapshot(pair, bids, asks, time, received_at)
    reason, received_at = rest
    return BookLost(pair, reason, received_at)
